// SPDX-License-Identifier: Apache-2.0
// Runs systemctl as a child process, without a shell.
#include "command/shell/service.hpp"

#include <fcntl.h>

#include <chrono>

#include "os/child_process.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxOutput = 64UL << 10U;
/// Longer than systemd waits for a service to stop and start.
constexpr std::chrono::minutes kDeadline{5};

}  // namespace

void run_systemctl(const RootDir& system, const std::vector<std::string>& words,
                   const std::string& runtime_directory) {
  const std::string command = join(words, " ");
  const UniqueFd executable = system.open("/usr/bin/systemctl", O_PATH);
  if (!executable) {
    throw_errno(Code::engine_restart_failed, "open `/usr/bin/systemctl`",
                "restart the engine as this host does it, and leave --restart out");
  }
  ChildCommand child{.executable = executable.get(),
                     .arguments = words,
                     .max_output = kMaxOutput,
                     .deadline = kDeadline};
  if (!runtime_directory.empty()) child.environment = {"XDG_RUNTIME_DIR=" + runtime_directory};
  const ChildResult result = run_child(child);
  if (result.end == ChildResult::End::exited && result.code == 0) return;
  const std::string why = result.end == ChildResult::End::exited
                              ? "ended with " + std::to_string(result.code)
                              : "was killed or did not end";
  throw Error(
      Code::engine_restart_failed,
      "`" + command + "` " + why + (result.error_line.empty() ? "" : ": " + result.error_line),
      "systemctl status " + words.back());
}

}  // namespace nvhook
