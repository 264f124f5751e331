// SPDX-License-Identifier: Apache-2.0
// Finds and reads a container's config.json.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "text/note.hpp"

namespace nvhook {

/// No config.json is larger.
inline constexpr std::size_t kMaxSpec = 64UL << 20U;

struct BundleFile {
  /// Absolute path of the bundle directory, to which `root.path` is relative.
  std::string directory = {};
  std::string text = {};
};

/// Reads config.json from the bundle that the state named; where it is not there (crun says `/` in
/// some user namespaces), from the working directory that the runtime started us in, and from the
/// `--bundle` of our parent, the runtime. Throws Error(spec_unreadable).
[[nodiscard]] BundleFile read_bundle(const std::string& bundle, int working_directory,
                                     Notes& notes);

/// config.json of the bundle at `directory`, which may be relative to `working_directory`; nothing,
/// with errno, if there is none that can be read.
[[nodiscard]] std::optional<BundleFile> open_bundle(const std::string& directory,
                                                    int working_directory);

/// Replaces config.json of the bundle at the absolute path `directory` by `text`, at once: a reader
/// sees the old one or the new one. Owner and mode stay. Throws Error(spec_not_writable), and the
/// old one is still there.
void replace_spec(const std::string& directory, const std::string& text);

}  // namespace nvhook
