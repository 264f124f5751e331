// SPDX-License-Identifier: Apache-2.0
// Facts about the container's root file system that decide where files go.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "text/note.hpp"
#include "text/paths.hpp"
#include "text/version.hpp"

namespace nvhook {

/// What to look for in an image besides its library directories.
struct ContainerQuery {
  bool compat = false;  ///< CUDA forward compatibility libraries
  /// Directories of manifests, relative to those that loaders search: `vulkan/icd.d`.
  std::set<std::string> manifest_directories = {};
  /// Loaders that programs name: which of them are missing?
  std::set<std::string> interpreters = {};
  bool xorg_modules = false;  ///< where an X server looks for its modules
};

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

/// A manifest of any vendor that the image brings.
struct ImageManifest {
  ContainerPath found_as = {};  ///< where loaders find it
  ContainerPath path = {};      ///< the file itself, without links
  std::string text = {};

  friend bool operator==(const ImageManifest&, const ImageManifest&) = default;
};

struct ContainerFacts {
  /// The distribution's library directory, into which libraries go (docs/behaviour.md §7.3).
  ContainerPath library_directory = {};
  ContainerPath library32_directory = {};
  std::optional<CompatLibraries> compat = {};
  /// Those in which loaders could find the driver a second time.
  std::vector<ImageManifest> manifests = {};
  /// Those of ContainerQuery::interpreters that the image does not have.
  std::set<std::string> missing_interpreters = {};
  /// The image's own loader for the host's ABI; empty if it has none. Known only if one is missing.
  ContainerPath program_loader = {};
  /// Where the image's X server has its modules (/usr/lib/xorg/modules); empty if it has none.
  ContainerPath xorg_directory = {};
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
