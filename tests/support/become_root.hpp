// SPDX-License-Identifier: Apache-2.0
// Gives tests of what only root may do the rights of root, in a user namespace if needed.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace nvhook {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  ASSERT_TRUE(file.flush().good()) << path;
}

/// Becomes root, of a user namespace if needed. ctest runs each test in a process of its own.
inline bool become_root() {
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (user == 0) return true;
  if (::unshare(CLONE_NEWUSER) != 0) return false;
  write_file("/proc/self/setgroups", "deny");
  write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
  write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
  return ::geteuid() == 0;
}

}  // namespace nvhook
