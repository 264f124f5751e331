// SPDX-License-Identifier: Apache-2.0
// The roles nvidia-cdi-hook and `nvidia-ctk hook`: command line, error line, exit status.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <variant>

#include "mains.hpp"
#include "nvidia_ctk/cdi_hook.hpp"
#include "nvidia_ctk/hook_call.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"
#include "os/syscalls.hpp"
#include "print.hpp"
#include "report.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr int kExitUsage = 2;

/// NVIDIA's variables for the debug log. Below createContainer an image may set them; all that it
/// gains are lines on standard error.
bool is_debug_set() {
  constexpr std::array kNames{"NVIDIA_CDI_HOOK_DEBUG", "NVIDIA_CDI_DEBUG", "NVIDIA_CTK_DEBUG"};
  return std::any_of(kNames.begin(), kNames.end(), [](const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
    const char* value = std::getenv(name);
    return value != nullptr && parse_bool(value).value_or(false);
  });
}

int run(const HookCommandLine& line, const CallerContext& caller, bool debug) {
  const auto system = open_root("/");
  if (!system) {
    const Error error(Code::internal, "open `/`: " + errno_text(errno),
                      "free file descriptors and memory on the host");
    complain(failure_line(error) + "\n");
    return exit_status(error.code());
  }
  HookContext context{.caller = caller, .system = *system};
  if (debug) context.log.use_stderr();
  try {
    run_cdi_hook(line, context);
    return 0;
  } catch (const Error& error) {
    return report(error, context);
  } catch (const std::exception& error) {
    return report(
        Error(Code::internal, error.what(), "report this as a defect, with the debug log"),
        context);
  }
}

int answer(const HookCommandLine& line, const std::string& name) {
  using Answer = HookCommandLine::Answer;
  const std::string text = line.answer == Answer::help
                               ? hook_usage(name)
                               : "NVIDIA CDI Hook version " OCI_NVIDIA_VERSION
                                 " (oci-nvidia-hook)\n";
  return print(text) ? 0 : 1;
}

}  // namespace

int cdi_hook_main(const std::string& name, const std::vector<std::string>& arguments) {
  const bool debug = is_debug_set();
  const CallerContext caller = harden_process();
  try {
    const HookCommandLine line = parse_hook_call(arguments);
    if (line.answer != HookCommandLine::Answer::none) return answer(line, name);
    if (const auto* const nothing = std::get_if<NoHook>(&line.call)) {
      if (!nothing->warning.empty() && !line.quiet) {
        complain(name + ": warning: " + printable(nothing->warning) + "\n");
      }
      return 0;
    }
    return run(line, caller, line.debug.value_or(debug) && !line.quiet);
  } catch (const HookUsageError& error) {
    complain(name + ": " + printable(error.what()) + "; `" + name + " --help` lists the hooks\n");
    return kExitUsage;
  }
}

}  // namespace nvhook
