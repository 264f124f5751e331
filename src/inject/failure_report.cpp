// SPDX-License-Identifier: Apache-2.0
// Best effort: whatever fails here is ignored.
#include "inject/failure_report.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kIdentifier = "oci-nvidia-hook";
constexpr int kPriorityError = 3;         // LOG_ERR
constexpr int kSyslogErrorOfDaemon = 27;  // LOG_DAEMON | LOG_ERR

/// Sends one datagram to the socket at `path`; returns false on failure.
bool send_to(const RootDir& system, const std::string& path, const std::string& message) {
  const UniqueFd found = system.open(path, O_PATH);
  const UniqueFd socket = found ? connect_to(found.get(), SOCK_DGRAM) : UniqueFd();
  return socket && ::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0;
}

std::string one_line(std::string_view text) {
  std::string line = printable(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

void send_to_log(const Failure& failure, const RootDir& system) {
  const std::string journal =
      "MESSAGE=" + one_line(failure.line) + "\nPRIORITY=" + std::to_string(kPriorityError) +
      "\nSYSLOG_IDENTIFIER=" + kIdentifier + "\nCONTAINER_ID=" + one_line(failure.container_id) +
      "\nNVH_CODE=" + to_string(failure.code) + "\n";
  if (send_to(system, "/run/systemd/journal/socket", journal)) return;
  static_cast<void>(send_to(system, "/dev/log",
                            "<" + std::to_string(kSyslogErrorOfDaemon) + ">" + kIdentifier + ": " +
                                one_line(failure.line)));
}

/// Opens the parent directory of the record: /run, or the user's runtime directory for anybody but
/// the host's root.
UniqueFd open_run(const RootDir& system, const std::string& runtime_directory) {
  if (is_system_root()) return system.open("/run", O_PATH | O_DIRECTORY);
  const auto uid = outer_uid();
  const bool is_told = runtime_directory.starts_with('/');
  if (!is_told && !uid) return UniqueFd();
  UniqueFd run = system.open(is_told ? runtime_directory : "/run/user/" + std::to_string(*uid),
                             O_PATH | O_DIRECTORY);
  if (run && status_of(run.get()).owner != ::geteuid()) run.reset();
  return run;
}

void write_record(const Failure& failure, const RootDir& system,
                  const std::string& runtime_directory) {
  const UniqueFd run = open_run(system, runtime_directory);
  if (!run) return;
  static_cast<void>(::mkdirat(run.get(), kIdentifier, 0755));
  constexpr std::uint64_t kInDirectory = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const UniqueFd directory =
      sys::open_beneath(run.get(), kIdentifier, O_PATH | O_DIRECTORY, kInDirectory);
  if (!directory || status_of(directory.get()).owner != ::geteuid()) return;
  const std::string record = "time: " + std::to_string(std::time(nullptr)) +
                             "\ncontainer: " + one_line(failure.container_id) +
                             "\nmessage: " + one_line(failure.line) + "\n";
  static_cast<void>(put_file(directory.get(), "last-failure", record, 0644));
}

}  // namespace

void report_failure(const Failure& failure, const RootDir& system,
                    const std::string& runtime_directory) noexcept {
  try {
    send_to_log(failure, system);
    if (!failure.inside_container) write_record(failure, system, runtime_directory);
  } catch (const std::exception&) {
    // Out of memory. The line on standard error has been written already.
    return;
  }
}

}  // namespace nvhook
