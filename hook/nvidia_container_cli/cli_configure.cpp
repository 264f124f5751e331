// SPDX-License-Identifier: Apache-2.0
// nvidia-container-cli configure: the hook's work for a container that the options describe.
#include <sys/types.h>

#include <limits>
#include <string_view>

#include "inject/apply_plan.hpp"
#include "inject/container_process.hpp"
#include "nvidia_container_cli/cli.hpp"
#include "plan/planning.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// 0 without --pid and for a number that is not positive: standalone.
pid_t parse_pid(const std::string& text) {
  const bool is_negative = text.starts_with('-');
  const auto number = parse_unsigned(std::string_view(text).substr(is_negative ? 1 : 0));
  if (text.empty() || (is_negative && number)) return 0;
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max())) {
    throw Error(Code::state_invalid, "invalid pid `" + text + "`",
                "give the number of a process in the container's mount namespace");
  }
  return static_cast<pid_t>(*number);
}

ContainerProcess find_process(const CliOptions& options) {
  const pid_t pid = parse_pid(options.pid);
  return pid > 0 ? ContainerProcess(pid) : ContainerProcess::standalone();
}

}  // namespace

void configure(const CliOptions& options, const Config& config, CliContext& context) {
  const Request request = request_of(options.selection);
  const ContainerProcess process = find_process(options);
  const RootDir root = process.open_rootfs(absolute_path(options.rootfs, context));
  const OwnLayer layer({.rootfs = root, .mountinfo = [&] { return process.mountinfo(); }});
  const auto obstacle_at = [&](const ContainerPath& path) { return layer.obstacle_at(path); };
  const std::string no_label;  // only the runtime knows it
  const Planned planned = plan_container({request, no_label, &root, CachePolicy::use, obstacle_at},
                                         config, context.system, context.log);
  apply_plan(planned.plan, process, root, layer, context.system, planned.host.driver_root,
             context.log);
}

}  // namespace nvhook
