// SPDX-License-Identifier: Apache-2.0
// Named hosts and images for the golden cases: trees after published layouts, with a driver version
// that does not exist.
#pragma once

#include <array>
#include <stdexcept>
#include <string>

#include "support/fake_host.hpp"

namespace nvhook::test {

inline void add_dgx_gpus(FakeHost& host) {
  // A DGX A100's table: the minors do not follow the PCI order.
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
  const std::string lib = "/usr/lib/x86_64-linux-gnu/";
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
    host.listed(soname, "/lib/x86_64-linux-gnu/" + soname);
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

/// NixOS: no loader cache, everything below /run/opengl-driver.
inline FakeHost nixos_host() {
  FakeHost host;
  host.gpu("0000:01:00.0", 0, "GPU-5c14f29e-9a3b-4d4c-8f0e-000000000000");
  for (const LibrarySpec& library : kDriverLibraries) {
    const std::string file = std::string(library.base) + "." + host.driver();
    host.file("/nix/store/abc-nvidia-x11/lib/" + file,
              library.soname[0] == '\0' ? file : std::string(library.soname));
  }
  host.tree().link("/run/opengl-driver", "/nix/store/abc-nvidia-x11");
  return host;
}

inline FakeHost named_host(const std::string& name) {
  if (name == "debian") return debian_host();
  if (name == "fedora") return fedora_host();
  if (name == "nixos") return nixos_host();
  throw std::runtime_error("no host called " + name);
}

/// Root file systems, as far as the planner looks at them.
inline TemporaryDirectory named_image(const std::string& name) {
  TemporaryDirectory image;
  image.directory("/usr/lib");
  if (name == "debian") {
    image.write("/etc/debian_version", "12\n");
  } else if (name == "fedora") {
    image.directory("/usr/lib64");
  } else if (name == "arch") {
    image.link("/usr/lib64", "lib");
    image.directory("/usr/lib32");
  } else {
    throw std::runtime_error("no image called " + name);
  }
  return image;
}

}  // namespace nvhook::test
