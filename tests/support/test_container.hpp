// SPDX-License-Identifier: Apache-2.0
// A container as hooks find it: a process in a mount namespace of its own, before pivot_root.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>

#include "support/temporary_directory.hpp"

namespace nvhook::test {

class TestContainer {
 public:
  /// `prepare` fills the root file system before it is used; `mount_more` runs in the container's
  /// namespace and may mount volumes.
  explicit TestContainer(const std::function<void(const TemporaryDirectory&)>& prepare = {},
                         const std::function<void(const std::string&)>& mount_more = {}) {
    for (const char* name : {"/proc", "/dev", "/etc", "/usr/bin", "/usr/lib"})
      tree_.directory(name);
    tree_.write("/etc/debian_version", "12\n");
    if (prepare) prepare(tree_);
    std::array<int, 2> ready{};
    std::array<int, 2> stop{};
    if (::pipe(ready.data()) != 0 || ::pipe(stop.data()) != 0) throw std::runtime_error("pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::close(stop[1]);
      const bool made = make(rootfs(), mount_more);
      static_cast<void>(!::write(ready[1], made ? "y" : "n", 1));
      char byte = 0;
      static_cast<void>(!::read(stop[0], &byte, 1));
      ::_exit(0);
    }
    ::close(stop[0]);
    ::close(ready[1]);
    stop_ = stop[1];
    char answer = 'n';
    static_cast<void>(!::read(ready[0], &answer, 1));
    ::close(ready[0]);
    usable_ = answer == 'y';
  }
  TestContainer(const TestContainer&) = delete;
  TestContainer& operator=(const TestContainer&) = delete;
  TestContainer(TestContainer&&) = delete;
  TestContainer& operator=(TestContainer&&) = delete;
  ~TestContainer() {
    ::close(stop_);
    ::waitpid(child_, nullptr, 0);
  }

  /// Returns false if this process may not make namespaces or mounts; the test is skipped then.
  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] pid_t pid() const { return child_; }
  [[nodiscard]] std::string rootfs() const { return tree_.path().string(); }
  /// Returns `path` of the container as a path that this process can open.
  [[nodiscard]] std::string view(const std::string& path) const {
    return "/proc/" + std::to_string(child_) + "/root" + rootfs() + path;
  }
  [[nodiscard]] std::string mountinfo() const {
    std::ifstream file("/proc/" + std::to_string(child_) + "/mountinfo");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  /// Returns the names of everything below the root file system except /proc, sorted: a hook that
  /// failed must leave them unchanged.
  [[nodiscard]] std::string listing() const {
    std::string names;
    std::set<std::string> sorted;
    for (auto entry = std::filesystem::recursive_directory_iterator(view(""));
         entry != std::filesystem::end(entry); ++entry) {
      const std::string name = entry->path().string();
      if (entry->path().filename() == "proc") entry.disable_recursion_pending();
      sorted.insert(name.substr(view("").size()) +
                    (entry->is_symlink()
                         ? " -> " + std::filesystem::read_symlink(entry->path()).string()
                         : ""));
    }
    for (const std::string& name : sorted) names += name + "\n";
    return names;
  }

 private:
  static bool make(const std::string& root, const std::function<void(const std::string&)>& more) {
    const auto mount_at = [&](const char* type, const std::string& path) {
      return ::mount("none", (root + path).c_str(), type, 0, nullptr) == 0;
    };
    const bool made = ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount(root.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
                      mount_at("tmpfs", "/dev") && mount_at("proc", "/proc") &&
                      mount_at("tmpfs", "/proc/driver") &&
                      ::mkdir((root + "/proc/driver/nvidia").c_str(), 0555) == 0;
    if (made && more) more(root);
    return made;
  }

  TemporaryDirectory tree_ = {};
  pid_t child_ = -1;
  int stop_ = -1;
  bool usable_ = false;
};

/// Runs `body` in a forked child, because entering a namespace cannot be undone. Returns its result
/// (empty on success).
inline std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) return "pipe failed";
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    std::string result;
    try {
      result = body();
    } catch (const std::exception& error) {
      result = error.what();
    }
    static_cast<void>(!::write(pipe[1], result.data(), result.size()));
    ::_exit(0);
  }
  ::close(pipe[1]);
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t count = 1; count > 0;) {
    count = ::read(pipe[0], buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : "child died; " + text;
}

}  // namespace nvhook::test
