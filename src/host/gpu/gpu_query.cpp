// SPDX-License-Identifier: Apache-2.0
// Finds the probe, checks that it is safe to execute, and runs it if the cache has no answer.
#include "host/gpu/gpu_query.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

#include "host/gpu/gpu_query_cache.hpp"
#include "os/child_process.hpp"
#include "os/file_status.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr std::size_t kMaxAnswer = 1UL << 20U;
constexpr std::size_t kShownAnswer = 60;
constexpr Milliseconds kSlow{1'000};
constexpr const char* kProbeName = "/oci-nvidia-probe";
constexpr const char* kInstalledProbe = OCI_NVIDIA_PROBE_PATH;

/// What to do about a message of NVML.
struct Remedy {
  std::string_view text = {};
  const char* remedy = nullptr;
};
constexpr std::array kRemedies{
    Remedy{"version mismatch",
           "reboot, or load the kernel modules again: the driver was updated while it was in use"},
    Remedy{"Driver Not Loaded",
           "load the driver (`modprobe nvidia`) and look at the kernel's log if that fails"},
    Remedy{"Insufficient Permissions",
           "let all users open /dev/nvidiactl and /dev/nvidia* (NVreg_DeviceFileMode)"},
};
constexpr const char* kGeneralRemedy =
    "run nvidia-smi on the host; if it fails too, the kernel's log tells what the driver lacks";

/// On WSL2 nothing of the driver is loaded in Linux.
constexpr const char* kWindowsRemedy =
    "run nvidia-smi.exe in Windows; if it fails too, install NVIDIA's driver there; then "
    "`wsl --shutdown`";

std::string remedy_for(std::string_view message) {
  for (const Remedy& row : kRemedies) {
    if (message.find(row.text) != std::string_view::npos) return row.remedy;
  }
  return kGeneralRemedy;
}

std::vector<std::string> probe_paths() {
  const std::string self = read_link_at(AT_FDCWD, "/proc/self/exe").value_or("");
  const std::string directory = self.substr(0, self.rfind('/'));
  std::vector<std::string> paths;
  if (self.starts_with('/')) {
    paths.push_back(directory + kProbeName);
    paths.push_back(directory + "/../libexec/oci-nvidia-hook" + kProbeName);
  }
  paths.emplace_back(kInstalledProbe);
  return paths;
}

/// The owner of the running executable, who can make this process do anything already. In a user
/// namespace root's files, this executable among them, may all show the overflow user as owner.
uid_t own_owner() noexcept {
  const UniqueFd self = sys::open_beneath(AT_FDCWD, "/proc/self/exe", O_PATH, 0);
  struct stat status {};
  return self && ::fstat(self.get(), &status) == 0 ? status.st_uid : 0;
}

/// Why `fd` must not be executed, or nullopt if it may.
std::optional<std::string> why_unsafe(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_text(errno);
  if (!S_ISREG(status.st_mode)) return "is no regular file";
  if (is_writable_by_others(status.st_mode)) return "is writable by group or others";
  if (status.st_uid != 0 && status.st_uid != ::geteuid() && status.st_uid != own_owner()) {
    return "belongs to user " + std::to_string(status.st_uid);
  }
  return std::nullopt;
}

struct Probe {
  UniqueFd file = UniqueFd();
  std::string path = {};
};

Probe find_probe(const GpuQuery& query) {
  std::string refused;
  for (const std::string& path : query.probe.empty() ? probe_paths() : std::vector{query.probe}) {
    UniqueFd file = sys::open_beneath(AT_FDCWD, path.c_str(), O_PATH, 0);
    const auto why = file ? why_unsafe(file.get()) : errno_text(errno);
    if (!why) return {.file = std::move(file), .path = path};
    refused += (refused.empty() ? "" : ", ") + ("`" + path + "` " + *why);
  }
  throw Error(Code::probe_failed, "find oci-nvidia-probe: " + refused,
              "install oci-nvidia-hook again: oci-nvidia-probe belongs to it, to root, mode 0755");
}

[[noreturn]] void throw_failure(const Probe& probe, const ChildResult& result,
                                const GpuQuery& query) {
  std::string what = "ask `" + query.nvml_library + "` about the GPUs: ";
  switch (result.end) {
    case ChildResult::End::deadline:
      what += "no answer within " + std::to_string(query.deadline.count()) + " ms";
      break;
    case ChildResult::End::output_limit:
      what += "`" + probe.path + "` printed more than " + std::to_string(kMaxAnswer) + " bytes";
      break;
    case ChildResult::End::killed:
      what += "`" + probe.path + "` was ended by signal " + std::to_string(result.code);
      break;
    case ChildResult::End::exited:
      what += result.error_line.empty()
                  ? "`" + probe.path + "` failed with status " + std::to_string(result.code)
                  : result.error_line;
  }
  throw Error(Code::probe_failed, what, query.is_wsl ? kWindowsRemedy : remedy_for(what));
}

/// `parse` returns nullopt for what is no answer.
template <typename Parse>
auto run_probe(const GpuQuery& query, const std::vector<std::string>& options, Parse parse) {
  const Probe probe = find_probe(query);
  std::vector<std::string> arguments{probe.path, "--root", query.driver_root, "--library",
                                     query.nvml_library};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ChildResult result = run_child({.executable = probe.file.get(),
                                        .arguments = std::move(arguments),
                                        .max_output = kMaxAnswer,
                                        .deadline = query.deadline});
  if (result.end != ChildResult::End::exited || result.code != 0) {
    throw_failure(probe, result, query);
  }
  auto answer = parse(result.output);
  if (!answer) {
    throw Error(Code::probe_failed,
                "`" + probe.path + "` printed what is no answer: `" +
                    result.output.substr(0, kShownAnswer) + "`",
                "install oci-nvidia-hook again: its two programs must be of one version");
  }
  return *std::move(answer);
}

DriverDetails ask_probe(const GpuQuery& query) {
  const auto start = Clock::now();
  DriverDetails details = run_probe(query, {}, parse_driver_details);
  const auto took = std::chrono::duration_cast<Milliseconds>(Clock::now() - start);
  details.notes.push_back(info("asked NVML: " + std::to_string(took.count()) + " ms"));
  if (took > kSlow) {
    details.notes.push_back(
        warning("the driver had to initialise the GPUs first: run nvidia-persistenced, which keeps "
                "them initialised"));
  }
  for (const std::string& error : details.errors) details.notes.push_back(warning(error));
  return details;
}

void require_library(const GpuQuery& query) {
  if (query.nvml_library.empty()) {
    throw Error(Code::driver_files_missing,
                "no libnvidia-ml.so below driver root `" + query.driver_root + "`",
                query.is_wsl
                    ? std::string("install NVIDIA's driver in Windows, then `wsl --shutdown`")
                    : "install the driver's compute libraries of version " + query.driver.str());
  }
}

}  // namespace

DriverDetails query_gpus(const GpuQuery& query) {
  require_library(query);
  Notes notes;
  const auto cache = open_gpu_query_cache(query, notes);
  auto cached = cache && !query.bypass_cache ? cache->load(notes) : std::nullopt;
  const bool found = cached.has_value();
  DriverDetails details = found ? *std::move(cached) : ask_probe(query);
  details.from_cache = found;
  // With errors the answer is not stored: a GPU that failed may answer next time.
  if (cache && !found && details.errors.empty()) cache->store(details, notes);
  details.notes.insert(details.notes.end(), notes.begin(), notes.end());
  return details;
}

GpuUsage query_usage(const GpuQuery& query) {
  require_library(query);
  return run_probe(query, {"--usage"}, parse_gpu_usage);
}

}  // namespace nvhook
