// SPDX-License-Identifier: Apache-2.0
// The only place from which files are made, renamed or removed in a container.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "image/own_layer.hpp"
#include "os/unique_fd.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Makes things in directories of the container as its root user `uid`:`gid`. If a directory is not
/// the container's own, nothing is done and Error(target_on_volume) or Error(target_read_only) is
/// thrown, which names `path`, the path in the container. Otherwise the functions do what the
/// system call of that name does, and return its result: false or an empty descriptor with errno.
class LayerWriter {
 public:
  LayerWriter(uid_t uid, gid_t gid) noexcept : uid_(uid), gid_(gid) {}

  /// mkdirat.
  [[nodiscard]] bool make_directory(const LayerDirectory& directory, const ContainerPath& path,
                                    mode_t mode) const;
  /// Opens a new file with this mode for writing; EEXIST if anything has the name already.
  [[nodiscard]] UniqueFd make_file(const LayerDirectory& directory, const ContainerPath& path,
                                   mode_t mode) const;
  /// symlinkat.
  [[nodiscard]] bool make_link(const LayerDirectory& directory, const ContainerPath& path,
                               const std::string& target) const;
  /// linkat: `second` becomes another name of `path`, in the same directory.
  [[nodiscard]] bool make_second_name(const LayerDirectory& directory, const ContainerPath& path,
                                      const std::string& second) const;
  /// renameat within one directory: the file `from` gets the name of `path`.
  [[nodiscard]] bool rename_entry(const LayerDirectory& directory, const std::string& from,
                                  const ContainerPath& path) const;
  /// unlinkat, for files that this object made. Never throws.
  static bool remove_entry(const LayerDirectory& directory, const std::string& name,
                           int flags = 0) noexcept;

  /// Throws what the functions above throw if `directory` is not the container's own.
  static void require_own(const LayerDirectory& directory, const ContainerPath& path);

 private:
  uid_t uid_;
  gid_t gid_;
};

}  // namespace nvhook
