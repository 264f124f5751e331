// SPDX-License-Identifier: Apache-2.0
// Best effort: whatever fails here is ignored.
#include "inject/failure_report.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "inject/journal.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {
namespace {

constexpr const char* kIdentifier = "oci-nvidia-hook";
constexpr int kPriorityError = 3;         // LOG_ERR
constexpr int kSyslogErrorOfDaemon = 27;  // LOG_DAEMON | LOG_ERR

void send_to_log(const Failure& failure, const RootDir& system) {
  const std::string journal = journal_field("MESSAGE", failure.line) +
                              journal_field("PRIORITY", std::to_string(kPriorityError)) +
                              journal_field("SYSLOG_IDENTIFIER", kIdentifier) +
                              journal_field("CONTAINER_ID", failure.container_id) +
                              journal_field("NVH_CODE", to_string(failure.code));
  if (send_datagram(system, kJournalSocket, journal)) return;
  static_cast<void>(send_datagram(system, "/dev/log",
                                  "<" + std::to_string(kSyslogErrorOfDaemon) + ">" + kIdentifier +
                                      ": " + in_one_line(failure.line)));
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
                             "\ncontainer: " + in_one_line(failure.container_id) +
                             "\nmessage: " + in_one_line(failure.line) + "\n";
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
