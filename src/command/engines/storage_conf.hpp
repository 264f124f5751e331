// SPDX-License-Identifier: Apache-2.0
// Where containers/storage, which Podman and CRI-O use, keeps its files
// (containers-storage.conf(5)).
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

struct StorageRoots {
  std::string run = {};    ///< runroot
  std::string graph = {};  ///< graphroot

  friend bool operator==(const StorageRoots&, const StorageRoots&) = default;
};

/// Returns `roots` with the settings of the storage.conf `text` over them. A text that is not TOML,
/// and a path that is not absolute, change nothing.
[[nodiscard]] StorageRoots parse_storage_conf(std::string_view text, StorageRoots roots);

}  // namespace nvhook
