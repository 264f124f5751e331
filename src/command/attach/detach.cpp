// SPDX-License-Identifier: Apache-2.0
// Pins the container, plans, looks who uses the devices, applies, and says what was done.
#include "command/attach/detach.hpp"

#include <boost/program_options.hpp>
#include <ostream>

#include "command/attach/detach_view.hpp"
#include "command/attach/detaching.hpp"
#include "command/attach/holders.hpp"
#include "command/attach/live_request.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/engines/host_config.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kForce = "force";

}  // namespace

void add_detach_options(po::options_description& options) {
  options.add_options()(kForce, po::bool_switch(), "although processes use the devices")(
      kDryRunOption, po::bool_switch(), "only show what would be done");
}

Outcome run_detach(const OptionValues& values, CommandContext& context) {
  const std::vector<std::string> operands = operands_of(values);
  if (operands.size() != 2) throw UsageFault("detach takes a container and devices that it has");
  const HostConfig config = read_host_config(context);
  require_own_host(config, "detach");
  const ContainerRecord record = running_container(operands[0], context.system, context.caller);
  const LiveContainer container = pin_container(record, context.system);
  const Detachment detachment = plan_detachment(container, operands[1], config, context);
  DetachResult result{.container = record,
                      .is_dry_run = values[kDryRunOption].as<bool>(),
                      .notes = detachment.steps.notes};
  if (!detachment.is_complete()) {
    result.holders = holders_of(container, {.nodes = detachment.rules}, detachment.host.inventory,
                                context.system);
  }
  const bool is_done = !result.is_dry_run && !detachment.is_complete();
  if (is_done) {
    if (!result.holders.empty() && !values[kForce].as<bool>()) {
      throw_in_use(describe(record), "the devices", result.holders);
    }
    const auto add = [&](const Notes& more) {
      result.notes.insert(result.notes.end(), more.begin(), more.end());
    };
    add(apply_detachment(detachment, container, context));
    add(container.changes->write(detachment.after));
  }
  if (context.json) {
    print_json(detachment_json(detachment, result), context.out);
  } else {
    context.out << detachment_text(detachment, result, context.style);
  }
  return outcome_of(result);
}

}  // namespace nvhook
