// SPDX-License-Identifier: Apache-2.0
// The parts of an OCI config.json that decide what the container gets.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/device_number.hpp"

namespace nvhook {

/// Name → value; of duplicate names the last one wins, as in the runtimes.
using Environment = std::map<std::string, std::string, std::less<>>;

/// `mounts[]`: what a device request by volume mount needs (behaviour.md §2.4), and what tells a
/// volume from a file system that the runtime makes for this container.
struct SpecMount {
  enum class Kind {
    tmpfs,   ///< a new tmpfs, this container's alone
    kernel,  ///< proc, sysfs, cgroup, mqueue, devpts: the kernel's own
    volume,  ///< everything else: a bind mount, whatever its type says, and types not known here
  };

  std::string source = {};
  std::string destination = {};
  Kind kind = Kind::volume;

  friend bool operator==(const SpecMount&, const SpecMount&) = default;
};

struct ContainerSpec {
  /// `root.path` as written; relative to the bundle if it has no leading slash.
  std::string root = {};
  Environment environment = {};
  /// `root.readonly`.
  bool root_read_only = false;
  /// In the order in which the runtime mounts them.
  std::vector<SpecMount> mounts = {};
  /// CAP_SYS_ADMIN is in the bounding set (behaviour.md §1.4).
  bool privileged = false;

  friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
};

/// Reads config.json. `process.capabilities` may be an object or, as before 1.0.0-rc5, a plain
/// list: the JSON type decides. An environment entry without `=` is a name with an empty value.
/// Throws Error(spec_invalid) if the text is not one JSON object, if `ociVersion`, `process` or
/// `root.path` is missing, or if a field we read has another type. What is in `linux`, `hooks` and
/// `annotations` is skipped by its brackets and not looked at.
[[nodiscard]] ContainerSpec parse_spec(std::string_view json);

/// `root.path` as a path of the host, below the directory `bundle` if it is relative. Throws
/// Error(rootfs_invalid) if it is the host's root, or if it goes up by `..`: which directory that
/// is would hang on links on the way, for the runtime, which only looks at the spelling, and for
/// us.
[[nodiscard]] std::string rootfs_path(const ContainerSpec& spec, const std::string& bundle);

/// `linux.devices[]`: a node that the engine has the runtime make.
struct SpecNode {
  std::string path = {};
  /// Of a character device with both numbers.
  std::optional<DeviceNumber> number = {};

  friend bool operator==(const SpecNode&, const SpecNode&) = default;
};

/// What `linux` of a config.json says that matters to a container with a request.
struct LinuxSpec {
  /// `mountLabel`: the SELinux label of the container's own mounts; empty if it has none.
  std::string mount_label = {};
  std::vector<SpecNode> nodes = {};

  friend bool operator==(const LinuxSpec&, const LinuxSpec&) = default;
};

/// Reads `linux` of config.json, apart from parse_spec so that a container without a request does
/// not pay for it. Throws as parse_spec does.
[[nodiscard]] LinuxSpec parse_linux_spec(std::string_view json);

/// Whether the engine itself gives this container the driver, as a CDI specification tells it to:
/// /dev/nvidiactl among its devices or mounts, and libcuda or libnvidia-ml among its mounts. The
/// node alone says nothing: `--privileged` brings it, and so does `--device /dev/nvidiactl` beside
/// `--gpus`, which is a known remedy against devices lost at daemon-reload.
[[nodiscard]] bool has_driver_by_engine(const ContainerSpec& spec, const LinuxSpec& linux_spec);

}  // namespace nvhook
