// SPDX-License-Identifier: Apache-2.0
// What a CDI hook must know of the container to plan its work.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "image/container_facts.hpp"
#include "oci/container_spec.hpp"
#include "text/note.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// A library in a folder that the loader is to search.
struct FolderLibrary {
  std::string name = {};
  std::string soname = {};  ///< the file name if it has none
  Abi abi = Abi::native;
  /// What has the SONAME's name in the folder: the text of a link, or something that is no link.
  std::optional<std::string> link = {};
  bool is_soname_taken = false;

  friend bool operator==(const FolderLibrary&, const FolderLibrary&) = default;
};

struct LibraryFolder {
  ContainerPath path = {};  ///< as the specification writes it
  bool is_own = false;      ///< links can be made in it
  bool is_default = false;  ///< the image's loader searches it without being told
  std::vector<FolderLibrary> libraries = {};

  friend bool operator==(const LibraryFolder&, const LibraryFolder&) = default;
};

/// Only what the call needs is filled in.
struct HookFacts {
  std::vector<LibraryFolder> folders = {};
  /// Of an image with musl (see ContainerFacts).
  ContainerPath musl_path_file = {};
  /// Those that the call is about.
  std::optional<CompatLibraries> compat = {};
  /// Those that an earlier enable-cuda-compat, ours or NVIDIA's, put first.
  std::vector<CompatLibraries> preferred = {};
  /// Texts of /etc/ld.so.conf.d/00-compat-oci-nvidia.conf and 00-nvcr-oci-nvidia.conf.
  std::optional<std::string> compat_conf = {};
  std::optional<std::string> folder_conf = {};
  bool has_ld_so_conf = false;  ///< /etc/ld.so.conf
  /// Models of the GPUs whose nodes the container has, and the minor numbers of these nodes.
  std::vector<std::string> gpu_models = {};
  std::vector<unsigned> gpu_minors = {};
  /// What the kernel shows of the driver; nullopt without one, and if the container's view of it is
  /// covered already.
  std::optional<Inventory> driver = {};
  /// The driver's nodes in the container's /dev.
  std::vector<SpecNode> nodes = {};
  std::string mount_label = {};  ///< see ContainerFacts
  Notes notes = {};

  friend bool operator==(const HookFacts&, const HookFacts&) = default;
};

/// Drop-ins of /etc/ld.so.conf, with NVIDIA's prefixes: they decide the order, and a later ldconfig
/// in the container finds the same libraries.
inline const ContainerPath kLoaderConf{"/etc/ld.so.conf"};
inline const ContainerPath kLoaderConfDirectory{"/etc/ld.so.conf.d"};
inline const ContainerPath kCompatConf{"/etc/ld.so.conf.d/00-compat-oci-nvidia.conf"};
inline const ContainerPath kFolderConf{"/etc/ld.so.conf.d/00-nvcr-oci-nvidia.conf"};

}  // namespace nvhook
