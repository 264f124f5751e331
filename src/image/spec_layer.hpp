// SPDX-License-Identifier: Apache-2.0
// Predicts from config.json which directories will belong to the container alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/image_view.hpp"
#include "oci/container_spec.hpp"
#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Predicts what OwnLayer will find once the runtime has made the mounts; for editing or explaining
/// config.json. A path that might lead through a volume counts as being on it: if config.json had a
/// mount there, the runtime would make a file on the volume, whereas a hook checks again when the
/// container is made.
class SpecLayer {
 public:
  /// `image` is the root file system; if it is null, because it is not known, no links are
  /// followed. Both must outlive this object.
  SpecLayer(const ContainerSpec& spec, const RootDir* image);

  /// As OwnLayer::obstacle_at.
  [[nodiscard]] std::optional<std::string> obstacle_at(const ContainerPath& path) const;

  /// Returns the image as the planning stages see it; it must not outlive this object.
  [[nodiscard]] ImageView view() const;

 private:
  /// A mount of config.json, and its destination after the links of the image were followed.
  struct ResolvedMount {
    std::string destination = {};
    const SpecMount* mount = nullptr;
  };
  /// Where a path leads. If it reaches a volume, the walk ends there.
  struct End {
    std::string path = {};
    const SpecMount* volume = nullptr;
  };

  [[nodiscard]] std::optional<std::string> link_at(const std::string& path,
                                                   const SpecMount* over) const;
  [[nodiscard]] End walk(const std::string& path) const;
  [[nodiscard]] const SpecMount* mount_over(const std::string& path) const;

  const ContainerSpec& spec_;
  const RootDir* image_;
  std::vector<ResolvedMount> places_ = {};
};

}  // namespace nvhook
