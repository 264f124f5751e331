// SPDX-License-Identifier: Apache-2.0
// One system call, which looks up no path.
#include "command/ps/run_time.hpp"

#include <unistd.h>

#include <ctime>
#include <string>
#include <string_view>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxStatus = 65536;

/// `NSpid` has the numbers of a process from the PID namespace of /proc inwards.
bool has_our_numbers(const RootDir& system) {
  const std::string status = system.read("/proc/self/status", kMaxStatus).value_or("");
  constexpr std::string_view kNumbers = "\nNSpid:";
  const auto at = status.find(kNumbers);
  if (at == std::string::npos) return false;
  const std::string_view line = std::string_view(status).substr(at + kNumbers.size());
  return trim(line.substr(0, line.find('\n'))) == std::to_string(::getpid());
}

/// As clock_getcpuclockid(), which would first ask whether there is such a clock.
clockid_t clock_of(pid_t pid) {
  constexpr clockid_t kNumber = 8;   // below it, what is to be counted, of which process or thread
  constexpr clockid_t kRunTime = 2;  // CPUCLOCK_SCHED, of a process
  return (-pid - 1) * kNumber + kRunTime;
}

std::optional<std::uint64_t> run_time_of(pid_t pid) {
  timespec time{};
  if (::clock_gettime(clock_of(pid), &time) != 0) return std::nullopt;
  constexpr std::uint64_t kNano = 1'000'000'000;
  return static_cast<std::uint64_t>(time.tv_sec) * kNano + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

RunTime run_time_in(const RootDir& system) {
  if (has_our_numbers(system)) return run_time_of;
  return [](pid_t) { return std::optional<std::uint64_t>(); };
}

}  // namespace nvhook
