// SPDX-License-Identifier: Apache-2.0
// Chooses the containers; with --all, each is changed by a process of its own.
#include "command/refresh/refresh.hpp"

#include <boost/program_options.hpp>
#include <ctime>
#include <ostream>

#include "command/attach/live_request.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/engines/host_config.hpp"
#include "command/ps/sampler.hpp"
#include "command/refresh/apart.hpp"
#include "command/refresh/refresh_view.hpp"
#include "command/refresh/refreshing.hpp"
#include "host/host_facts.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kAll = "all";
constexpr const char* kForce = "force";

struct Choice {
  bool is_dry_run = false;
  bool is_forced = false;
  bool is_one_of_all = false;
};

Refreshed refresh(const ContainerRecord& record, const Choice& choice, const HostConfig& config,
                  CommandContext& context) {
  const LiveContainer container = pin_container(record, context.system);
  const Refreshment refreshment = plan_refresh(container, config, context);
  Refreshed done = describe(record, refreshment);
  if (refreshment.is_complete) return done;
  done.holders = holders_of_stale(refreshment, container, context.system);
  if (choice.is_dry_run) return done;
  if (!done.holders.empty() && !choice.is_forced) {
    throw_in_use(describe(record), "the driver of before", done.holders);
  }
  const auto apply = [&] { return apply_refresh(refreshment, container, context); };
  const Notes notes = choice.is_one_of_all ? run_apart(apply) : apply();
  done.notes.insert(done.notes.end(), notes.begin(), notes.end());
  if (refreshment.after) {
    const Notes more = container.changes->write(*refreshment.after);
    done.notes.insert(done.notes.end(), more.begin(), more.end());
  }
  return done;
}

/// Containers with GPUs as `ps` finds them: by records of engines, or by the names of cgroups.
std::vector<GpuContainer> containers_with_gpus(const HostConfig& config, CommandContext& context) {
  const Inventory inventory = read_devices(context.system, open_driver_root(config.seen_from_here));
  Sampler sampler(context.system, context.caller);
  return sampler.take(inventory, static_cast<double>(std::time(nullptr))).containers;
}

std::vector<Refreshed> refresh_all(const Choice& choice, const HostConfig& config,
                                   CommandContext& context) {
  std::vector<Refreshed> all;
  for (const GpuContainer& container : containers_with_gpus(config, context)) {
    const ContainerRecord& record = container.record;
    // `ps` also shows programs in namespaces of their own, which may be no containers.
    if (record.id.empty()) continue;
    try {
      all.push_back(refresh(record, choice, config, context));
    } catch (const Error& error) {
      if (error.code() == Code::container_gone) continue;
      all.push_back(
          {.container = record, .result = Refreshed::Result::failed, .reason = to_line(error)});
    }
  }
  return all;
}

}  // namespace

void add_refresh_options(po::options_description& options) {
  options.add_options()(kAll, po::bool_switch(), "all containers with GPUs that run")(
      kForce, po::bool_switch(), "although processes use what is replaced")(
      kDryRunOption, po::bool_switch(), "only show what would be done");
}

Outcome run_refresh(const OptionValues& values, CommandContext& context) {
  const std::vector<std::string> operands = operands_of(values);
  const bool all = values[kAll].as<bool>();
  if (operands.size() != (all ? 0U : 1U)) {
    throw UsageFault("refresh takes one container or process, or --all");
  }
  const HostConfig config = read_host_config(context);
  require_own_host(config, "refresh");
  const Choice choice{.is_dry_run = values[kDryRunOption].as<bool>(),
                      .is_forced = values[kForce].as<bool>(),
                      .is_one_of_all = all};
  std::vector<Refreshed> done;
  if (all) {
    done = refresh_all(choice, config, context);
  } else {
    const ContainerRecord record =
        running_container(operands.front(), context.system, context.caller);
    done.push_back(refresh(record, choice, config, context));
  }
  if (context.json) {
    print_json(refreshed_json(done, choice.is_dry_run), context.out);
  } else {
    context.out << refreshed_text(done, choice.is_dry_run, context.style);
  }
  return outcome_of(done);
}

}  // namespace nvhook
