// SPDX-License-Identifier: Apache-2.0
// Compares a running container with the host's driver, and with the plan for a start now.
#include "command/inspect/inspect.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <ostream>

#include "cgroup/systemd/filter_guesses.hpp"
#include "command/containers/container_cgroup.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/container_plan.hpp"
#include "command/containers/docker_record.hpp"
#include "command/containers/process_view.hpp"
#include "command/engines/host_config.hpp"
#include "command/inspect/inspect_view.hpp"
#include "host/host_facts.hpp"
#include "os/device_number.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

const std::string& container_of(const OptionValues& values) {
  const bool is_given = values.contains("operand");
  if (!is_given || values["operand"].as<std::vector<std::string>>().size() != 1) {
    throw UsageFault("inspect takes one container or process");
  }
  return values["operand"].as<std::vector<std::string>>().front();
}

/// The host's driver, with everything of it that a container could have.
struct HostToday {
  std::optional<HostFacts> host = {};
  std::optional<Error> failure = {};

  HostToday(const HostConfig& config, CommandContext& context) {
    const Request everything{
        .devices = AllDevices{},
        .capabilities = CapabilitySet::all(),
        .mig_config = true,
        .mig_monitor = true,
        .features = {.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}};
    try {
      host = read_host(everything, config.seen_from_here, context.system, context.log);
    } catch (const Error& error) {
      failure = error;
    }
  }
};

Notes notes_of(const ContainerPlan& would_get) {
  if (!would_get.has_config) {
    return {info("its config.json is not known, so what it asked for is not compared")};
  }
  Notes notes = would_get.notes;
  if (would_get.failure) {
    notes.push_back(warning("it would not start now: " + to_line(*would_get.failure)));
  }
  return notes;
}

std::vector<DeviceNumber> numbers_of(const ContainerDriver& driver) {
  std::vector<DeviceNumber> numbers;
  for (const ContainerNode& node : driver.nodes) numbers.push_back(node.number);
  return numbers;
}

/// Its last failure says more than that it does not run.
[[noreturn]] void throw_not_running(const ContainerRecord& record, const RootDir& system) {
  const std::string failure =
      record.docker_files.empty() ? std::string() : docker_settings(record, system).failure;
  throw Error(
      Code::container_gone,
      describe(record) + " does not run" +
          (failure.empty() ? "" : "; its last start failed: " + failure),
      "start it, or ask what it would get: oci-nvidia explain --container " + word_of(record));
}

Outcome outcome_of(const std::vector<Finding>& findings) {
  const auto has = [&](Finding::Level level) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Finding& finding) { return finding.level == level; });
  };
  if (has(Finding::Level::bad)) return Outcome::broken;
  return has(Finding::Level::warning) ? Outcome::warning : Outcome::good;
}

}  // namespace

void add_inspect_options(boost::program_options::options_description& options) {
  options.add_options()("all,a", boost::program_options::bool_switch(),
                        "every file and node, on a terminal too");
}

Outcome run_inspect(const OptionValues& values, CommandContext& context) {
  const ContainerRecord record =
      find_container(container_of(values), context.system, context.caller);
  if (record.pid == 0) throw_not_running(record, context.system);
  const ProcessView process(record.pid, context.system);
  const RootDir root = process.root();
  const std::vector<MountEntry> mounts = parse_mount_table(process.text("mountinfo"));
  const HostConfig config = read_host_config(context);
  const HostToday today(config, context);
  const ContainerPlan would_get = plan_again(record, root, config, context);

  const Plan* const plan = would_get.planned ? &would_get.planned->plan : nullptr;
  const Inventory* const inventory = today.host ? &today.host->inventory : nullptr;
  const ContainerDriver driver = look_at_container(root, mounts, plan);
  const std::string cgroup = process.text("cgroup");
  const auto own = own_cgroups(cgroup, would_get.cgroups_path, record.id);
  const auto planned =
      plan == nullptr ? std::vector<DeviceNumber>() : devices_of(plan->device_rules);
  FilterGuesses guesses =
      filter_guesses(would_get.config_json, own.value_or(cgroup), context.system, planned);
  guesses.granted.push_back(planned);
  const DeviceAccess access =
      look_at_devices(own.value_or(cgroup), numbers_of(driver), context.system, guesses);
  const Inspection inspection{
      .container = record,
      .driver = driver,
      .access = access,
      .today = inventory,
      .findings = judge(driver, access,
                        {.container = record.user.empty() ? word_of(record) : "",
                         .inventory = inventory,
                         .failure = today.failure,
                         .plan = plan,
                         .no_request = would_get.no_request,
                         .missing = would_get.missing,
                         .by_hook = would_get.injector == Injector::this_hook}),
      .notes = notes_of(would_get)};
  if (context.json) {
    print_json(inspection_json(inspection), context.out);
  } else {
    const bool is_whole = values["all"].as<bool>() || context.style.columns == 0;
    context.out << inspection_text(inspection, is_whole, context.style);
  }
  return outcome_of(inspection.findings);
}

}  // namespace nvhook
