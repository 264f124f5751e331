// SPDX-License-Identifier: Apache-2.0
// The links in /proc/<pid>/fd are followed by the kernel to the open files themselves, not by their
// text.
#include "command/containers/descriptor_scan.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "command/containers/process_directory.hpp"
#include "os/files.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFdInfo = 1UL << 20U;
constexpr unsigned kReadOrWrite = S_IRUSR | S_IWUSR;
/// Up to so many descriptors are looked for by number, which is faster than to list them, as long
/// as there are few gaps between them.
constexpr std::size_t kFew = 32;
constexpr std::size_t kGaps = 2;

bool is_denied_now() { return errno == EACCES || errno == EPERM; }

std::optional<struct statx> look_at_table(int proc, const std::string& owner) {
  struct statx status {};
  const std::string path = owner + "/fd";
  if (::statx(proc, path.c_str(), AT_STATX_DONT_SYNC, STATX_INO | STATX_CTIME | STATX_SIZE,
              &status) != 0) {
    return std::nullopt;
  }
  return status;
}

}  // namespace

DescriptorScan::DescriptorScan(int proc) : proc_(proc) {
  const auto own = look_at_table(proc, "self");  // which has descriptors
  is_counted_ = own && own->stx_size != 0;
}

std::optional<DescriptorTable> DescriptorScan::table_of(pid_t pid) const {
  const auto status = look_at_table(proc_, std::to_string(pid));
  if (!status) return std::nullopt;
  return DescriptorTable{
      .pid = pid,
      .identity = {.inode = status->stx_ino,
                   .seconds = status->stx_ctime.tv_sec,
                   .nanoseconds = status->stx_ctime.tv_nsec},
      .count = is_counted_ ? std::optional<std::size_t>(status->stx_size) : std::nullopt};
}

/// Whether the descriptor was opened with O_PATH.
bool DescriptorScan::only_names(const Descriptor& descriptor) const {
  const std::string path = descriptor.owner + "/fdinfo/" + descriptor.name;
  const UniqueFd file(::openat(proc_, path.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string text = file ? read_all(file.get(), kMaxFdInfo).value_or("") : "";
  constexpr std::string_view kFlags = "\nflags:";
  const auto at = text.find(kFlags);
  if (at == std::string::npos) return false;
  const std::string_view line = std::string_view(text).substr(at + kFlags.size());
  constexpr int kOctal = 8;
  const auto flags = parse_unsigned(trim(line.substr(0, line.find('\n'))), kOctal);
  return flags && (*flags & O_PATH) != 0;
}

/// Returns whether there is such a descriptor.
bool DescriptorScan::look_at(int directory, const std::string& path, const Descriptor& descriptor,
                             const DriverDevices& driver, OpenNodes& found) const {
  const auto status = look_at_node(directory, path.c_str(), 0);
  if (!status) {
    found.is_denied = found.is_denied || is_denied_now();
    return false;
  }
  if (!S_ISCHR(status->mode) || !driver.contains(status->number)) return true;
  if (found.numbers.contains(status->number)) return true;
  // The link of a descriptor that neither reads nor writes has no permission bits. Such a one may
  // still control the device (access mode 3).
  const auto link = look_at_node(directory, path.c_str(), AT_SYMLINK_NOFOLLOW);
  if (link && (link->mode & kReadOrWrite) == 0 && only_names(descriptor)) return true;
  found.numbers.insert(status->number);
  return true;
}

/// Returns whether all descriptors were found.
bool DescriptorScan::try_numbers(const DescriptorTable& table, const DriverDevices& driver,
                                 OpenNodes& found) const {
  const std::string owner = std::to_string(table.pid);
  const std::string path = owner + "/fd/";
  const std::size_t end = *table.count + kGaps;
  std::size_t seen = 0;
  for (std::size_t fd = 0; fd < end && seen < *table.count && !found.is_denied; ++fd) {
    const std::string name = std::to_string(fd);
    seen += look_at(proc_, path + name, {owner, name}, driver, found) ? 1U : 0U;
  }
  return found.is_denied || seen >= *table.count;
}

/// Returns how many descriptors there are.
std::size_t DescriptorScan::list(const std::string& owner, const DriverDevices& driver,
                                 OpenNodes& found) const {
  const std::string path = owner + "/fd";
  const auto names =
      names_in(UniqueFd(::openat(proc_, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!names) {
    found.is_denied = found.is_denied || is_denied_now();
    return 0;
  }
  const UniqueFd directory(::openat(proc_, path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& name : *names) {
    static_cast<void>(look_at(directory.get(), name, {owner, name}, driver, found));
    if (found.is_denied) break;
  }
  return names->size();
}

/// For a process whose first thread has ended; the others have the descriptors. The kernel counts
/// threads as if they were subdirectories of `task`.
void DescriptorScan::add_threads(pid_t pid, const DriverDevices& driver, OpenNodes& found) const {
  const std::string tasks = std::to_string(pid) + "/task";
  constexpr nlink_t kOneThread = 3;
  struct stat status {};
  if (::fstatat(proc_, tasks.c_str(), &status, 0) != 0 || status.st_nlink <= kOneThread) return;
  const auto threads =
      names_in(UniqueFd(::openat(proc_, tasks.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!threads) return;
  for (const std::string& thread : *threads) {
    if (list(tasks + "/" + thread, driver, found) != 0 || found.is_denied) return;
  }
}

OpenNodes DescriptorScan::open_nodes(const DescriptorTable& table,
                                     const DriverDevices& driver) const {
  OpenNodes found;
  const std::size_t count = table.count.value_or(kFew);
  if (count > 0 && count < kFew && try_numbers(table, driver, found)) return found;
  const bool is_empty = table.count == 0 || list(std::to_string(table.pid), driver, found) == 0;
  if (is_empty && !found.is_denied) add_threads(table.pid, driver, found);
  return found;
}

}  // namespace nvhook
