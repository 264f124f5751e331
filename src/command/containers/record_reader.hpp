// SPDX-License-Identifier: Apache-2.0
// Reads what engines write down, as far as whoever wrote it is believed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// Whose files they are: root's and the caller's own, or those of another user, who may have made
/// them to slow the caller down.
enum class Writer { trusted, stranger };

/// Files of one place. Those of a stranger are regular ones of at most a mebibyte that no link and
/// no file system that he serves (FUSE) leads to; there is an end of how many bytes and names of
/// his are read.
class RecordReader {
 public:
  RecordReader(const RootDir& system, Writer writer) : system_(system), writer_(writer) {}

  /// A file as a whole; empty if it is not there or may not be read.
  [[nodiscard]] std::string read(const std::string& path);
  /// The sorted names in a directory.
  [[nodiscard]] std::vector<std::string> list(const std::string& directory);
  [[nodiscard]] bool exists(const std::string& path) const;

  /// A directory that may not be read; empty if there is none.
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
