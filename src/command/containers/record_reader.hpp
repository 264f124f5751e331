// SPDX-License-Identifier: Apache-2.0
// Reads the records of engines, with limits for those that untrusted users wrote.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// Who writes the files: root or the caller, or another user, who may have made them to slow the
/// caller down.
enum class Writer { trusted, stranger };

/// Reads the files of one place. Files of a stranger must be regular and at most 1 MiB, and neither
/// a link nor a file system that the stranger serves (FUSE) may lead to them; the bytes and names
/// that are read from a stranger are limited in total.
class RecordReader {
 public:
  RecordReader(const RootDir& system, Writer writer) : system_(system), writer_(writer) {}

  /// Returns the whole file; empty if it does not exist or may not be read.
  [[nodiscard]] std::string read(const std::string& path);
  /// Returns the names in a directory, sorted.
  [[nodiscard]] std::vector<std::string> list(const std::string& directory);
  [[nodiscard]] bool exists(const std::string& path) const;

  /// A directory that could not be read for lack of permission; empty if there was none.
  [[nodiscard]] const std::string& denied() const { return denied_; }

 private:
  [[nodiscard]] std::string read_strangers(const std::string& path);

  static constexpr std::size_t kMostBytes = std::size_t{32} << 20U;
  static constexpr std::size_t kMostNames = 4096;

  const RootDir& system_;
  Writer writer_;
  std::size_t bytes_left_ = kMostBytes;
  std::size_t names_left_ = kMostNames;
  std::string denied_ = {};
};

}  // namespace nvhook
