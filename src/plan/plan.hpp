// SPDX-License-Identifier: Apache-2.0
// Everything that will be done to one container, decided: an ordered, comparable value.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "text/note.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Mount attributes of a bind mount; nosuid always holds.
struct MountAttributes {
  bool read_only = true;
  bool no_dev = true;
  bool no_exec = false;

  friend bool operator==(const MountAttributes&, const MountAttributes&) = default;
};

enum class SourceType { regular, directory, socket, character_device };

/// Puts one host file, directory, socket or device node into the container.
struct BindMount {
  HostFile source = {};
  SourceType type = SourceType::regular;
  /// Of a character device: what its number must be when it is opened.
  std::optional<DeviceNumber> device = {};
  ContainerPath target = {};
  MountAttributes attributes = {};
  /// May be left out, with a note, if the source is gone or the target cannot be made (sockets of
  /// daemons).
  bool optional = false;
  /// Lies where others than root can write: it is left out if they have made it.
  bool in_public_place = false;
  std::string reason = {};

  friend bool operator==(const BindMount&, const BindMount&) = default;
};

/// A file, link or directory that a tmpfs of ours starts with.
struct TmpfsEntry {
  std::string path = {};  ///< below the tmpfs, without leading slash
  bool directory = false;
  std::string link = {};  ///< where it leads, if it is a link
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
  /// SELinux label of all that is on it; empty: the kernel's default.
  std::string label = {};
  /// Parents before what is in them.
  std::vector<TmpfsEntry> entries = {};
  /// Bytes that it has room for. Of what goes in, /proc/driver/nvidia's texts are the largest, some
  /// KiB; but the container's root can write to it.
  std::size_t size = 1UL << 20U;
  /// Nothing can be written once it is filled.
  bool read_only = false;
  /// Leave it out, with a note, where its target cannot be made.
  bool optional = false;
  std::string reason = {};

  friend bool operator==(const TmpfsMount&, const TmpfsMount&) = default;
};

/// Makes a symbolic link.
struct Symlink {
  ContainerPath link = {};
  std::string target = {};
  /// Replace a link of that name that points elsewhere, and cover a file that has the name with
  /// what the link would lead to. Without it what has the name stays, with a note.
  bool replace = false;
  /// Leave it out, with a note, where its directory cannot be made.
  bool optional = false;
  /// What a file of that name is covered with, where the runtime has mounted what the link leads
  /// to.
  std::optional<BindMount> cover = {};
  std::string reason = {};

  friend bool operator==(const Symlink&, const Symlink&) = default;
};

/// Lets the container read and write a character device.
struct DeviceRule {
  DeviceNumber device = {};
  /// Its node on the host; empty if the rule is for a device that the container makes a node of.
  HostPath node = {};
  std::string reason = {};

  friend bool operator==(const DeviceRule&, const DeviceRule&) = default;
};

/// One library that the container's loader cache must know.
struct LoaderEntry {
  std::string soname = {};
  ContainerPath path = {};
  Abi abi = Abi::native;

  friend bool operator==(const LoaderEntry&, const LoaderEntry&) = default;
};

/// Library directories that musl's loader must search, in the file that tells it.
struct LoaderPath {
  ContainerPath file = {};
  std::vector<ContainerPath> directories = {};

  friend bool operator==(const LoaderPath&, const LoaderPath&) = default;
};

/// The steps, by kind; `apply` takes the kinds in this order (design §3). Tmpfs come before the
/// bind mounts because some of those have their targets on them.
struct Plan {
  std::vector<TmpfsMount> tmpfs = {};
  std::vector<BindMount> mounts = {};
  std::vector<Symlink> symlinks = {};
  /// Empty: the loader cache is left alone.
  std::vector<LoaderEntry> loader_entries = {};
  /// Present if the image's loader is musl's, which has no cache.
  std::optional<LoaderPath> loader_path = {};
  /// The loader's files are mounted over, and not replaced: nothing of them stays in an image that
  /// is made of the container.
  bool cover_loader_files = false;
  /// Empty if the configuration says to leave the device cgroup alone.
  std::vector<DeviceRule> device_rules = {};
  /// Rules that the runtime grants by itself. Of these only systemd is told: runc leaves out, of
  /// what it tells it, each device that has no link in /dev/char, and NVIDIA's driver makes none.
  std::vector<DeviceRule> rules_of_runtime = {};
  Notes notes = {};

  friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace nvhook
