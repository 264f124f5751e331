// SPDX-License-Identifier: Apache-2.0
// The lock is a file that only root can open: anybody could lock a directory that he can read.
#include "lease/registry.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <utility>

#include "os/file_status.hpp"
#include "os/replace_file.hpp"
#include "os/run_directory.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxFile = 64UL << 10U;
constexpr std::chrono::seconds kLongestLock{10};
constexpr long kPause = 2'000'000;  // nanoseconds between two tries
constexpr const char* kLock = "lock";
constexpr const char* kRemedy =
    "look at that directory, which must be root's alone and on a file system with space; `leases = "
    "false` in config.toml does without";

[[noreturn]] void refuse(const std::string& what, const std::string& remedy = kRemedy) {
  throw Error(Code::lease_registry_unusable, what, remedy);
}

void pause() noexcept {
  const timespec time{.tv_sec = 0, .tv_nsec = kPause};
  ::nanosleep(&time, nullptr);
}

}  // namespace

LeaseRegistry LeaseRegistry::at(const std::string& path) {
  const std::string parent = path.substr(0, path.rfind('/'));
  std::string why;
  if (!make_roots_directory(parent, why)) refuse("`" + parent + "` " + why);
  UniqueFd directory = make_roots_directory(path, why);
  if (!directory) refuse("`" + path + "` " + why);
  return {path, std::move(directory)};
}

std::optional<LeaseRegistry> LeaseRegistry::look(const std::string& path) {
  std::string why;
  UniqueFd directory = open_roots_directory(path, why);
  if (directory) return LeaseRegistry(path, std::move(directory));
  if (errno == ENOENT) return std::nullopt;
  refuse("`" + path + "` " + why);
}

UniqueFd LeaseRegistry::lock() const {
  const std::string name = "`" + path_ + "/" + kLock + "`";
  UniqueFd file = sys::open_beneath(directory_.fd(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW,
                                    RESOLVE_BENEATH, S_IRUSR | S_IWUSR);
  if (!file) refuse("open " + name + ": " + errno_text(errno));
  const auto deadline = Clock::now() + kLongestLock;
  while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) refuse("lock " + name + ": " + errno_text(errno));
    if (Clock::now() > deadline) {
      refuse("lock " + name + ": another process holds it",
             "look which one does (`fuser`); it may be stopped");
    }
    pause();
  }
  return file;
}

/// A container that ends gives its file back without the lock, so it may be gone by now.
std::optional<Lease> LeaseRegistry::read_file(const std::string& name) const {
  const std::string shown = "`" + path_ + "/" + name + "`";
  const std::string remedy =
      "look whose process it is (the number before the `-`), and remove the file when that "
      "container has ended";
  const auto file = directory_.read_file(name, kMaxFile);
  if (!file) {
    if (!status_in(directory_.fd(), name)) return std::nullopt;
    refuse("lease " + shown + " is no file of at most 64 KiB that can be read", remedy);
  }
  if (!is_only_roots(file->status.owner, file->status.mode)) {
    refuse("lease " + shown + " may have been written by others than root", remedy);
  }
  auto lease = parse_lease(file->text);
  if (!lease || lease_file(lease->holder) != name) {
    refuse("lease " + shown + " is damaged, and a GPU may be taken by it", remedy);
  }
  return lease;
}

std::vector<Lease> LeaseRegistry::read() const {
  std::vector<Lease> leases;
  for (const std::string& name : directory_.list(".", is_lease_file)) {
    if (auto lease = read_file(name)) leases.push_back(*std::move(lease));
  }
  return leases;
}

void LeaseRegistry::put(const Lease& lease) const {
  constexpr mode_t kMode =
      S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;  // `oci-nvidia ps` shows it to all
  const std::string name = lease_file(lease.holder);
  if (put_file(directory_.fd(), name, lease_text(lease), kMode)) return;
  refuse("write lease `" + path_ + "/" + name + "`: " + errno_text(errno));
}

void LeaseRegistry::erase(const LeaseHolder& holder) const noexcept {
  ::unlinkat(directory_.fd(), lease_file(holder).c_str(), 0);
}

void LeaseRegistry::sweep() const {
  const auto is_temporary = [](std::string_view name) { return name.starts_with('.'); };
  for (const std::string& name : directory_.list(".", is_temporary)) {
    ::unlinkat(directory_.fd(), name.c_str(), 0);
  }
}

}  // namespace nvhook
