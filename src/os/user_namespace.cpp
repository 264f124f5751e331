// SPDX-License-Identifier: Apache-2.0
// Compares /proc/self/ns/user and /proc/self/uid_map with those of the initial namespace.
#include "os/user_namespace.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/process_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// The inode of the initial user namespace (PROC_USER_INIT_INO in linux/proc_ns.h).
constexpr ino_t kFirstUserNamespace = 0xEFFFFFFD;

const std::optional<std::string>& uid_map() {
  static const auto map = read_host_file("/proc/self/uid_map", 1UL << 16U);
  return map;
}

}  // namespace

bool in_user_namespace() {
  static const bool inside = [] {
    struct stat own {};
    const bool is_known = ::fstatat(own_procfs(), "self/ns/user", &own, 0) == 0;
    if (is_known && own.st_ino == kFirstUserNamespace) return false;
    if (!uid_map()) return false;  // a kernel without user namespaces
    const auto words = split_list(*uid_map(), ' ');
    return !(words.size() == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295");
  }();
  return inside;
}

bool is_real_root() { return ::geteuid() == 0 && !in_user_namespace(); }

bool is_system_root() {
  if (::geteuid() != 0) return false;
  if (!in_user_namespace()) return true;
  const auto rows = split(*uid_map(), '\n');
  return std::any_of(rows.begin(), rows.end(), [](std::string_view row) {
    const auto words = split_list(row, ' ');
    return words.size() == 3 && words[0] == "0" && words[2] != "1";
  });
}

void require_mount_right(const std::string& what) {
  if (errno != EPERM || ::geteuid() == 0) return;
  throw_errno(Code::namespace_denied, what + " as user " + std::to_string(::geteuid()),
              "start the runtime as root, or in a user namespace as rootless engines do (`podman "
              "unshare`, rootlesskit): a hook outside of it has no rights there");
}

std::optional<uid_t> outer_uid() {
  if (!uid_map()) return ::geteuid();
  const auto uid = outer_id(*uid_map(), ::geteuid());
  return uid ? std::optional(static_cast<uid_t>(*uid)) : std::nullopt;
}

}  // namespace nvhook
