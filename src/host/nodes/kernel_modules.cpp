// SPDX-License-Identifier: Apache-2.0
// The helper is executed by its descriptor, after its owner and mode were checked.
#include "host/nodes/kernel_modules.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "os/child_process.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kPciDevices = "/sys/bus/pci/devices/";
constexpr std::size_t kMaxSysfsText = 64;
constexpr const char* kHelperSetting = "/proc/sys/kernel/modprobe";
constexpr const char* kDefaultHelper = "/sbin/modprobe";
constexpr std::size_t kMaxHelperPath = 4096;
constexpr std::size_t kMaxOutput = 1UL << 16U;

/// Why a file with this status must not be executed, or nullopt if it may.
std::optional<std::string> why_refused(const FileStatus& status) {
  if (!status.is_regular()) return "is no regular file";
  if (status.owner != 0) return "belongs to user " + std::to_string(status.owner) + ", not to root";
  if (is_writable_by_others(status.mode)) return "is writable by group or others";
  if ((status.mode & S_IXUSR) == 0) return "is not executable";
  return std::nullopt;
}

/// Error text for `result`, or nullopt on success.
std::optional<std::string> why_failed(const ChildResult& result,
                                      std::chrono::milliseconds deadline) {
  switch (result.end) {
    case ChildResult::End::deadline:
      return "did not end within " + std::to_string(deadline.count()) + " ms";
    case ChildResult::End::output_limit:
      return "printed more than " + std::to_string(kMaxOutput) + " bytes";
    case ChildResult::End::killed:
      return "was ended by signal " + std::to_string(result.code);
    case ChildResult::End::exited:
      break;
  }
  if (result.code == 0) return std::nullopt;
  const std::string status = "failed with status " + std::to_string(result.code);
  return result.error_line.empty() ? status : status + ": " + result.error_line;
}

}  // namespace

bool has_nvidia_pci_device(const RootDir& system, std::string_view pci_class) {
  const auto devices = system.list(kPciDevices);
  return std::any_of(devices.begin(), devices.end(), [&](const std::string& device) {
    const auto vendor = system.read(kPciDevices + device + "/vendor", kMaxSysfsText);
    if (!vendor || trim(*vendor) != "0x10de") return false;
    return system.read(kPciDevices + device + "/class", kMaxSysfsText)
        .value_or("")
        .starts_with(pci_class);
  });
}

std::optional<std::string> load_module(const RootDir& system, const std::string& module,
                                       std::chrono::milliseconds deadline) {
  const auto setting = system.read(kHelperSetting, kMaxHelperPath);
  const std::string path(trim(setting ? *setting : kDefaultHelper));
  if (path.empty()) return std::string(kHelperSetting) + " is empty: loading modules is off";
  const std::string shown = "`" + path + "` ";
  if (path.front() != '/') return shown + "in " + kHelperSetting + " is not an absolute path";
  const UniqueFd helper = system.open(path, O_PATH);
  if (!helper) return "open " + shown + "failed: " + errno_text(errno);
  if (const auto why = why_refused(status_of(helper.get()))) return shown + *why;
  try {
    // kmod is one executable for many programs and chooses by argv[0].
    const ChildResult result = run_child({.executable = helper.get(),
                                          .arguments = {path, module},
                                          .max_output = kMaxOutput,
                                          .deadline = deadline});
    const auto why = why_failed(result, deadline);
    return why ? std::optional(shown + *why) : std::nullopt;
  } catch (const Error& error) {
    return shown + "cannot be started: " + error.what();
  }
}

}  // namespace nvhook
