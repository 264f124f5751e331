// SPDX-License-Identifier: Apache-2.0
// The driver's components as a table.
#include "core/component.hpp"

#include <algorithm>
#include <array>

namespace nvhook {
namespace {

using enum Capability;
using enum ComponentKind;

// `video` brings the compute libraries too, because the codecs run on CUDA (behaviour.md §5.5), but
// not its binaries.
constexpr CapabilitySet kCompute{compute, video};
constexpr CapabilitySet kGraphics{graphics, display};

constexpr std::array kComponents{
    // libraries: utility
    Component{library, "libnvidia-ml.so", {utility}, "NVML management library"},
    Component{library, "libnvidia-cfg.so", {utility}, "GPU configuration"},
    Component{library, "libnvidia-nscq.so", {utility}, "NVSwitch topology queries"},
    // libraries: compute
    Component{library, "libcuda.so", kCompute, "CUDA driver library"},
    Component{library, "libcudadebugger.so", kCompute, "CUDA debugger support"},
    Component{library, "libnvidia-opencl.so", kCompute, "OpenCL driver"},
    Component{library, "libnvidia-gpucomp.so", kCompute, "shared GPU compiler"},
    Component{library, "libnvidia-ptxjitcompiler.so", kCompute, "PTX to SASS JIT compiler"},
    Component{library, "libnvidia-fatbinaryloader.so", kCompute, "fat binary loader"},
    Component{library, "libnvidia-allocator.so", kCompute, "buffer allocator"},
    Component{library, "libnvidia-compiler.so", kCompute, "OpenCL compiler of old drivers"},
    Component{library, "libnvidia-pkcs11.so", kCompute, "encryption with OpenSSL 1.1"},
    Component{library, "libnvidia-pkcs11-openssl3.so", kCompute, "encryption with OpenSSL 3"},
    Component{library, "libnvidia-nvvm.so", kCompute, "NVVM compiler, used by OpenCL and CUDA"},
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
    // binaries
    Component{binary, "nvidia-smi", {utility}, "System Management Interface"},
    Component{binary, "nvidia-debugdump", {utility}, "coredump utility"},
    Component{binary, "nvidia-persistenced", {utility}, "persistence daemon"},
    Component{binary, "nv-fabricmanager", {utility}, "NVSwitch fabric manager"},
    Component{binary, "nvidia-cuda-mps-control", {compute}, "MPS control utility"},
    Component{binary, "nvidia-cuda-mps-server", {compute}, "MPS server"},
    // endpoints of daemons
    Component{ipc_socket, "/var/run/nvidia-persistenced/socket", {utility}, "persistence daemon"},
    Component{ipc_socket, "/var/run/nvidia-fabricmanager/socket", {utility}, "fabric manager"},
    Component{ipc_directory, "nvidia-mps", kCompute, "MPS pipe directory"},
};

constexpr Component kFirmware{firmware, "gsp", {}, "GSP firmware"};

constexpr std::array kLinks{
    ComponentLink{"libcuda.so", "libcuda.so", "libcuda.so.1"},
    ComponentLink{"libGLX_nvidia.so", "libGLX_indirect.so.0", {}},
    ComponentLink{"libnvidia-opticalflow.so", "libnvidia-opticalflow.so",
                  "libnvidia-opticalflow.so.1"},
};

}  // namespace

std::span<const Component> components() { return kComponents; }
std::span<const ComponentLink> component_links() { return kLinks; }
const Component& firmware_component() { return kFirmware; }

const Component* find_component(ComponentKind kind, std::string_view name) {
  const auto* const found =
      std::find_if(kComponents.begin(), kComponents.end(),
                   [&](const Component& row) { return row.kind == kind && row.name == name; });
  return found == kComponents.end() ? nullptr : found;
}

}  // namespace nvhook
