// SPDX-License-Identifier: Apache-2.0
// containerd's configuration files as it reads them: config.toml and what that imports; and which
// version of them an installed containerd knows.
// Keys: https://github.com/containerd/containerd/blob/main/docs/man/containerd-config.toml.5.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/engines/engine_config.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Where containerd 2.2 and later look for drop-in files, if config.toml imports them.
inline constexpr const char* kContainerdDropIns = "/etc/containerd/conf.d/*.toml";

/// Returns `root`, which is config.toml, and the files that it imports, directly or not, in the
/// order in which containerd reads them; later ones count more. A path that is not absolute is
/// relative to the importing file, and `*` stands for any name. Files that cannot be read are left
/// out; one that is not TOML imports nothing.
[[nodiscard]] std::vector<NamedText> with_imports(const RootDir& system, NamedText root);

/// Returns the drop-in files in the usual directory that are not among `files`, so that containerd
/// passes over them without a word.
[[nodiscard]] std::vector<std::string> unread_drop_ins(const RootDir& system,
                                                       const std::vector<NamedText>& files);

/// Returns the version that `file` says, 1 if it says none. 0: it is not TOML.
[[nodiscard]] std::int64_t config_version(const NamedText& file);

/// Returns the directory that `config` (config.toml) imports whole, as `DIRECTORY/*.toml`, if its
/// version is 3 or higher: before containerd 2, an imported file replaces what is said of a plugin.
[[nodiscard]] std::optional<std::string> drop_in_directory(const NamedText& config);

/// Returns a sentence about the first file that has a higher version than the one that imports it,
/// with which containerd 2.3 and later do not start; nullopt if there is none.
[[nodiscard]] std::optional<std::string> version_conflict(const std::vector<NamedText>& files);

/// What a new config.toml may say.
struct ContainerdSupport {
  std::int64_t version = 2;       ///< the newest version that is known: 2, 3 or 4
  bool imports_drop_ins = false;  ///< its default configuration imports kContainerdDropIns

  friend bool operator==(const ContainerdSupport&, const ContainerdSupport&) = default;
};

/// Returns what the containerd at `program` knows, by the names of plugins that the file contains;
/// nothing is executed. A program that cannot be read counts as containerd 1.
[[nodiscard]] ContainerdSupport containerd_support(const RootDir& system,
                                                   const std::string& program);

}  // namespace nvhook
