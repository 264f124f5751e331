// SPDX-License-Identifier: Apache-2.0
// A host whose /dev is a tmpfs in a private mount namespace, so that real nodes can be made.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "host/nodes/device_nodes.hpp"
#include "os/user_namespace.hpp"
#include "support/fake_host.hpp"
#include "support/private_namespaces.hpp"

namespace nvhook::test {

class DeviceHost : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make device nodes: run ctest as root";
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return host_.tree().below(name).string();
  }

  /// Runs `body` with an empty /dev. A tmpfs there would be a container's.
  void on_host(const std::function<void()>& body) const {
    in_private_namespaces([&] {
      if (in_user_namespace()) throw NotPossibleHere("no device nodes in a user namespace");
      require(::mount("ramfs", path("/dev").c_str(), "ramfs", 0, "mode=755") == 0, "mount a ramfs");
      put_node("/dev/nvidia-test", 1, 3);
      require(::unlink(path("/dev/nvidia-test").c_str()) == 0, "remove a node");
      body();
    });
  }

  /// Returns the texts of the notes, one per line.
  [[nodiscard]] std::string provide(const Request& request = {},
                                    const ProvisionOptions& options = {}) const {
    const auto root = open_root(host_.tree().path());
    std::string text;
    for (const Note& note : provide_devices({.system = *root, .driver = *root}, request, options)) {
      text += (note.level == Note::Level::warning ? "warning: " : "info: ") + note.text + "\n";
    }
    return text;
  }

  void put_node(const std::string& name, unsigned major, unsigned minor) const {
    if (::mknod(path(name).c_str(), S_IFCHR | 0600, makedev(major, minor)) != 0) {
      throw NotPossibleHere("mknod is refused");
    }
  }

  /// Returns `c 195:255 666 0:0`, `-> target`, or a description of anything else.
  [[nodiscard]] std::string describe(const std::string& name) const {
    struct stat status {};
    if (::lstat(path(name).c_str(), &status) != 0) return "nothing";
    if (S_ISLNK(status.st_mode)) {
      return "-> " + std::filesystem::read_symlink(path(name)).string();
    }
    std::ostringstream text;
    if (S_ISCHR(status.st_mode)) {
      text << "c " << major(status.st_rdev) << ":" << minor(status.st_rdev) << " ";
    } else {
      text << (S_ISDIR(status.st_mode) ? "directory " : "file ");
    }
    text << std::oct << (status.st_mode & 07777U) << std::dec << " " << status.st_uid << ":"
         << status.st_gid;
    return text.str();
  }

  [[nodiscard]] std::set<std::string> names_in(const std::string& directory) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(directory))) {
      names.insert(entry.path().filename());
    }
    return names;
  }

  FakeHost host_ = FakeHost();
};

}  // namespace nvhook::test
