// SPDX-License-Identifier: Apache-2.0
// The one place from which something is made, renamed or removed in a container.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "image/own_layer.hpp"
#include "os/unique_fd.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Makes things in directories of the container as its root user `uid`:`gid`. In a directory that
/// is not the container's own nothing is done, and Error(target_on_volume) or
/// Error(target_read_only) is thrown that names `path`, the place in the container. Otherwise the
/// functions do what the system call of that name does, and return what it returns: false or an
/// empty descriptor with errno.
class LayerWriter {
 public:
  LayerWriter(uid_t uid, gid_t gid) noexcept : uid_(uid), gid_(gid) {}

  /// mkdirat.
  [[nodiscard]] bool make_directory(const LayerDirectory& directory, const ContainerPath& path,
                                    mode_t mode) const;
  /// A new file of this mode, open to be written; EEXIST for whatever has the name already.
  [[nodiscard]] UniqueFd make_file(const LayerDirectory& directory, const ContainerPath& path,
                                   mode_t mode) const;
  /// symlinkat.
  [[nodiscard]] bool make_link(const LayerDirectory& directory, const ContainerPath& path,
                               const std::string& target) const;
  /// linkat: `second` becomes another name of `path`, in the same directory.
  [[nodiscard]] bool make_second_name(const LayerDirectory& directory, const ContainerPath& path,
                                      const std::string& second) const;
  /// renameat within one directory: the file of the name `from` gets that of `path`.
  [[nodiscard]] bool rename_entry(const LayerDirectory& directory, const std::string& from,
                                  const ContainerPath& path) const;
  /// unlinkat, of what was made by this object; `flags` as there. Never throws.
  static bool remove_entry(const LayerDirectory& directory, const std::string& name,
                           int flags = 0) noexcept;

  /// Throws as the functions above do.
  static void require_own(const LayerDirectory& directory, const ContainerPath& path);

 private:
  uid_t uid_;
  gid_t gid_;
};

}  // namespace nvhook
