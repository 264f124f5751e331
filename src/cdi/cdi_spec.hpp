// SPDX-License-Identifier: Apache-2.0
// A CDI specification (Container Device Interface) as a value: what an engine adds to a container
// for each named device.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// `deviceNodes[]`.
struct CdiNode {
  std::string path = {};  ///< in the container
  /// Path on the host; empty if it is the same.
  std::string host_path = {};
  /// If absent, the engine takes the number of the host's node when it starts a container.
  std::optional<DeviceNumber> number = {};
  std::string permissions = {};  ///< some of `rwm`; empty: all

  [[nodiscard]] const std::string& source() const noexcept {
    return host_path.empty() ? path : host_path;
  }
  friend bool operator==(const CdiNode&, const CdiNode&) = default;
};

/// `mounts[]`.
struct CdiMount {
  std::string host_path = {};
  std::string container_path = {};
  std::vector<std::string> options = {};

  friend bool operator==(const CdiMount&, const CdiMount&) = default;
};

/// `hooks[]`.
struct CdiHook {
  std::string stage = {};  ///< `hookName`: createRuntime, …
  std::string path = {};
  std::vector<std::string> arguments = {};  ///< argv[0] first
  std::vector<std::string> environment = {};

  friend bool operator==(const CdiHook&, const CdiHook&) = default;
};

/// `containerEdits`.
struct CdiEdits {
  std::vector<std::string> environment = {};
  std::vector<CdiNode> nodes = {};
  std::vector<CdiMount> mounts = {};
  std::vector<CdiHook> hooks = {};
  std::vector<unsigned> groups = {};  ///< `additionalGids`

  friend bool operator==(const CdiEdits&, const CdiEdits&) = default;
};

/// `annotations`: what consumers of a specification other than its engine read.
using CdiAnnotations = std::map<std::string, std::string>;

/// With the value `true`, BuildKit lets every build use the device; without, a build needs the
/// right `device`. It is read on the device, and for all devices on the specification.
inline constexpr const char* kAllowInBuilds = "org.mobyproject.buildkit.device.autoallow";

struct CdiDevice {
  std::string name = {};
  CdiAnnotations annotations = {};
  CdiEdits edits = {};

  friend bool operator==(const CdiDevice&, const CdiDevice&) = default;
};

struct CdiSpec {
  std::string version = {};  ///< `cdiVersion`
  std::string kind = {};     ///< `nvidia.com/gpu`
  CdiAnnotations annotations = {};
  CdiEdits edits = {};  ///< added once to a container, whichever devices it gets
  std::vector<CdiDevice> devices = {};

  friend bool operator==(const CdiSpec&, const CdiSpec&) = default;
};

/// Whether `kind` is `<vendor>/<class>` as in CDI's SPEC.md: both parts start with a letter and end
/// with a letter or a digit; `_` and `-` are allowed between, in a vendor also `.`.
[[nodiscard]] bool is_cdi_kind(std::string_view kind) noexcept;

/// Returns the lowest version that has everything that `spec` uses, because engines refuse versions
/// that are newer than they are: 0.7.0 for groups, 0.6.0 for annotations, 0.5.0 for a device name
/// that starts with a digit and for a node with another path on the host, otherwise 0.3.0.
[[nodiscard]] std::string required_cdi_version(const CdiSpec& spec);

/// Returns indented JSON with a line end. Throws Error(internal) for a path that is not UTF-8.
[[nodiscard]] std::string to_json(const CdiSpec& spec);

/// An object with more members is refused, because it would take long to read.
inline constexpr std::size_t kMaxCdiMembers = 1000;

/// Parses a specification of any version and writer; unknown fields are ignored. Throws
/// Error(config_invalid), without the file's name, for what no engine accepts: no object, no
/// version, an invalid kind, no devices, a device without a name, a name that occurs twice, a field
/// of another type. A number or a boolean as the value of an annotation becomes its text, as it
/// does for engines.
[[nodiscard]] CdiSpec parse_cdi_spec(std::string_view json);

}  // namespace nvhook
