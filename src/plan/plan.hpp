// SPDX-License-Identifier: Apache-2.0
// The plan for one container: all decisions, as an ordered and comparable value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/file_identity.hpp"
#include "text/note.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Mount attributes of a bind mount; nosuid is always set.
struct MountAttributes {
  bool read_only = true;
  bool no_dev = true;
  bool no_exec = false;

  friend bool operator==(const MountAttributes&, const MountAttributes&) = default;
};

enum class SourceType { regular, directory, socket, character_device };

/// Mounts one host file, directory, socket or device node into the container.
struct BindMount {
  HostFile source = {};
  SourceType type = SourceType::regular;
  /// Of a character device: the number that it must have when it is opened.
  std::optional<DeviceNumber> device = {};
  ContainerPath target = {};
  MountAttributes attributes = {};
  /// May be left out, with a note, if the source is missing or the target cannot be made (sockets
  /// of daemons).
  bool optional = false;
  /// Where it goes depends on what the image has, beyond its library directory.
  bool by_image = false;
  /// A link of the plan without which the file is of no use; empty if there is none.
  ContainerPath needs = {};
  /// Lies where others than root can write; it is left out if they made it.
  bool in_public_place = false;
  /// In a container that runs, a mount of this file at the target, that of a driver of before,
  /// gives way, after everything else.
  std::optional<FileIdentity> takes_over = {};
  std::string reason = {};

  friend bool operator==(const BindMount&, const BindMount&) = default;
};

/// A file, link or directory that is put onto a tmpfs of ours.
struct TmpfsEntry {
  std::string path = {};  ///< below the tmpfs, without leading slash
  bool directory = false;
  std::string link = {};  ///< target, if it is a link
  std::string content = {};
  unsigned mode = 0444;

  friend bool operator==(const TmpfsEntry&, const TmpfsEntry&) = default;
};

/// Covers a directory of the container with a small tmpfs (nosuid, nodev, noexec).
struct TmpfsMount {
  ContainerPath target = {};
  unsigned mode = 0555;
  /// The directory must lie on the container's procfs, or the step is refused.
  bool on_procfs = false;
  /// SELinux label of everything on it; empty: the kernel's default.
  std::string label = {};
  /// Directories before their entries.
  std::vector<TmpfsEntry> entries = {};
  /// Size in bytes. The texts of /proc/driver/nvidia are the largest, some KiB; but the container's
  /// root can write to the tmpfs, so it must be limited.
  std::size_t size = 1UL << 20U;
  /// Made read-only after it was filled.
  bool read_only = false;
  /// May be left out, with a note, if its target cannot be made.
  bool optional = false;
  /// A tmpfs with the first entry of this one that is mounted at the target gives way to it: in a
  /// container that runs, the one of an earlier plan.
  bool takes_over = false;
  std::string reason = {};

  friend bool operator==(const TmpfsMount&, const TmpfsMount&) = default;
};

/// Makes a symbolic link.
struct Symlink {
  ContainerPath link = {};
  std::string target = {};
  /// Replace a link of that name with another target, and cover a file of that name with the target
  /// of the link. Without `replace`, whatever has the name stays, with a note.
  bool replace = false;
  /// A file of that name in the container's own layer is replaced by the link, as by `ln -sf`.
  bool replace_file = false;
  /// May be left out, with a note, if its directory cannot be made.
  bool optional = false;
  /// The mount that covers a file of that name, if the runtime has mounted the link's target.
  std::optional<BindMount> cover = {};
  std::string reason = {};

  friend bool operator==(const Symlink&, const Symlink&) = default;
};

/// A device node of the plan that not everybody may open.
struct ClosedNode {
  std::string path = {};
  unsigned mode = 0;  ///< permission bits
  unsigned owner = 0;
  std::optional<unsigned> group = {};  ///< nullopt: it is not in this user namespace

  friend bool operator==(const ClosedNode&, const ClosedNode&) = default;
};

/// Lets the container read and write a character device.
struct DeviceRule {
  DeviceNumber device = {};
  /// Its node on the host; empty if the plan mounts no single node for the device (MIG
  /// administration mounts the whole directory).
  HostPath node = {};
  std::string reason = {};

  friend bool operator==(const DeviceRule&, const DeviceRule&) = default;
};

/// Returns the devices of `rules`, in their order.
[[nodiscard]] inline std::vector<DeviceNumber> devices_of(const std::vector<DeviceRule>& rules) {
  std::vector<DeviceNumber> devices;
  devices.reserve(rules.size());
  for (const DeviceRule& rule : rules) devices.push_back(rule.device);
  return devices;
}

/// Takes from a container that runs what an earlier plan made there. What is something else by now
/// stays, with a note.
struct Removal {
  enum class Kind {
    node,   ///< the character device `device`, mounted or made by the runtime
    mount,  ///< a mount that shows `source`
    stale,  ///< a mount that shows `shown`, which the host has no longer
    tmpfs,  ///< a tmpfs with the entry `mark`, with all that is mounted on it
    link,   ///< a link to `link_target`
  };
  Kind kind = Kind::mount;
  ContainerPath path = {};
  HostFile source = {};
  DeviceNumber device = {};
  std::string link_target = {};
  std::string mark = {};  ///< path below the tmpfs
  FileIdentity shown = {};

  friend bool operator==(const Removal&, const Removal&) = default;
};

/// One library for the container's loader cache.
struct LoaderEntry {
  std::string soname = {};
  ContainerPath path = {};
  Abi abi = Abi::native;

  friend bool operator==(const LoaderEntry&, const LoaderEntry&) = default;
};

/// Library directories for the path file of musl's loader.
struct LoaderPath {
  ContainerPath file = {};
  std::vector<ContainerPath> directories = {};

  friend bool operator==(const LoaderPath&, const LoaderPath&) = default;
};

/// Puts a text of ours at a path of the container: a new file takes the name, in the container's
/// own layer. Elsewhere, or if it cannot be made, it is left out with a note.
struct TextFile {
  ContainerPath path = {};
  std::string text = {};
  std::string reason = {};

  friend bool operator==(const TextFile&, const TextFile&) = default;
};

/// Sets the permission bits of a file or directory of the container's own layer. What does not
/// exist or lies elsewhere is left out with a note.
struct ModeChange {
  ContainerPath path = {};
  unsigned mode = 0;

  friend bool operator==(const ModeChange&, const ModeChange&) = default;
};

/// The steps, by kind; `apply` takes the kinds in this order (docs/architecture.md). Tmpfs come
/// before the bind mounts because some of those have their targets on them.
struct Plan {
  std::vector<TmpfsMount> tmpfs = {};
  std::vector<BindMount> mounts = {};
  std::vector<Symlink> symlinks = {};
  std::vector<TextFile> texts = {};
  std::vector<ModeChange> modes = {};
  std::vector<Removal> removals = {};
  /// If empty, the loader cache is left alone.
  std::vector<LoaderEntry> loader_entries = {};
  /// Entries of the loader cache that are taken out, before others are added.
  std::vector<LoaderEntry> stale_loader_entries = {};
  /// Present if the image's loader is musl's, which has no cache.
  std::optional<LoaderPath> loader_path = {};
  /// Mount over the loader's files instead of replacing them, so that an image that is made of the
  /// container has no trace of them.
  bool cover_loader_files = false;
  /// Empty if the configuration says to leave the device cgroup alone.
  std::vector<DeviceRule> device_rules = {};
  /// Of a container that runs: what it may use already, and keeps if applying the plan fails.
  std::vector<DeviceRule> granted_rules = {};
  /// Devices that are taken back, before anything else is changed.
  std::vector<DeviceRule> withdrawn_rules = {};
  /// Rules that the runtime itself grants. Only systemd has to be informed of them: of the rules
  /// that runc passes to systemd, it drops each device without a link in /dev/char, and NVIDIA's
  /// driver makes no such links.
  std::vector<DeviceRule> rules_of_runtime = {};
  std::vector<ClosedNode> closed_nodes = {};
  Notes notes = {};

  friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace nvhook
