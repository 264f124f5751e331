// SPDX-License-Identifier: Apache-2.0
// Named hosts and images for the golden cases. The trees follow published layouts; the driver
// version does not exist.
#pragma once

#include <array>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "support/fake_host.hpp"

namespace nvhook::test {

/// The directory of Debian and Ubuntu.
inline const std::string kMultiarch = for_this_machine("/usr/lib/x86_64-linux-gnu");

inline void add_dgx_gpus(FakeHost& host) {
  // As on a DGX A100: the minors do not follow the PCI order.
  const std::array<const char*, 8> pci{"0000:07:00.0", "0000:0f:00.0", "0000:47:00.0",
                                       "0000:4e:00.0", "0000:87:00.0", "0000:90:00.0",
                                       "0000:b7:00.0", "0000:bd:00.0"};
  const std::array<unsigned, 8> minors{2, 3, 0, 1, 6, 7, 4, 5};
  for (std::size_t i = 0; i < pci.size(); ++i) {
    host.gpu(pci[i], minors[i], "GPU-12345678-1234-1234-1234-12345678000" + std::to_string(i));
  }
}

struct LibrarySpec {
  const char* base;
  const char* soname;  ///< empty: the file name with the version
};
inline constexpr std::array kDriverLibraries{
    LibrarySpec{"libcuda.so", "libcuda.so.1"},
    LibrarySpec{"libnvidia-ml.so", "libnvidia-ml.so.1"},
    LibrarySpec{"libnvidia-cfg.so", "libnvidia-cfg.so.1"},
    LibrarySpec{"libnvidia-nvvm.so", "libnvidia-nvvm.so.4"},
    LibrarySpec{"libnvidia-ptxjitcompiler.so", "libnvidia-ptxjitcompiler.so.1"},
    LibrarySpec{"libnvidia-encode.so", "libnvidia-encode.so.1"},
    LibrarySpec{"libnvidia-ngx.so", "libnvidia-ngx.so.1"},
    LibrarySpec{"libGLX_nvidia.so", "libGLX_nvidia.so.0"},
    LibrarySpec{"libnvidia-glcore.so", ""},
};

/// Debian's packages: real files in nvidia/current, reached through two links.
inline FakeHost debian_host() {
  FakeHost host;
  add_dgx_gpus(host);
  const std::string lib = kMultiarch + "/";
  for (const LibrarySpec& library : kDriverLibraries) {
    const std::string file = std::string(library.base) + "." + host.driver();
    const std::string soname = library.soname[0] == '\0' ? file : library.soname;
    if (soname == file) {
      host.library(lib + file, soname);
      continue;
    }
    host.file(lib + "nvidia/current/" + file, soname);
    host.tree().link(lib + "nvidia/current/" + soname, file);
    host.tree().link("/etc/alternatives/nvidia--" + soname, lib + "nvidia/current/" + soname);
    host.tree().link(lib + soname, "/etc/alternatives/nvidia--" + soname);
    host.listed(soname, kMultiarch.substr(4) + "/" + soname);
  }
  host.tree().link("/lib", "usr/lib");
  host.tree().write("/usr/lib/nvidia/current/nvidia-smi");
  host.tree().link("/usr/bin/nvidia-smi", "/etc/alternatives/nvidia--nvidia-smi");
  host.tree().link("/etc/alternatives/nvidia--nvidia-smi", "/usr/lib/nvidia/current/nvidia-smi");
  host.tree().write("/usr/sbin/nvidia-cuda-mps-server");
  host.tree().write("/usr/lib/firmware/nvidia/" + host.driver() + "/gsp_ga10x.bin");
  return host;
}

/// Fedora and RHEL: everything in /usr/lib64, 32-bit libraries in /usr/lib.
inline FakeHost fedora_host() {
  FakeHost host;
  host.gpu("0000:01:00.0", 0, "GPU-5c14f29e-9a3b-4d4c-8f0e-000000000000");
  for (const LibrarySpec& library : kDriverLibraries) {
    const std::string file = std::string(library.base) + "." + host.driver();
    const std::string soname = library.soname[0] == '\0' ? file : library.soname;
    host.library("/usr/lib64/" + file, soname);
    host.file("/usr/lib/" + file, soname, false).listed(soname, "/usr/lib/" + file, false);
  }
  host.tree().write("/usr/bin/nvidia-smi");
  return host;
}

/// The directories of the driver's files in a layout.
struct Layout {
  std::string libraries;
  std::string binaries;
  std::string manifests;  ///< above glvnd/, vulkan/ …
  bool in_loader_cache = false;
};

/// Installs the files of a full installation of a recent driver, including some that no list names
/// and some with a version of their own.
inline void install_driver(FakeHost& host, const Layout& layout, const std::string& root = {}) {
  const std::string lib = root + layout.libraries + "/";
  const auto add = [&](const std::string& file, const std::string& soname) {
    host.file(lib + file, soname);
    if (file != soname && !soname.empty()) host.tree().link(lib + soname, file);
    if (layout.in_loader_cache) {
      host.listed(soname.empty() ? file : soname, layout.libraries + "/" + file);
    }
  };
  for (const LibrarySpec& library : kDriverLibraries) {
    const std::string file = std::string(library.base) + "." + host.driver();
    add(file, library.soname[0] == '\0' ? file : library.soname);
  }
  host.tree().link(lib + "libcuda.so", "libcuda.so.1");
  add("libnvidia-allocator.so." + host.driver(), "libnvidia-allocator.so.1");
  add("libEGL_nvidia.so." + host.driver(), "libEGL_nvidia.so.0");
  add("libnvidia-egl-gbm.so.1.1.2", "libnvidia-egl-gbm.so.1");
  add("libnvidia-egl-wayland.so.1.1.13", "libnvidia-egl-wayland.so.1");
  host.file(lib + "libnvidia-nvvm70.so.4", "libnvidia-nvvm70.so.4");
  host.file(lib + "libnvidia-unlisted.so." + host.driver(), "libnvidia-unlisted.so.1");
  host.file(lib + "vdpau/libvdpau_nvidia.so." + host.driver(), "libvdpau_nvidia.so.1");
  host.file(lib + "libcudart.so.12.4.127", "libcudart.so.12");  // CUDA's, not the driver's
  host.file(lib + "nvidia/xorg/libglxserver_nvidia.so." + host.driver(), "libglxserver_nvidia.so");
  host.file(lib + "nvidia/xorg/nvidia_drv.so", "");
  for (const char* binary : {"nvidia-smi", "nvidia-cuda-mps-control", "nvidia-cuda-mps-server"}) {
    host.tree().write(root + layout.binaries + "/" + binary);
  }
  const std::string share = root + layout.manifests + "/";
  host.tree().write(share + "vulkan/icd.d/nvidia_icd.json",
                    R"({"ICD": {"library_path": "libGLX_nvidia.so.0"}})");
  host.tree().write(share + "glvnd/egl_vendor.d/10_nvidia.json",
                    R"({"ICD": {"library_path": ")" +
                        (layout.in_loader_cache ? "" : layout.libraries + "/") +
                        R"(libEGL_nvidia.so.0"}})");
  host.tree().write(share + "egl/egl_external_platform.d/15_nvidia_gbm.json",
                    R"({"ICD": {"library_path": "libnvidia-egl-gbm.so.1"}})");
  host.tree().write(share + "nvidia/nvidia-application-profiles-" + host.driver() + "-rc");
}

inline FakeHost host_with_one_gpu() {
  FakeHost host;
  host.gpu("0000:01:00.0", 0, "GPU-5c14f29e-9a3b-4d4c-8f0e-000000000000");
  host.tree().write("/sys/bus/pci/devices/0000:01:00.0/drm/card1/dev", "226:1\n");
  host.tree().write("/sys/bus/pci/devices/0000:01:00.0/drm/renderD128/dev", "226:128\n");
  host.tree().write("/dev/dri/card1");
  host.tree().write("/dev/dri/renderD128");
  host.tree().write("/dev/dri/card0");  // the board's own display controller
  host.tree().link("/dev/dri/by-path/pci-0000:01:00.0-card", "../card1");
  host.tree().link("/dev/dri/by-path/pci-0000:00:02.0-card", "../card0");
  return host;
}

inline FakeHost host_of_layout(const Layout& layout) {
  FakeHost host = host_with_one_gpu();
  install_driver(host, layout);
  return host;
}

/// A driver container: it loads the modules, and its root with its nodes is at /run/nvidia/driver.
inline FakeHost driver_container_host() {
  FakeHost host;
  host.gpu("0000:01:00.0", 0, "GPU-5c14f29e-9a3b-4d4c-8f0e-000000000000");
  install_driver(host, {kMultiarch, "/usr/bin", "/usr/share"}, "/run/nvidia/driver");
  for (const char* node : {"nvidiactl", "nvidia0"}) {
    host.tree().write(std::string("/run/nvidia/driver/dev/") + node);
  }
  return host;
}

/// A server with Grace CPUs (NVIDIA's SBSA driver): each GPU has a PCI domain of its own, the
/// kernel module is the open one, and there is no 32-bit driver. The multiarch directory has
/// everything.
inline FakeHost sbsa_host() {
  FakeHost host;
  host.tree().write("/proc/driver/nvidia/version",
                    "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  " + host.driver() +
                        "  Release Build  (dvs-builder@U22-I3-H04)\n");
  for (const auto& [pci, minor] : {std::pair("0008:01:00.0", 0U), std::pair("0009:01:00.0", 1U),
                                   std::pair("0018:01:00.0", 2U), std::pair("0019:01:00.0", 3U)}) {
    host.gpu(pci, minor, "GPU-9abcdef0-1234-1234-1234-12345678000" + std::to_string(minor));
  }
  install_driver(host, {kMultiarch, "/usr/bin", "/usr/share", true});
  for (const char* program : {"nvidia-imex", "nvidia-imex-ctl"}) {
    host.tree().write(std::string("/usr/bin/") + program);
  }
  return host;
}

/// Two GPUs with seven instances each. The minors differ from the indices.
inline FakeHost mig_host() {
  FakeHost host;
  host.gpu("0000:07:00.0", 1, "GPU-00000000-0000-0000-0000-000000000000");
  host.gpu("0000:0f:00.0", 0, "GPU-11111111-1111-1111-1111-111111111111");
  install_driver(host, {"/usr/lib64", "/usr/bin", "/usr/share", true});
  host.tree().write("/proc/devices",
                    "Character devices:\n195 nvidia\n239 nvidia-caps\n511 nvidia-uvm\n");
  std::string minors = "config 1\nmonitor 2\n";
  unsigned next = 3;
  // The table lists all possible instances; directories exist for those that were made.
  for (unsigned gpu = 0; gpu < 2; ++gpu) {
    for (unsigned instance = 0; instance < 14; ++instance) {
      const std::string name = "gpu" + std::to_string(gpu) + "/gi" + std::to_string(instance);
      const std::string mig = "/proc/driver/nvidia/capabilities/gpu" + std::to_string(gpu) +
                              "/mig/gi" + std::to_string(instance);
      const bool exists = instance >= 7;
      for (const char* below : {"", "/ci0"}) {
        minors += name + below + "/access " + std::to_string(next) + "\n";
        if (exists) {
          host.tree().write(mig + below + "/access",
                            "DeviceFileMinor: " + std::to_string(next) + "\n");
          host.tree().write("/dev/nvidia-caps/nvidia-cap" + std::to_string(next));
        }
        ++next;
      }
    }
  }
  host.tree().write("/proc/driver/nvidia/capabilities/mig/config", "DeviceFileMinor: 1\n");
  host.tree().write("/proc/driver/nvidia/capabilities/mig/monitor", "DeviceFileMinor: 2\n");
  host.tree().write("/dev/nvidia-caps/nvidia-cap1");
  host.tree().write("/dev/nvidia-caps/nvidia-cap2");
  host.tree().write("/proc/driver/nvidia-caps/mig-minors", minors);
  return host;
}

/// The real files are in the store, and the profile that leads to them has no loader cache.
inline FakeHost nixos_host() {
  FakeHost host = host_with_one_gpu();
  install_driver(host, {"/nix/store/abc-nvidia-x11/lib", "/nix/store/abc-nvidia-x11/bin",
                        "/nix/store/abc-nvidia-x11/share"});
  host.tree().link("/run/opengl-driver", "/nix/store/abc-nvidia-x11");
  return host;
}

/// RPM packages: each class has its manifest with an absolute path, and X modules have no version.
inline FakeHost rpm_host() {
  FakeHost host = fedora_host();
  const auto manifest = [&](const std::string& name, const std::string& library) {
    host.tree().write("/usr/share/" + name, R"({"ICD": {"library_path": ")" + library + "\"}}");
  };
  manifest(for_this_machine("vulkan/icd.d/nvidia_icd.x86_64.json"),
           "/usr/lib64/libGLX_nvidia.so.0");
  manifest(for_this_machine("vulkan/icd.d/nvidia_icd.i686.json"), "/usr/lib/libGLX_nvidia.so.0");
  manifest(for_this_machine("vulkansc/icd.d/nvidia_icd.x86_64.json"),
           "/usr/lib64/libnvidia-vksc-core.so.1");
  for (const std::string& directory : {std::string("/usr/lib64/"), std::string("/usr/lib/")}) {
    host.tree().link(directory + "libGLX_nvidia.so.0", "libGLX_nvidia.so." + host.driver());
  }
  host.library("/usr/lib64/libnvidia-vksc-core.so." + host.driver(), "libnvidia-vksc-core.so.1");
  host.tree().link("/usr/lib64/libnvidia-vksc-core.so.1",
                   "libnvidia-vksc-core.so." + host.driver());
  host.file("/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so",
            "libglxserver_nvidia.so." + host.driver());
  return host;
}

/// NixOS with 32-bit graphics: two profiles with manifests of the same names.
inline FakeHost nixos_32_host() {
  FakeHost host = nixos_host();
  const std::string store = "/nix/store/abc-nvidia-x11/";
  const std::string store32 = "/nix/store/def-nvidia-x11-32/";
  const std::string egl = "share/glvnd/egl_vendor.d/10_nvidia.json";
  for (const char* library : {"libnvidia-ml.so", "libEGL_nvidia.so"}) {
    const std::string file = store32 + "lib/" + library + "." + host.driver();
    host.file(file, std::string(library) + ".0", false);
    host.tree().link(store32 + "lib/" + library + ".0", file);
  }
  host.file(store + "lib/libnvidia-opencl.so." + host.driver(), "libnvidia-opencl.so.1");
  host.tree().write(store + "etc/OpenCL/vendors/nvidia.icd", store + "lib/libnvidia-opencl.so.1\n");
  host.tree().write(store32 + egl,
                    R"({"ICD": {"library_path": ")" + store32 + R"(lib/libEGL_nvidia.so.0"}})");
  host.tree().link("/run/opengl-driver-32", store32);
  return host;
}

inline FakeHost named_host(const std::string& name) {
  if (name == "debian") return debian_host();
  if (name == "fedora") return fedora_host();
  if (name == "nixos") return nixos_host();
  if (name == "rpm") return rpm_host();
  if (name == "nixos-32") return nixos_32_host();
  if (name == "driver-container") return driver_container_host();
  if (name == "mig") return mig_host();
  if (name == "sbsa") return sbsa_host();
  const std::map<std::string, Layout> layouts{
      {"ubuntu", {kMultiarch, "/usr/bin", "/usr/share", true}},
      {"opensuse", {"/usr/lib64", "/usr/bin", "/usr/share", true}},
      {"arch", {"/usr/lib", "/usr/bin", "/usr/share", true}},
      {"flatcar",
       {"/opt/nvidia/current/usr/lib64", "/opt/nvidia/current/usr/bin",
        "/opt/nvidia/current/usr/share"}},
      {"talos", {"/usr/local/glibc/usr/lib", "/usr/local/bin", "/usr/local/glibc/usr/share"}},
      {"bottlerocket", {"/usr/lib/nvidia/tesla", "/usr/libexec/nvidia/tesla/bin", "/usr/share"}},
      {"cos",
       {"/home/kubernetes/bin/nvidia/lib64", "/home/kubernetes/bin/nvidia/bin",
        "/home/kubernetes/bin/nvidia"}},
      {"own-directory", {"/srv/driver/lib", "/usr/local/bin", "/usr/share"}}};
  if (const auto layout = layouts.find(name); layout != layouts.end()) {
    return host_of_layout(layout->second);
  }
  throw std::runtime_error("no host called " + name);
}

/// Returns the root file system of that name, with the parts that the planner looks at.
inline TemporaryDirectory named_image(const std::string& name) {
  TemporaryDirectory image;
  image.directory("/usr/lib");
  image.directory("/etc");
  if (name == "debian") {
    image.write("/etc/debian_version", "12\n");
  } else if (name == "desktop") {
    // With an X server, and manifests of both classes from the time when a driver was installed.
    image.write("/etc/debian_version", "12\n");
    image.write("/usr/lib/xorg/modules/extensions/libglx.so");
    for (const char* word : {"i686", "x86_64"}) {
      const std::string name_of_class = "old_icd." + for_this_machine(word) + ".json";
      image.write("/usr/share/vulkan/icd.d/" + name_of_class,
                  R"({"ICD": {"library_path": "libGLX_nvidia.so.0"}})");
    }
  } else if (name == "fedora" || name == "opensuse") {
    image.directory("/usr/lib64");
  } else if (name == "arch") {
    image.link("/usr/lib64", "lib");
    image.directory("/usr/lib32");
  } else if (name == "alpine") {
    image.write("/etc/alpine-release", "3.20.0\n");
    image.write(for_this_machine("/lib/ld-musl-x86_64.so.1"));
  } else if (name == "scratch") {
    image.write("/hello");
  } else {
    throw std::runtime_error("no image called " + name);
  }
  return image;
}

}  // namespace nvhook::test
