// SPDX-License-Identifier: Apache-2.0
// Finds, reads and replaces a container's config.json.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "text/note.hpp"

namespace nvhook {

/// A larger config.json is refused.
inline constexpr std::size_t kMaxSpec = 64UL << 20U;

struct BundleFile {
  /// Absolute path of the bundle directory; `root.path` is relative to it.
  std::string directory = {};
  std::string text = {};
};

/// Reads config.json from the bundle that the state named. If it is not there (crun writes `/` in
/// some user namespaces), reads it from the working directory in which the runtime started us, or
/// from the `--bundle` of our parent, the runtime. Throws Error(spec_unreadable).
[[nodiscard]] BundleFile read_bundle(const std::string& bundle, int working_directory,
                                     Notes& notes);

/// Reads config.json from the bundle at `directory`, which may be relative to `working_directory`.
/// Returns nullopt, with errno, if it cannot be read.
[[nodiscard]] std::optional<BundleFile> open_bundle(const std::string& directory,
                                                    int working_directory);

/// Replaces config.json in the bundle at the absolute path `directory` by `text`, atomically: a
/// reader sees the old or the new file. Owner and mode stay. Throws Error(spec_not_writable); the
/// old file is then unchanged.
void replace_spec(const std::string& directory, const std::string& text);

}  // namespace nvhook
