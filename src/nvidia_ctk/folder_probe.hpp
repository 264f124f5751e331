// SPDX-License-Identifier: Apache-2.0
// Finds the libraries in folders of a container.
#pragma once

#include <string>
#include <vector>

#include "image/container_facts.hpp"
#include "image/own_layer.hpp"
#include "nvidia_ctk/hook_facts.hpp"
#include "oci/spec_values.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Looks at each of `folders` once, in their order; those that do not exist or are no directories
/// are left out. `image` says which directories the loader searches anyway; `spec`, which may be
/// null, what was probably mounted where. A folder with more than 65,536 names or 1024 libraries is
/// left out with a note.
[[nodiscard]] std::vector<LibraryFolder> probe_folders(const std::vector<std::string>& folders,
                                                       const ContainerFacts& image,
                                                       const RootDir& rootfs, const OwnLayer& layer,
                                                       const ContainerSpec* spec, Notes& notes);

}  // namespace nvhook
