// SPDX-License-Identifier: Apache-2.0
// nvidia-container-cli configure: injects the driver into a container that the options describe.
#include <sys/types.h>

#include <limits>
#include <string_view>

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "inject/injection.hpp"
#include "nvidia_container_cli/cli.hpp"
#include "plan/container_task.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns 0, which means standalone, without --pid and for a number that is not positive.
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
  // There is no config.json here, so no mounts, device rules or SELinux label are known.
  ContainerTask task{.injector = Injector::this_hook,
                     .request = {.request = request_of(options.selection)}};
  require_leases(*task.request.request, config);
  context.audit.enable(config, context.system);
  context.audit.describe(task);
  const ContainerProcess process = find_process(options);
  const RootDir root = process.open_rootfs(absolute_path(options.rootfs, context));
  const OwnLayer layer({.rootfs = root, .mountinfo = [&] { return process.mountinfo(); }});
  inject_driver(Role::hook, task, {process, root, layer},
                {config, context.system, context.log, CachePolicy::use});
}

}  // namespace nvhook
