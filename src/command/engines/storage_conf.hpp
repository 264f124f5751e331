// SPDX-License-Identifier: Apache-2.0
// Where containers/storage, of Podman and CRI-O, keeps its files (containers-storage.conf(5)).
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

struct StorageRoots {
  std::string run = {};    ///< runroot
  std::string graph = {};  ///< graphroot

  friend bool operator==(const StorageRoots&, const StorageRoots&) = default;
};

/// `roots` with what the storage.conf `text` says otherwise. A text that is no TOML and a path that
/// is not absolute say nothing.
[[nodiscard]] StorageRoots parse_storage_conf(std::string_view text, StorageRoots roots);

}  // namespace nvhook
