// SPDX-License-Identifier: Apache-2.0
// Pins the container, plans, applies, and says what was done.
#include "command/attach/attach.hpp"

#include <boost/program_options.hpp>
#include <ostream>

#include "command/attach/attach_view.hpp"
#include "command/attach/attaching.hpp"
#include "command/attach/live_request.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/engines/host_config.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kMore = "capabilities";

AttachRequest request_of(const OptionValues& values, const std::string& devices) {
  AttachRequest request{.devices = devices, .is_dry_run = values[kDryRunOption].as<bool>()};
  const std::string words = values[kMore].as<std::string>();
  if (words.empty()) return request;
  request.capabilities = parse_capabilities(words);
  if (!request.capabilities) {
    throw Error(Code::unknown_capability, "`--capabilities " + words + "` has an unknown word",
                "name some of " + to_string(CapabilitySet::all()) + ", or all");
  }
  return request;
}

}  // namespace

void add_attach_options(po::options_description& options) {
  options.add_options()(kMore, po::value<std::string>()->default_value("")->value_name("LIST"),
                        "more capabilities: utility, compute, graphics, … or all")(
      kDryRunOption, po::bool_switch(), "only show what would be done");
}

Outcome run_attach(const OptionValues& values, CommandContext& context) {
  const std::vector<std::string> operands = operands_of(values);
  if (operands.size() != 2) throw UsageFault("attach takes a container and the devices for it");
  const HostConfig config = read_host_config(context);
  require_own_host(config, "attach");
  const AttachRequest request = request_of(values, operands[1]);
  const ContainerRecord record = running_container(operands[0], context.system, context.caller);
  const LiveContainer container = pin_container(record, context.system);
  Attachment attachment = plan_attachment(container, request, config, context);
  AttachResult result{
      .container = record, .is_dry_run = request.is_dry_run, .notes = attachment.steps.notes};
  const auto add = [&](const Notes& more) {
    result.notes.insert(result.notes.end(), more.begin(), more.end());
  };
  if (!result.is_dry_run) {
    if (!attachment.is_complete()) add(apply_attachment(attachment, container, context));
    // Also if there was nothing to do: an earlier call may have ended before it came to this.
    add(container.changes->write(attachment.after));
  }
  attachment.lease.keep();
  if (context.json) {
    print_json(attachment_json(attachment, result), context.out);
  } else {
    context.out << attachment_text(attachment, result, context.style);
  }
  return outcome_of(result);
}

}  // namespace nvhook
