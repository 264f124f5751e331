// SPDX-License-Identifier: Apache-2.0
// Which part of a container's file tree belongs to that container alone: only there is anything
// made.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "image/image_view.hpp"
#include "oci/container_spec.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// The obstacle of a directory that is the container's own, and still cannot be written.
inline constexpr const char* kReadOnlyObstacle = "is read-only";

/// An open directory of the container, of which the kernel was asked once whose it is. Only
/// OwnLayer makes one, and nothing is made in a container without one.
class LayerDirectory {
 public:
  [[nodiscard]] int fd() const noexcept { return fd_->get(); }
  [[nodiscard]] const SharedFd& shared() const noexcept { return fd_; }
  /// Why nothing may be made in it; nothing if it is the container's own.
  [[nodiscard]] const std::optional<std::string>& obstacle() const noexcept { return *obstacle_; }

 private:
  friend class OwnLayer;
  LayerDirectory(SharedFd fd, const std::optional<std::string>& obstacle) noexcept
      : fd_(std::move(fd)), obstacle_(&obstacle) {}

  SharedFd fd_;
  const std::optional<std::string>* obstacle_;  ///< the OwnLayer's
};

/// A volume is the host's, whatever is mounted on it and whatever its options say: crun makes
/// read-only bind mounts read-only only after the hooks have run. So nothing is made in a directory
/// but in one
/// - on the mount of the root file system itself, unless a volume covers that or it is read-only;
/// or
/// - on a tmpfs that the runtime made for this container.
/// What decides is the mount that the kernel says a descriptor is on, never a path.
class OwnLayer {
 public:
  struct Task {
    /// The container's root file system, as a descriptor of its own mount namespace.
    const RootDir& rootfs;
    /// What the runtime mounts; null if nobody told, as for nvidia-container-cli.
    const ContainerSpec* spec = nullptr;
    /// A volume covers the root directory that the engine prepared.
    bool is_root_covered = false;
    /// The text of the container's mountinfo; asked for only without `spec`, and only once.
    std::function<std::string()> mountinfo = {};
    /// The container runs: that its root is read-only says nothing of what could be made at its
    /// start.
    bool is_running = false;
  };

  explicit OwnLayer(Task task);

  OwnLayer(const OwnLayer&) = delete;
  OwnLayer& operator=(const OwnLayer&) = delete;
  OwnLayer(OwnLayer&&) = delete;
  OwnLayer& operator=(OwnLayer&&) = delete;
  ~OwnLayer() = default;

  /// `directory` is an open directory below the root. What is returned must not outlive this
  /// object.
  [[nodiscard]] LayerDirectory look_at(SharedFd directory) const;

  /// Why nothing may be made in the directory at `path`, or in the lowest one above it that is
  /// there, as what follows its name: `lies on the volume /vol (from /srv/vol)`. Nothing if it is
  /// the container's own.
  [[nodiscard]] std::optional<std::string> obstacle_at(const ContainerPath& path) const;

  /// The root file system as the planning stages see it; must not outlive this object.
  [[nodiscard]] ImageView view() const;

 private:
  [[nodiscard]] const std::optional<std::string>& obstacle(int directory) const;
  [[nodiscard]] std::optional<std::string> find_obstacle(int directory, std::uint64_t id) const;
  [[nodiscard]] std::optional<std::string> root_obstacle() const;
  [[nodiscard]] bool is_own_tmpfs(int directory, std::uint64_t id) const;
  [[nodiscard]] bool is_runtimes_tmpfs(std::uint64_t id) const;
  [[nodiscard]] bool is_on_host_too(int directory) const;
  [[nodiscard]] std::string text_of_mount(std::uint64_t id) const;
  [[nodiscard]] std::uint64_t mount_at(const SpecMount& mount) const;

  Task task_;
  std::uint64_t root_id_;
  mutable std::map<std::uint64_t, std::optional<std::string>> known_ = {};  ///< by mount
};

/// Whether `rootfs`, as the container has it, is the directory that the engine prepared at `path`,
/// as the runtime and this process have it. A volume on `/` covers that one.
[[nodiscard]] bool is_prepared_root(const RootDir& rootfs, const std::string& path);

/// Why nothing may be made in a root directory because config.json says that it is read-only;
/// nothing if it may.
[[nodiscard]] std::optional<std::string> read_only_root(const ContainerSpec& spec, int root);

/// ``the volume `/vol` (from `/srv/vol`)``.
[[nodiscard]] std::string volume_text(const SpecMount& volume);

}  // namespace nvhook
