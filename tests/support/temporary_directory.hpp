// SPDX-License-Identifier: Apache-2.0
// A temporary directory that is removed by the destructor, and functions to fill it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace nvhook::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "nvhook-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = name;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory() {
    if (path_.empty()) return;
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes `content` to the absolute path `name` below the directory, and makes missing parents.
  void write(std::string_view name, std::string_view content = {}) const {
    const std::filesystem::path file = below(name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
  void link(std::string_view name, std::string_view target) const {
    const std::filesystem::path file = below(name);
    std::filesystem::create_directories(file.parent_path());
    std::filesystem::create_symlink(target, file);
  }
  void directory(std::string_view name) const { std::filesystem::create_directories(below(name)); }
  [[nodiscard]] std::string read(std::string_view name) const {
    std::ifstream file(below(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::filesystem::path below(std::string_view name) const {
    return path_ / name.substr(name.starts_with('/') ? 1 : 0);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace nvhook::test
