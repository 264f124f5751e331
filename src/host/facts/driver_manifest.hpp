// SPDX-License-Identifier: Apache-2.0
// Reads the manifests in which the loaders of Vulkan, EGL and OpenCL find a driver.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"

namespace nvhook {

/// What a manifest says of the driver's libraries.
struct Manifest {
  /// As written, in their order, each once: file names, which loaders look up, paths relative to
  /// the manifest, or absolute paths, as on NixOS and in RPM packages. Absolute paths have no `.`
  /// or `..`; others are left out.
  std::vector<std::string> libraries = {};
  /// The ELF class that Vulkan's `library_arch` demands: 32 or 64; 0 if it is not told.
  unsigned bits = 0;
};

/// Reads the text of a manifest called `name`: one line if that ends with `.icd` (OpenCL), else
/// JSON with `ICD`, `layer` or `layers`. Returns no library if it is something else.
[[nodiscard]] Manifest parse_manifest(std::string_view name, std::string_view text);

/// Whose loaders a manifest is for by the words that packages put into its name: compat32 for
/// `nvidia_icd.i686.json`; nullopt for a name without such a word.
[[nodiscard]] std::optional<Abi> abi_by_name(std::string_view name);

}  // namespace nvhook
