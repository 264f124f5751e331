// SPDX-License-Identifier: Apache-2.0
// Locks of flock(2), which hold across containers, because they are the file's.
#include "command/node/node_claim.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/file_status.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kLock = "lock";
constexpr const char* kAlive = "alive";
constexpr const char* kRecord = "node.json";
constexpr mode_t kPrivate = S_IRUSR | S_IWUSR;
constexpr mode_t kPublic = kPrivate | S_IRGRP | S_IROTH;
constexpr std::size_t kMaxRecord = 1UL << 20U;

/// The state is no part of the record: its directory goes with it.
NodeFiles files_of(const RootDir& root) {
  return NodeFiles(root, [](const std::string& /*path*/) {});
}

[[noreturn]] void refuse_state(const std::string& what) {
  throw_errno(Code::node_not_writable, what,
              "mount the node's root writable into the installer's container, which runs as root");
}

UniqueFd open_in(int directory, const char* name) {
  UniqueFd file =
      sys::open_beneath(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW, RESOLVE_BENEATH, kPrivate);
  // Another process is removing the directory.
  if (!file && errno != ENOENT)
    refuse_state(std::string("open the file `") + name + "` of the state");
  return file;
}

bool has_lock(int file, int kind) {
  if (::flock(file, kind | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK && errno != EINTR) refuse_state("lock the node's state");
  return false;
}

}  // namespace

bool NodeClaim::lock(const GiveUp& give_up) {
  while (!try_lock()) {
    if (give_up()) return false;
  }
  const auto text = root_.read(directory_ + "/" + kRecord, kMaxRecord);
  record_ = text ? parse_node_record(*text, directory_ + "/" + kRecord) : NodeRecord();
  return true;
}

bool NodeClaim::try_lock() {
  const UniqueFd directory = files_of(root_).directory(directory_);
  UniqueFd file = open_in(directory.get(), kLock);
  if (!file || !has_lock(file.get(), LOCK_EX)) return false;
  // Whoever held the lock before may have removed the file, and others have made a new one.
  const UniqueFd named = root_.open(directory_ + "/" + kLock, O_PATH | O_NOFOLLOW);
  if (!named || !is_same_file(named.get(), file.get())) return false;
  lock_ = std::move(file);
  return true;
}

bool NodeClaim::is_free() {
  const UniqueFd directory = files_of(root_).directory(directory_);
  const UniqueFd file = open_in(directory.get(), kAlive);
  return file && has_lock(file.get(), LOCK_EX);
}

void NodeClaim::claim(const std::string& owner) {
  if (!record_.owner.empty() && record_.owner != owner && !is_free()) {
    throw Error(Code::node_taken,
                "this node is set up by `" + record_.owner + "`, whose installer runs",
                "remove that DaemonSet first, or this one");
  }
  const UniqueFd directory = files_of(root_).directory(directory_);
  alive_ = open_in(directory.get(), kAlive);
  // Nobody takes it alone without the lock.
  if (!alive_ || !has_lock(alive_.get(), LOCK_SH)) refuse_state("lock the node's state");
  record_.owner = owner;
  generation_ = ++record_.generation;
}

void NodeClaim::save() const {
  files_of(root_).put(directory_ + "/" + kRecord, to_text(record_), kPublic);
}

void NodeClaim::forget() {
  const NodeFiles files = files_of(root_);
  for (const char* name : {kRecord, kAlive, kLock}) files.take_away(directory_ + "/" + name);
  files.remove_empty({directory_});
  alive_ = UniqueFd();
  unlock();
}

}  // namespace nvhook
