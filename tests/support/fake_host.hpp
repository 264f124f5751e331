// SPDX-License-Identifier: Apache-2.0
// The files of a host as a tree in a temporary directory: kernel texts, driver libraries, loader
// cache. Without device nodes, so that it needs no root.
#pragma once

#include <string>
#include <vector>

#include "formats/ld_cache.hpp"
#include "support/elf_builder.hpp"
#include "support/machine.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook::test {

class FakeHost {
 public:
  explicit FakeHost(std::string driver = "999.88.77") : driver_(std::move(driver)) {
    tree_.write("/proc/driver/nvidia/version",
                for_this_machine("NVRM version: NVIDIA UNIX x86_64 Kernel Module  ") + driver_ +
                    "  Tue Mar  5 22:23:56 UTC 2024\n");
    tree_.write("/proc/driver/nvidia/params", "ModifyDeviceFiles: 1\n");
    tree_.write("/proc/devices",
                "Character devices:\n195 nvidia\n511 nvidia-uvm\n\nBlock devices:\n  7 loop\n");
    // Nodes are planned from /proc. Whether they are devices is checked only when they are opened.
    for (const char* node : {"nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset"}) {
      tree_.write(std::string("/dev/") + node);
    }
  }

  FakeHost& gpu(const std::string& pci, unsigned minor, const std::string& uuid,
                const std::string& more = {}) {
    tree_.write("/proc/driver/nvidia/gpus/" + pci + "/information",
                "Model: \t\t NVIDIA Test\nGPU UUID: \t " + uuid + "\nDevice Minor: \t " +
                    std::to_string(minor) + "\n" + more);
    tree_.write("/dev/nvidia" + std::to_string(minor));
    return *this;
  }

  /// Adds a 64-bit library at `path`, listed in the loader cache under its SONAME, or under its
  /// file name if it has none.
  FakeHost& library(const std::string& path, const std::string& soname) {
    file(path, soname);
    return listed(soname.empty() ? path.substr(path.rfind('/') + 1) : soname, path);
  }
  /// Adds a library that the loader cache does not list.
  FakeHost& file(const std::string& path, const std::string& soname, bool is_64bit = true) {
    tree_.write(path, build_elf({.is_64bit = is_64bit,
                                 .machine = is_64bit ? kElfMachine : kElfMachine32,
                                 .has_soname = !soname.empty(),
                                 .soname = soname})
                          .bytes);
    return *this;
  }
  FakeHost& listed(const std::string& name, const std::string& path, bool is_64bit = true) {
    cache_.push_back({.flags = is_64bit ? native_library_flags() : compat32_library_flags(),
                      .name = name,
                      .path = path});
    tree_.write("/etc/ld.so.cache", edit_ld_cache({}, cache_).bytes);
    return *this;
  }

  [[nodiscard]] const TemporaryDirectory& tree() const { return tree_; }
  [[nodiscard]] const std::string& driver() const { return driver_; }

 private:
  std::string driver_;
  TemporaryDirectory tree_ = {};
  std::vector<LdCacheEntry> cache_ = {};
};

}  // namespace nvhook::test
