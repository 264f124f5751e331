// SPDX-License-Identifier: Apache-2.0
// Facts about the host: driver, GPUs, driver files, device nodes. Plain values without policy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/component.hpp"
#include "os/device_number.hpp"
#include "text/note.hpp"
#include "text/paths.hpp"
#include "text/version.hpp"

namespace nvhook {

struct Gpu {
  /// Position in PCI order, which is NVML's order of enumeration.
  unsigned index = 0;
  /// The minor number of /dev/nvidia<minor>. On many machines it differs from the index.
  unsigned minor = 0;
  /// `GPU-…`; empty if the kernel does not show it.
  std::string uuid = {};
  /// As in /proc/driver/nvidia/gpus: `0000:3b:00.0`.
  std::string pci = {};
  std::string model = {};
  /// The driver is configured to ignore this GPU (NVreg_ExcludedGpus); NVML does not count it.
  bool excluded = false;

  friend bool operator==(const Gpu&, const Gpu&) = default;
};

enum class Abi {
  native,    ///< the host's own: x86-64, AArch64
  compat32,  ///< its 32-bit companion: i386, ARM hard float
};

/// One file, directory or socket of the driver, found and resolved below the driver root.
struct DriverFile {
  ComponentKind kind = ComponentKind::library;
  /// Its row of the component table; points into a table with static lifetime.
  const Component* component = nullptr;
  /// Of a library, and of a manifest: whose loaders can use it. What serves both is `native`.
  Abi abi = Abi::native;
  /// Resolved: contains no symbolic link.
  HostPath path = {};
  /// Of a library, program or data file: the path by which it was found.
  HostPath found_as = {};
  /// DT_SONAME of a library; empty if it has none, and for other kinds.
  std::string soname = {};
  /// Where its users look for it; empty for libraries and binaries, whose directory depends on the
  /// image.
  ContainerPath place = {};
  /// Of a library: whether the host has a link `libx.so` beside it.
  bool has_plain_link = false;
  /// Of a manifest: the libraries that it names, by file names, which loaders look up, or by the
  /// absolute paths at which loaders in the container will look.
  std::vector<std::string> refers_to = {};
  /// Of a program: the loader that starts it (PT_INTERP), an absolute path; empty if it needs none.
  std::string interpreter = {};

  friend bool operator==(const DriverFile&, const DriverFile&) = default;
};

enum class DeviceRole {
  control,   ///< /dev/nvidiactl
  uvm,       ///< /dev/nvidia-uvm, -uvm-tools
  modeset,   ///< /dev/nvidia-modeset
  gpu,       ///< /dev/nvidia<minor>
  drm,       ///< /dev/dri/card*, renderD* of a GPU
  mig,       ///< /dev/nvidia-caps/nvidia-cap<minor>
  imex,      ///< /dev/nvidia-caps-imex-channels/channel<minor>
  gds,       ///< /dev/nvidia-fs*
  mofed,     ///< /dev/infiniband/uverbs*, rdma_cm
  gdrcopy,   ///< /dev/gdrdrv
  nvswitch,  ///< /dev/nvidia-nvswitchctl, -nvswitch*
  dxg,       ///< /dev/dxg of WSL2
};

/// A device node that exists on the host. `number` is what the driver's own tables say.
struct DeviceNode {
  DeviceRole role = DeviceRole::control;
  HostFile file = {};
  DeviceNumber number = {};
  /// Of roles gpu and drm: the GPU's minor number.
  unsigned gpu_minor = 0;
  /// The node has another number, because it was made when the driver's module had another major
  /// number.
  bool is_stale = false;
  /// Permission bits, owner and group; the group is nullopt if it is not in this user namespace.
  unsigned mode = 0666;
  unsigned owner = 0;
  std::optional<unsigned> group = 0;

  friend bool operator==(const DeviceNode&, const DeviceNode&) = default;
};

/// A link below /dev that is another name of a GPU's node.
struct DeviceLink {
  std::string path = {};
  std::string target = {};
  unsigned gpu_minor = 0;

  friend bool operator==(const DeviceLink&, const DeviceLink&) = default;
};

/// A line of /proc/driver/nvidia-caps/mig-minors: what a node below /dev/nvidia-caps gives access
/// to.
struct MigCapability {
  enum class Role { config, monitor, instance };
  Role role = Role::config;
  // Of role instance: a GPU instance, or one compute instance in it.
  unsigned gpu_minor = 0;
  unsigned gpu_instance = 0;
  std::optional<unsigned> compute_instance = {};
  unsigned minor = 0;  ///< of the node

  friend bool operator==(const MigCapability&, const MigCapability&) = default;
};

/// A compute instance that exists, which is one MIG device; from /proc/driver/nvidia/capabilities.
struct MigDevice {
  unsigned gpu_minor = 0;
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
  // Known only to NVML; absent or empty if NVML was not asked.
  std::optional<unsigned> index = {};  ///< its number on the GPU, the `1` of `0:1`
  std::string uuid = {};               ///< `MIG-…`
  std::string profile = {};            ///< `1g.24gb+gfx`: with `gfx` it has graphics

  friend bool operator==(const MigDevice&, const MigDevice&) = default;
};

[[nodiscard]] inline bool has_graphics(const MigDevice& device) {
  return device.profile.find("+gfx") != std::string::npos;
}

/// Whether the node of `capability` gives access to `device`: it is for the compute instance, or
/// for the GPU instance that contains it.
[[nodiscard]] inline bool opens(const MigCapability& capability, const MigDevice& device) {
  return capability.role == MigCapability::Role::instance &&
         capability.gpu_minor == device.gpu_minor &&
         capability.gpu_instance == device.gpu_instance &&
         capability.compute_instance.value_or(device.compute_instance) == device.compute_instance;
}

struct Inventory {
  /// The GPUs belong to the Windows host; /dev/dxg is the only node, and /proc shows nothing.
  bool is_wsl = false;
  /// Version of the loaded kernel module; empty on WSL2, where only NVML knows it.
  Version driver = {};
  /// From the table of driver branches; absent if the branch is not in it.
  std::optional<Version> cuda = {};
  /// In index order.
  std::vector<Gpu> gpus = {};
  /// Binaries, libraries (64-bit, then 32-bit), firmware, and the rest; each in the component
  /// table's order.
  std::vector<DriverFile> files = {};
  std::vector<DeviceNode> nodes = {};
  /// A node is missing, and this host is a container, so that whoever started it decides which
  /// nodes it has. GPUs that it was not given are then not in `gpus`.
  bool nodes_are_given = false;
  /// Links below /dev/dri/by-path to nodes of role drm.
  std::vector<DeviceLink> device_links = {};
  /// Texts of /proc/driver/nvidia/{params,version,registry} that exist.
  struct ProcText {
    std::string name = {};
    std::string text = {};
    unsigned mode = 0444;
    friend bool operator==(const ProcText&, const ProcText&) = default;
  };
  std::vector<ProcText> proc_texts = {};
  /// /proc/driver/nvidia/capabilities exists.
  bool has_mig_capabilities = false;
  /// Major number of nvidia-caps, if the driver has that device class.
  std::optional<unsigned> nvidia_caps_major = {};
  std::vector<MigCapability> mig_capabilities = {};
  /// Ordered by GPU minor, GPU instance, compute instance.
  std::vector<MigDevice> mig_devices = {};
  /// For example "selected A over B", "missing libnvidia-nscq.so".
  Notes notes = {};

  friend bool operator==(const Inventory&, const Inventory&) = default;
};

}  // namespace nvhook
