// SPDX-License-Identifier: Apache-2.0
// Which part of a container's file tree will be its own, foretold from its config.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "image/image_view.hpp"
#include "oci/container_spec.hpp"
#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// What OwnLayer says of a container, before the runtime has mounted anything: for who edits
/// config.json or explains it. Where a path only may lead through a volume, it counts as on it: a
/// hook looks again when the container is made, and the runtime, told to mount something there,
/// would make a file on the volume.
class SpecLayer {
 public:
  /// `image`: the root file system; null if it is not known, and then no link of it is. Both must
  /// outlive this object.
  SpecLayer(const ContainerSpec& spec, const RootDir* image);

  /// As OwnLayer::obstacle_at.
  [[nodiscard]] std::optional<std::string> obstacle_at(const ContainerPath& path) const;

  /// The image as the planning stages see it; must not outlive this object.
  [[nodiscard]] ImageView view() const;

 private:
  /// Where a mount goes when the links of the image are followed.
  struct ResolvedMount {
    std::string destination = {};
    const SpecMount* mount = nullptr;
  };
  /// The end of a walk: where it came to, and the volume that it came to on its way.
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
