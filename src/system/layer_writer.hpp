// SPDX-License-Identifier: Apache-2.0
// The one place from which something is made, renamed or removed in a container.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "core/paths.hpp"
#include "system/own_layer.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// Makes things in directories of the container, each given as an open descriptor, as its root user
/// `uid`:`gid`. Every function first asks the OwnLayer: in a directory that is not the container's
/// own nothing is done, and Error(target_on_volume) or Error(target_read_only) is thrown that names
/// `path`, the place in the container. Otherwise they do what the system call of that name does,
/// and return what it returns: false or an empty descriptor with errno.
class LayerWriter {
 public:
  LayerWriter(const OwnLayer& layer, uid_t uid, gid_t gid) noexcept
      : layer_(layer), uid_(uid), gid_(gid) {}

  /// mkdirat.
  [[nodiscard]] bool make_directory(int directory, const ContainerPath& path, mode_t mode) const;
  /// A new file of this mode, open to be written; EEXIST for whatever has the name already.
  [[nodiscard]] UniqueFd make_file(int directory, const ContainerPath& path, mode_t mode) const;
  /// symlinkat.
  [[nodiscard]] bool make_link(int directory, const ContainerPath& path,
                               const std::string& target) const;
  /// linkat: `second` becomes another name of `path`, in the same directory.
  [[nodiscard]] bool make_second_name(int directory, const ContainerPath& path,
                                      const std::string& second) const;
  /// renameat within one directory: the file of the name `from` gets that of `path`.
  [[nodiscard]] bool rename_entry(int directory, const std::string& from,
                                  const ContainerPath& path) const;
  /// unlinkat, of what was made by this object; `flags` as there. Never throws.
  static bool remove_entry(int directory, const std::string& name, int flags = 0) noexcept;

  /// Whether `directory` is one in which something may be made.
  [[nodiscard]] bool may_write(int directory) const { return !layer_.obstacle(directory); }
  /// Throws as the functions above do.
  void require_own(int directory, const ContainerPath& path) const;

 private:
  const OwnLayer& layer_;
  uid_t uid_;
  gid_t gid_;
};

}  // namespace nvhook
