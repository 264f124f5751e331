// SPDX-License-Identifier: Apache-2.0
// Chooses the containers; with --all, what fails for one does not keep the others from theirs.
#include "command/regrant/regrant.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <ostream>

#include "command/containers/container_lookup.hpp"
#include "command/engines/host_config.hpp"
#include "command/regrant/regrant_view.hpp"
#include "command/regrant/regranting.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kAll = "all";
constexpr const char* kDryRun = "dry-run";

void require_root() {
  if (::geteuid() != 0 || in_user_namespace()) {
    throw Error(Code::cgroup_denied, "only root of the host may change device rules",
                "sudo oci-nvidia regrant …; rootless containers do not need it: no device rules "
                "are in force in a user namespace");
  }
}

void require_own_host(const HostConfig& config) {
  if (config.is_ours) return;
  throw Error(Code::cgroup_denied, "the cgroups of a host below --host-root are not ours to change",
              "call oci-nvidia regrant on that host, or chroot into its root");
}

std::vector<Regrant> regrant_all(const HostConfig& config, CommandContext& context,
                                 Granting granting) {
  std::vector<Regrant> all;
  for (const ContainerRecord& record : running_containers(context.system, context.caller)) {
    try {
      all.push_back(regrant(record, config, context, granting));
    } catch (const Error& error) {
      // One that has ended meanwhile needs nothing.
      if (error.code() == Code::container_gone) continue;
      all.push_back(
          {.container = record, .result = Regrant::Result::failed, .reason = to_line(error)});
    }
  }
  return all;
}

}  // namespace

void add_regrant_options(po::options_description& options) {
  options.add_options()(kAll, po::bool_switch(), "all containers that run")(
      kDryRun, po::bool_switch(), "only show what would be granted");
}

Outcome run_regrant(const OptionValues& values, CommandContext& context) {
  const std::vector<std::string> operands = operands_of(values);
  const bool all = values[kAll].as<bool>();
  if (operands.size() != (all ? 0U : 1U)) {
    throw UsageFault("regrant takes one container or process, or --all");
  }
  require_root();
  const HostConfig config = read_host_config(context);
  require_own_host(config);
  const Granting granting = values[kDryRun].as<bool>() ? Granting::only_shown : Granting::done;
  std::vector<Regrant> done;
  if (all) {
    done = regrant_all(config, context, granting);
  } else {
    const ContainerRecord record =
        running_container(operands.front(), context.system, context.caller);
    done.push_back(regrant(record, config, context, granting));
  }
  if (context.json) {
    print_json(regrants_json(done, granting), context.out);
  } else {
    context.out << regrants_text(done, granting, context.style);
  }
  return outcome_of(done, granting);
}

}  // namespace nvhook
