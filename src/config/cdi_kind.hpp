// SPDX-License-Identifier: Apache-2.0
// The kinds of devices by CDI that are NVIDIA's, and what they stand for here.
#pragma once

#include <optional>
#include <string_view>

namespace nvhook {

/// A name by CDI, `<kind>=<device>`, in its parts.
struct QualifiedName {
  std::string_view kind = {};    ///< `nvidia.com/gpu`
  std::string_view device = {};  ///< `0`, `all`, …

  friend bool operator==(const QualifiedName&, const QualifiedName&) = default;
};

/// What the devices of a kind of NVIDIA's are.
enum class NvidiaKind {
  gpu,         ///< GPUs and MIG devices
  management,  ///< all of them, for the administration of the host
  gds,
  mofed,
  gdrcopy,
  nvswitch,
  imex_channel,
};

/// Returns the parts of a name that has a vendor, a class and a device; nullopt for any other word.
/// The result points into `word`.
[[nodiscard]] std::optional<QualifiedName> parse_qualified_name(std::string_view word) noexcept;

/// Returns what `kind` stands for: those for which NVIDIA's toolkit makes specifications, with the
/// vendors of its runtime (`runtime.nvidia.com`) and of its device plugin
/// (`k8s.device-plugin.nvidia.com`). nullopt for the kind of anybody else.
[[nodiscard]] std::optional<NvidiaKind> nvidia_kind(std::string_view kind) noexcept;

}  // namespace nvhook
