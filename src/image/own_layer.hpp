// SPDX-License-Identifier: Apache-2.0
// Finds out which directories of a container belong to that container alone. Files are made only
// there.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "image/image_view.hpp"
#include "oci/container_spec.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// The obstacle of a directory that is the container's own, but cannot be written.
inline constexpr const char* kReadOnlyObstacle = "is read-only";

/// An open directory of the container that was checked once for whether it is the container's own.
/// Only OwnLayer makes such objects, and nothing is made in a container without one (LayerWriter).
class LayerDirectory {
 public:
  [[nodiscard]] int fd() const noexcept { return fd_->get(); }
  [[nodiscard]] const SharedFd& shared() const noexcept { return fd_; }
  /// Why nothing may be made in it; nullopt if it is the container's own.
  [[nodiscard]] const std::optional<std::string>& obstacle() const noexcept { return *obstacle_; }

 private:
  friend class OwnLayer;
  LayerDirectory(SharedFd fd, const std::optional<std::string>& obstacle) noexcept
      : fd_(std::move(fd)), obstacle_(&obstacle) {}

  SharedFd fd_;
  const std::optional<std::string>* obstacle_;  ///< the OwnLayer's
};

/// A volume belongs to the host, whatever is mounted on it and whatever its options are: crun makes
/// bind mounts read-only only after the hooks have run. So files are made only in directories
/// - on the mount of the root file system, unless a volume covers it or it is read-only, and
/// - on a tmpfs that the runtime made for this container.
///
/// The mount that a descriptor is on decides, never a path.
class OwnLayer {
 public:
  struct Task {
    /// The container's root file system, opened in the container's mount namespace.
    const RootDir& rootfs;
    /// Has the mounts of config.json; null if it is not known, as for nvidia-container-cli.
    const ContainerSpec* spec = nullptr;
    /// Whether a volume covers the root directory that the engine prepared; called only if
    /// something is to be made in it, and once. Null if none does.
    std::function<bool()> is_root_covered = {};
    /// Returns the text of the container's mountinfo; called only without `spec`. May be null.
    std::function<std::string()> mountinfo = {};
    /// Whether the container runs already. A read-only mount is then no obstacle, because it may
    /// have been writable when the container started.
    bool is_running = false;
    /// For a container that is changed while it runs, so that it can have mounted what it likes:
    /// returns the text of the mountinfo of this host. A file system that is mounted there, too, is
    /// the host's. May be null.
    std::function<std::string()> host_mountinfo = {};
  };

  explicit OwnLayer(Task task);

  OwnLayer(const OwnLayer&) = delete;
  OwnLayer& operator=(const OwnLayer&) = delete;
  OwnLayer(OwnLayer&&) = delete;
  OwnLayer& operator=(OwnLayer&&) = delete;
  ~OwnLayer() = default;

  /// Checks `directory`, an open directory below the root. The result must not outlive this object.
  [[nodiscard]] LayerDirectory look_at(SharedFd directory) const;

  /// Returns why nothing may be made in the directory at `path` or, if it does not exist, in the
  /// nearest directory above it that does. The text follows a name in a message: ``lies on the
  /// volume `/vol` (from `/srv/vol`)``. nullopt if the directory is the container's own.
  [[nodiscard]] std::optional<std::string> obstacle_at(const ContainerPath& path) const;

  /// Returns the root file system as the planning stages see it; it must not outlive this object.
  [[nodiscard]] ImageView view() const;

 private:
  [[nodiscard]] const std::optional<std::string>& obstacle(int directory) const;
  [[nodiscard]] std::optional<std::string> find_obstacle(int directory, std::uint64_t id) const;
  [[nodiscard]] std::optional<std::string> root_obstacle() const;
  [[nodiscard]] bool is_own_tmpfs(int directory, std::uint64_t id) const;
  [[nodiscard]] bool is_runtimes_tmpfs(std::uint64_t id) const;
  [[nodiscard]] bool is_on_host_too(int directory) const;
  [[nodiscard]] bool is_mounted_on_host(int directory) const;
  [[nodiscard]] std::string text_of_mount(std::uint64_t id) const;
  [[nodiscard]] std::uint64_t mount_at(const SpecMount& mount) const;

  Task task_;
  std::uint64_t root_id_;
  mutable std::map<std::uint64_t, std::optional<std::string>> known_ = {};  ///< by mount
};

/// Returns whether the file system with the number `device` ("0:61") is mounted outside of what an
/// engine made for the container with the root file system `root`. `mountinfo` is that of the
/// container's mount namespace, where the mounts of the host still are. What is made for a
/// container is
/// - a mount of a whole file system below `root`, and
/// - for Apptainer and Singularity, whose `root` is `<directory>/mnt/session/final`: all mounts of
///   the tmpfs at `<directory>/mnt/session`, which they make anew for each container and of which
///   they mount parts into it, such as its /dev.
[[nodiscard]] bool is_mounted_outside(std::string_view mountinfo, std::string_view device,
                                      const std::string& root);

/// Whether the file system with the number `device` ("0:61") is mounted anywhere in `mountinfo`.
[[nodiscard]] bool is_mounted(std::string_view mountinfo, std::string_view device);

/// Whether a volume covers the root file system `rootfs`: what is visible there is not what was
/// mounted there first, or a mount of config.json has that place. For a process in the container's
/// mount namespace, before pivot_root; `spec` may be null. `mountinfo` is called only if the kernel
/// cannot be asked about single mounts: the host may have thousands.
[[nodiscard]] bool is_covered_root(const RootDir& rootfs, const ContainerSpec* spec,
                                   const std::function<std::string()>& mountinfo);

/// Whether what is visible at `point` is not what was mounted there first.
[[nodiscard]] bool is_covered_mount(std::string_view mountinfo, const std::string& point);

/// Whether `rootfs`, opened in the container's mount namespace, is the directory that the engine
/// prepared, which this process sees at `path`. If not, a volume on `/` covers it.
[[nodiscard]] bool is_prepared_root(const RootDir& rootfs, const std::string& path);

/// Returns why nothing may be made in the directory `root` because config.json declares the root
/// read-only; nullopt if files may be made.
[[nodiscard]] std::optional<std::string> read_only_root(const ContainerSpec& spec, int root);

/// Returns ``the volume `/vol` (from `/srv/vol`)``.
[[nodiscard]] std::string volume_text(const SpecMount& volume);

}  // namespace nvhook
