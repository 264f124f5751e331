// SPDX-License-Identifier: Apache-2.0
// Facts about the container's root file system that decide where things go.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/note.hpp"
#include "text/paths.hpp"
#include "text/version.hpp"

namespace nvhook {

/// What the ELF note `.note.cuda.fwd_compatibility` of a forward compatibility libcuda says about
/// where it runs.
struct CompatNote {
  Version cuda = {};
  /// Majors of the kernel drivers it runs on.
  std::vector<unsigned> drivers = {};
  /// NVML brands of the GPUs it runs on.
  std::vector<unsigned> brands = {};

  friend bool operator==(const CompatNote&, const CompatNote&) = default;
};

/// CUDA forward compatibility libraries that the image brought along (behaviour.md §5.13).
struct CompatLibraries {
  struct Library {
    std::string soname = {};
    std::string file = {};  ///< name in `directory`

    friend bool operator==(const Library&, const Library&) = default;
  };
  /// Resolved inside the image.
  ContainerPath directory = {};
  std::vector<Library> libraries = {};
  /// Of its libcuda: the suffix of the file's name.
  Version driver = {};
  std::optional<CompatNote> note = {};

  friend bool operator==(const CompatLibraries&, const CompatLibraries&) = default;
};

struct ContainerFacts {
  /// Where injected libraries go: the distribution's own library directory (behaviour.md §7.3).
  ContainerPath library_directory = {};
  ContainerPath library32_directory = {};
  std::optional<CompatLibraries> compat = {};
  /// musl's search path file for this image (/etc/ld-musl-x86_64.path); empty unless its loader is
  /// musl's.
  ContainerPath musl_path_file = {};
  /// SELinux label that mounts of ours must have; empty if config.json names none or the host has
  /// no SELinux.
  std::string mount_label = {};
  /// What was found and left out.
  Notes notes = {};

  friend bool operator==(const ContainerFacts&, const ContainerFacts&) = default;
};

}  // namespace nvhook
