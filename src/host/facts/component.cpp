// SPDX-License-Identifier: Apache-2.0
// The rows of the table and their lookup.
#include "host/facts/component.hpp"

#include <algorithm>
#include <array>

namespace nvhook {
namespace {

using enum Capability;
using enum ComponentKind;
using enum Versioning;

// `video` includes the compute libraries, because the codecs run on CUDA (docs/behaviour.md §5.5),
// but not the compute binaries.
constexpr CapabilitySet kCompute{compute, video};
constexpr CapabilitySet kGraphics{graphics, display};
constexpr CapabilitySet kComputeAndGraphics{compute, video, graphics, display};

constexpr std::array kComponents{
    // libraries: utility
    Component{library, "libnvidia-ml.so", {utility}, "NVML management library"},
    Component{library, "libnvidia-cfg.so", {utility}, "GPU configuration"},
    Component{library, "libnvidia-nscq.so", {utility}, "NVSwitch topology queries", own},
    Component{library, "libnvsdm.so", {utility}, "NVSwitch device monitoring", own},
    Component{library, "libnvidia-sandboxutils.so", {utility}, "list of the driver's files"},
    // libraries: compute
    Component{library, "libcuda.so", kCompute, "CUDA driver library"},
    Component{library, "libcudadebugger.so", kCompute, "CUDA debugger support"},
    Component{library, "libnvidia-opencl.so", kCompute, "OpenCL driver"},
    Component{library, "libnvidia-gpucomp.so", kComputeAndGraphics, "shared GPU compiler"},
    Component{library, "libnvidia-ptxjitcompiler.so", kCompute, "PTX to SASS JIT compiler"},
    Component{library, "libnvidia-fatbinaryloader.so", kCompute, "fat binary loader"},
    Component{library, "libnvidia-allocator.so", kComputeAndGraphics, "buffer allocator, also GBM"},
    Component{library, "libnvidia-compiler.so", kCompute, "OpenCL compiler of old drivers"},
    Component{library, "libnvidia-pkcs11.so", kCompute, "encryption with OpenSSL 1.1"},
    Component{library, "libnvidia-pkcs11-openssl3.so", kCompute, "encryption with OpenSSL 3"},
    Component{library, "libnvidia-nvvm.so", kCompute, "NVVM compiler, used by OpenCL and CUDA"},
    Component{library, "libnvidia-nvvm70.so", kCompute, "NVVM compiler of LLVM 7", own},
    Component{library, "libnvidia-tileiras.so", kCompute, "CUDA tile assembler"},
    // libraries: ngx
    Component{library, "libnvidia-ngx.so", {ngx}, "NGX neural graphics"},
    // libraries: video
    Component{library, "libvdpau_nvidia.so", {video}, "VDPAU video decoding"},
    Component{library, "libnvidia-encode.so", {video}, "NVENC video encoding"},
    Component{library, "libnvidia-opticalflow.so", {video}, "optical flow"},
    Component{library, "libnvcuvid.so", {video}, "NVDEC video decoding"},
    // libraries: graphics and display
    Component{library, "libnvidia-eglcore.so", kGraphics, "EGL core"},
    Component{library, "libnvidia-glcore.so", kGraphics, "OpenGL core"},
    Component{library, "libnvidia-tls.so", kGraphics, "thread-local storage for OpenGL"},
    Component{library, "libnvidia-glsi.so", kGraphics, "OpenGL system interaction"},
    Component{library, "libnvidia-fbc.so", kGraphics, "framebuffer capture"},
    Component{library, "libnvidia-ifr.so", kGraphics, "in-band frame readback"},
    Component{library, "libnvidia-rtcore.so", kGraphics, "ray tracing core of OptiX and Vulkan"},
    Component{library, "libnvoptix.so", kGraphics, "OptiX ray tracing"},
    Component{library, "libGLX_nvidia.so", kGraphics, "GLVND vendor library for GLX"},
    Component{library, "libEGL_nvidia.so", kGraphics, "GLVND vendor library for EGL"},
    Component{library, "libGLESv2_nvidia.so", kGraphics, "GLVND vendor library for OpenGL ES 2"},
    Component{library, "libGLESv1_CM_nvidia.so", kGraphics, "GLVND vendor library for OpenGL ES 1"},
    Component{library, "libnvidia-glvkspirv.so", kGraphics, "SPIR-V compiler of Vulkan"},
    Component{library, "libnvidia-cbl.so", kGraphics, "Vulkan ray tracing"},
    Component{library, "libnvidia-egl-gbm.so", kGraphics, "EGL on GBM", own},
    Component{library, "libnvidia-egl-wayland.so", kGraphics, "EGL on Wayland", own},
    Component{library, "libnvidia-egl-wayland2.so", kGraphics, "EGL on Wayland", own},
    Component{library, "libnvidia-egl-xcb.so", kGraphics, "EGL on X11 (XCB)", own},
    Component{library, "libnvidia-egl-xlib.so", kGraphics, "EGL on X11 (Xlib)", own},
    Component{library, "libnvidia-api.so", kGraphics, "NVAPI for Proton and Wine", own},
    Component{library, "libnvidia-vulkan-producer.so", kGraphics, "Vulkan on Wayland and GBM"},
    Component{library, "libnvidia-vksc-core.so", kGraphics, "Vulkan SC"},
    Component{library, "libGL.so", kGraphics, "OpenGL without GLVND", legacy},
    Component{library, "libEGL.so", kGraphics, "EGL without GLVND", legacy},
    Component{library, "libGLESv2.so", kGraphics, "OpenGL ES 2 without GLVND", legacy},
    Component{library, "libGLESv1_CM.so", kGraphics, "OpenGL ES 1 without GLVND", legacy},
    // rules for libraries of the driver that have no row; the first that fits counts
    Component{library, "libglxserver_*", {display}, "X server's GLX (by name)"},
    Component{library, "libnvidia-gtk*", {display}, "nvidia-settings (by name)"},
    Component{library, "libnvidia-wayland*", kGraphics, "Wayland (by name)"},
    Component{library, "libnvidia-present*", kGraphics, "presentation (by name)"},
    Component{library, "libnvidia-egl*", kGraphics, "EGL (by name)"},
    Component{library, "libnvidia-gl*", kGraphics, "OpenGL (by name)"},
    Component{library, "libnvidia-v*k*", kGraphics, "Vulkan (by name)"},
    Component{library, "libnvidia-rt*", kGraphics, "ray tracing (by name)"},
    Component{library, "libGL*_nvidia*", kGraphics, "OpenGL (by name)"},
    Component{library, "libEGL*_nvidia*", kGraphics, "EGL (by name)"},
    Component{library, "libnvidia-ngx*", {ngx}, "NGX (by name)"},
    Component{library, "libnvidia-nvvm*", kCompute, "NVVM (by name)"},
    Component{library, "libnvidia-ptx*", kCompute, "PTX (by name)"},
    Component{library, "libcuda*", kCompute, "CUDA (by name)"},
    Component{library, "libvdpau*", {video}, "video (by name)"},
    Component{library, "libnvidia-*code*", {video}, "video (by name)"},
    Component{library, "libnvcuvid*", {video}, "video (by name)"},
    Component{library, "libnvidia-*", kComputeAndGraphics, "of the driver, purpose unknown"},
    Component{library, "lib*_nvidia*", kComputeAndGraphics, "of the driver, purpose unknown"},
    Component{library, "libnv*", kComputeAndGraphics, "of the driver, purpose unknown"},
    // WSL2: access to the driver of the Windows host
    Component{library, "libdxcore.so", {}, "WSL2: access to the host's GPUs", own},
    // binaries
    Component{binary, "nvidia-smi", {utility}, "System Management Interface"},
    Component{binary, "nvidia-debugdump", {utility}, "coredump utility"},
    Component{binary, "nvidia-persistenced", {utility}, "persistence daemon"},
    Component{binary, "nv-fabricmanager", {utility}, "NVSwitch fabric manager"},
    Component{binary, "nvidia-imex", {utility}, "IMEX daemon"},
    Component{binary, "nvidia-imex-ctl", {utility}, "IMEX control utility"},
    Component{binary, "nvidia-cuda-mps-control", {compute}, "MPS control utility"},
    Component{binary, "nvidia-cuda-mps-server", {compute}, "MPS server"},
    // endpoints of daemons
    Component{ipc_socket, "/var/run/nvidia-persistenced/socket", {utility}, "persistence daemon"},
    Component{ipc_socket, "/var/run/nvidia-fabricmanager/socket", {utility}, "fabric manager"},
    Component{ipc_directory, "nvidia-mps", kCompute, "MPS pipe directory"},
    // manifests by which loaders find the driver; distributions name them differently
    Component{data_file, "OpenCL/vendors/*nvidia*.icd", kCompute, "OpenCL driver manifest"},
    Component{data_file, "vulkan/icd.d/nvidia_icd*.json", kGraphics, "Vulkan driver manifest"},
    Component{data_file, "vulkan/icd.d/nvidia_layers*.json", kGraphics, "Vulkan layer manifest"},
    Component{data_file, "vulkan/implicit_layer.d/nvidia_*.json", kGraphics,
              "Vulkan layer manifest"},
    Component{data_file, "vulkansc/icd.d/nvidia_icd*.json", kGraphics, "Vulkan SC driver manifest"},
    Component{data_file, "glvnd/egl_vendor.d/*nvidia*.json", kGraphics, "EGL vendor manifest"},
    Component{data_file, "egl/egl_external_platform.d/*nvidia*.json", kGraphics,
              "EGL external platform"},
    Component{data_file, "X11/xorg.conf.d/10-nvidia.conf", kGraphics, "X server configuration"},
    Component{data_file, "X11/xorg.conf.d/nvidia.conf", kGraphics, "X server configuration"},
    Component{data_file, "X11/xorg.conf.d/*nvidia-drm-outputclass*.conf", kGraphics,
              "X server configuration"},
    // data that the libraries read
    Component{data_file, "nvidia/nvoptix.bin", kGraphics, "OptiX denoiser weights"},
    Component{data_file, "nvidia/nvidia-application-profiles-$VERSION-rc", kGraphics,
              "application profiles"},
    Component{data_file, "nvidia/nvidia-application-profiles-$VERSION-key-documentation", kGraphics,
              "keys of application profiles"},
    Component{data_file,
              "nvidia/files.d/sandboxutils-filelist.json",
              {utility},
              "list of the driver's files"},
    // X server
    Component{xorg_module, "nvidia_drv.so", kGraphics, "X server driver"},
    Component{xorg_module, "libglxserver_nvidia.so.$VERSION", kGraphics, "X server's GLX"},
    Component{xorg_module, "libglx.so.$VERSION", kGraphics, "X server's GLX without GLVND"},
    // WSL2's driver store (docs/behaviour.md §5.11)
    Component{wsl_store, "nvidia-smi", {}, "WSL2 driver store"},
    Component{wsl_store, "*.so*", {}, "WSL2 driver store"},
    Component{wsl_store, "*.bin", {}, "WSL2 driver store"},
    Component{wsl_store, "*.dll", {}, "WSL2 driver store"},
};

constexpr std::string_view kOfVersions = "0123456789.";

constexpr Component kFirmware{firmware, "gsp", {}, "GSP firmware"};

constexpr std::array kLinks{
    ComponentLink{"libcuda.so", "libcuda.so", "libcuda.so.1"},
    ComponentLink{"libGLX_nvidia.so", "libGLX_indirect.so.0", {}},
    ComponentLink{"libnvidia-opticalflow.so", "libnvidia-opticalflow.so",
                  "libnvidia-opticalflow.so.1"},
    ComponentLink{"libnvidia-vulkan-producer.so", "libnvidia-vulkan-producer.so", {}},
    // libvdpau looks in its own directory first.
    ComponentLink{"libvdpau_nvidia.so", "vdpau/libvdpau_nvidia.so.1", "../libvdpau_nvidia.so.1"},
    // GBM loads its backend by the name of the kernel's driver.
    ComponentLink{"libnvidia-allocator.so", "gbm/nvidia-drm_gbm.so", "../libnvidia-allocator.so.1"},
};

}  // namespace

std::span<const Component> components() { return kComponents; }
std::span<const ComponentLink> component_links() { return kLinks; }
const Component& firmware_component() { return kFirmware; }

bool matches_pattern(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (std::size_t at = star; at <= text.size(); ++at) {
    if (matches_pattern(rest, text.substr(at))) return true;
  }
  return false;
}

const Component* find_component(ComponentKind kind, std::string_view name) {
  const auto* const found =
      std::find_if(kComponents.begin(), kComponents.end(),
                   [&](const Component& row) { return row.kind == kind && row.name == name; });
  return found == kComponents.end() ? nullptr : found;
}

std::string_view library_base_name(std::string_view library) {
  const auto at = library.find(".so");
  return at == std::string_view::npos ? library : library.substr(0, at + 3);
}

bool is_driver_version(std::string_view suffix) {
  constexpr std::size_t kDigitsOfBranch = 3;
  return suffix.find_first_not_of(kOfVersions) == std::string_view::npos &&
         suffix.find('.') == kDigitsOfBranch;
}

bool is_own_version(std::string_view suffix) {
  return !suffix.empty() && suffix.find_first_not_of(kOfVersions) == std::string_view::npos &&
         !is_driver_version(suffix);
}

bool may_have_own_version(const Component& row) {
  if (row.versioning != driver) return row.versioning == own;
  return row.name.starts_with("libnvidia-") && row.name != "libnvidia-ml.so" &&
         row.name != "libnvidia-cfg.so";
}

const Component* classify_library(std::string_view name) {
  if (name.starts_with("libnvidia-container")) return nullptr;  // the toolkit's
  const auto* const found = std::find_if(
      kComponents.begin(), kComponents.end(),
      [&](const Component& row) { return row.kind == library && matches_pattern(row.name, name); });
  return found == kComponents.end() ? nullptr : found;
}

}  // namespace nvhook
