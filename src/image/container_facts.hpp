// SPDX-License-Identifier: Apache-2.0
// Facts about the container's root file system that decide where files go.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/note.hpp"
#include "text/paths.hpp"
#include "text/version.hpp"

namespace nvhook {

/// The ELF note `.note.cuda.fwd_compatibility` of a forward compatibility libcuda, which says where
/// the library runs.
struct CompatNote {
  Version cuda = {};
  /// Major versions of the kernel drivers on which it runs.
  std::vector<unsigned> drivers = {};
  /// NVML brands of the GPUs on which it runs.
  std::vector<unsigned> brands = {};

  friend bool operator==(const CompatNote&, const CompatNote&) = default;
};

/// CUDA forward compatibility libraries of the image (docs/behaviour.md §5.13).
struct CompatLibraries {
  struct Library {
    std::string soname = {};
    std::string file = {};  ///< name in `directory`

    friend bool operator==(const Library&, const Library&) = default;
  };
  /// Resolved inside the image.
  ContainerPath directory = {};
  std::vector<Library> libraries = {};
  /// The version of its libcuda, from the file name.
  Version driver = {};
  std::optional<CompatNote> note = {};

  friend bool operator==(const CompatLibraries&, const CompatLibraries&) = default;
};

struct ContainerFacts {
  /// The distribution's library directory, into which libraries go (docs/behaviour.md §7.3).
  ContainerPath library_directory = {};
  ContainerPath library32_directory = {};
  std::optional<CompatLibraries> compat = {};
  /// The path file of musl's loader (/etc/ld-musl-x86_64.path); empty if the image has another
  /// loader.
  ContainerPath musl_path_file = {};
  /// SELinux label for our mounts; empty if config.json has none or the host has no SELinux.
  std::string mount_label = {};
  /// What was found or left out.
  Notes notes = {};

  friend bool operator==(const ContainerFacts&, const ContainerFacts&) = default;
};

}  // namespace nvhook
