// SPDX-License-Identifier: Apache-2.0
// Facts about the host: driver, GPUs, driver files, device nodes. No policy in it.
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
  /// The number of /dev/nvidia<minor>. On many machines it is not the index.
  unsigned minor = 0;
  /// `GPU-…`; empty if the kernel does not tell it.
  std::string uuid = {};
  /// As in /proc/driver/nvidia/gpus: `0000:3b:00.0`.
  std::string pci = {};
  std::string model = {};
  /// The driver was told to leave it alone (NVreg_ExcludedGpus); NVML does not count it.
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
  /// The row of the component table it belongs to; points into a table with static lifetime.
  const Component* component = nullptr;
  Abi abi = Abi::native;
  /// Resolved: no link is left in it.
  HostPath path = {};
  /// Of a library, a program and a data file: the path by which it was found.
  HostPath found_as = {};
  /// DT_SONAME of a library; empty if it has none, and for everything else.
  std::string soname = {};
  /// Where its users look for it; empty for libraries and binaries, whose place the image decides.
  ContainerPath place = {};
  /// Of a library: the host has a link `libx.so` beside it.
  bool has_plain_link = false;
  /// Of a manifest: the library it names, if by an absolute path (NixOS).
  std::string refers_to = {};

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

/// A device node that exists on the host; the number is the one that the driver's own tables give
/// it.
struct DeviceNode {
  DeviceRole role = DeviceRole::control;
  HostFile file = {};
  DeviceNumber number = {};
  /// Of roles gpu and drm: the GPU's minor.
  unsigned gpu_minor = 0;
  /// The node is another device: it was made when the driver's module had another major number.
  bool is_stale = false;

  friend bool operator==(const DeviceNode&, const DeviceNode&) = default;
};

/// A link below /dev that names a GPU's node in another way.
struct DeviceLink {
  std::string path = {};
  std::string target = {};
  unsigned gpu_minor = 0;

  friend bool operator==(const DeviceLink&, const DeviceLink&) = default;
};

/// A line of /proc/driver/nvidia-caps/mig-minors: which node below /dev/nvidia-caps opens what.
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

/// A compute instance that exists: one MIG device, told by /proc/driver/nvidia/capabilities.
struct MigDevice {
  unsigned gpu_minor = 0;
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
  // What only NVML knows; absent or empty if it was not asked.
  std::optional<unsigned> index = {};  ///< its number on the GPU, the `1` of `0:1`
  std::string uuid = {};               ///< `MIG-…`

  friend bool operator==(const MigDevice&, const MigDevice&) = default;
};

/// Whether the node of `capability` opens `device`: its compute instance, or the GPU instance
/// around it.
[[nodiscard]] inline bool opens(const MigCapability& capability, const MigDevice& device) {
  return capability.role == MigCapability::Role::instance &&
         capability.gpu_minor == device.gpu_minor &&
         capability.gpu_instance == device.gpu_instance &&
         capability.compute_instance.value_or(device.compute_instance) == device.compute_instance;
}

struct Inventory {
  /// The GPUs are the Windows host's; /dev/dxg is the only node, and /proc tells nothing.
  bool is_wsl = false;
  /// Version of the loaded kernel module; empty on WSL2, where only NVML knows it.
  Version driver = {};
  /// From the table of driver branches; absent for a branch that is not in it.
  std::optional<Version> cuda = {};
  /// In index order.
  std::vector<Gpu> gpus = {};
  /// Binaries, libraries (64-bit, then 32-bit), firmware, and the rest; each in the component
  /// table's order.
  std::vector<DriverFile> files = {};
  std::vector<DeviceNode> nodes = {};
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
  /// "selected A over B", "missing libnvidia-nscq.so".
  Notes notes = {};

  friend bool operator==(const Inventory&, const Inventory&) = default;
};

}  // namespace nvhook
