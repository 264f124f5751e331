// SPDX-License-Identifier: Apache-2.0
// Parses the parts of an OCI config.json that decide what the container gets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/spec_values.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// Parses config.json. `process.capabilities` may be an object or, as before 1.0.0-rc5, a plain
/// list: the JSON type decides. An environment entry without `=` is a name with an empty value.
/// `linux`, `hooks` and `annotations` are skipped and not parsed.
///
/// Throws Error(spec_invalid) if the text is not one JSON object, if `ociVersion`, `process` or
/// `root.path` is missing, or if a field that is read has the wrong type.
[[nodiscard]] ContainerSpec parse_spec(std::string_view json);

/// Returns `root.path` as a path of the host, below the directory `bundle` if it is relative.
/// Throws Error(rootfs_invalid) if it is the host's root, or if it has a `..`: the runtime resolves
/// `..` in the text alone, we would have to follow links before it, and the two could end in
/// different directories.
[[nodiscard]] std::string rootfs_path(const ContainerSpec& spec, const std::string& bundle);

/// `linux.devices[]`: a device node that the engine has the runtime make.
struct SpecNode {
  std::string path = {};
  /// Only if it is a character device with both numbers.
  std::optional<DeviceNumber> number = {};

  friend bool operator==(const SpecNode&, const SpecNode&) = default;
};

/// The parts of `linux` that matter to a container with a request.
struct LinuxSpec {
  /// `mountLabel`: the SELinux label of the container's own mounts; empty if there is none.
  std::string mount_label = {};
  std::vector<SpecNode> nodes = {};

  friend bool operator==(const LinuxSpec&, const LinuxSpec&) = default;
};

/// Parses `annotations` in config.json. Separate from parse_spec because few configurations need
/// them. Throws as parse_spec does; a value must be a string, as for every runtime.
[[nodiscard]] Annotations parse_annotations(std::string_view json);

/// Parses `linux` in config.json. Separate from parse_spec so that a container without a request
/// does not pay for it. Throws as parse_spec does.
[[nodiscard]] LinuxSpec parse_linux_spec(std::string_view json);

/// Whether the driver's control device (/dev/nvidiactl, on WSL2 /dev/dxg) is among the devices or
/// mounts.
[[nodiscard]] bool has_control_node(const ContainerSpec& spec, const LinuxSpec& linux_spec);

/// Whether the engine itself gives this container the driver, as it does for a CDI specification:
/// its control device is there, and libcuda or libnvidia-ml among the mounts. The node alone is no
/// proof: `--privileged` brings it, and so does `--device /dev/nvidiactl` in addition to `--gpus`,
/// a known remedy against devices lost at daemon-reload.
[[nodiscard]] bool has_driver_by_engine(const ContainerSpec& spec, const LinuxSpec& linux_spec);

}  // namespace nvhook
