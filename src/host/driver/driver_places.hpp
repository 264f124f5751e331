// SPDX-License-Identifier: Apache-2.0
// The directories into which distributions install the driver; all below the driver root. Those of
// libraries may have a directory `vdpau` in them, too.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace nvhook {

#if defined(__x86_64__)
inline constexpr std::array kMultiarchDirectories{
    std::string_view("/usr/lib/x86_64-linux-gnu"),
    std::string_view("/usr/lib/x86_64-linux-gnu/nvidia/current")};
inline constexpr std::array kMultiarchDirectories32{
    std::string_view("/usr/lib/i386-linux-gnu"),
    std::string_view("/usr/lib/i386-linux-gnu/nvidia/current")};
inline constexpr std::uint16_t kNativeMachine = 62;
inline constexpr std::uint16_t kCompat32Machine = 3;
inline constexpr std::string_view kCompat32Word = "i686";  // in names of files
#elif defined(__aarch64__)
inline constexpr std::array kMultiarchDirectories{
    std::string_view("/usr/lib/aarch64-linux-gnu"),
    std::string_view("/usr/lib/aarch64-linux-gnu/nvidia/current")};
inline constexpr std::array kMultiarchDirectories32{
    std::string_view("/usr/lib/arm-linux-gnueabihf"),
    std::string_view("/usr/lib/arm-linux-gnueabihf/nvidia/current")};
inline constexpr std::uint16_t kNativeMachine = 183;
inline constexpr std::uint16_t kCompat32Machine = 40;
inline constexpr std::string_view kCompat32Word = "armv7";  // in names of files
#else
#error "NVIDIA drivers exist for x86-64 and AArch64"
#endif

inline constexpr std::array<std::string_view, 18> kLibraryDirectories{
    "/usr/lib64",  // Fedora, RHEL, openSUSE
    "/lib64",
    "/usr/lib",                         // Arch
    "/run/opengl-driver/lib",           // NixOS
    "/run/current-system/profile/lib",  // Guix
    "/usr/lib/nvidia/tesla",            // Bottlerocket
    "/usr/lib/nvidia/current",
    "/usr/local/lib",            // Talos, whose own libc is musl
    "/usr/local/glibc/usr/lib",  // Talos before, also the next two
    "/usr/local/glibc/usr/lib64",
    "/usr/local/glibc/lib",
    "/opt/nvidia/current/usr/lib64",  // Flatcar
    "/opt/nvidia/current/lib64",
    "/home/kubernetes/bin/nvidia/lib64",  // GKE on Container-Optimized OS
    "/var/lib/nvidia/lib64",              // Container-Optimized OS
    "/usr/local/nvidia/lib64",
    "/usr/local/nvidia/lib",
    "/usr/lib/wsl/lib",  // WSL2
};
inline constexpr std::array<std::string_view, 3> kLibraryDirectories32{"/usr/lib32", "/usr/lib",
                                                                       "/run/opengl-driver-32/lib"};

inline constexpr std::array<std::string_view, 20> kBinaryDirectories{
    "/usr/local/sbin",
    "/usr/local/bin",  // also Talos
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
    "/usr/lib/nvidia/current",
    "/run/opengl-driver/bin",
    "/run/current-system/sw/bin",       // NixOS
    "/run/current-system/profile/bin",  // Guix
    "/usr/libexec/nvidia/tesla/bin",
    "/usr/lib/nvidia/tesla/bin",
    "/opt/nvidia/current/usr/bin",
    "/opt/nvidia/current/bin",
    "/opt/bin",
    "/home/kubernetes/bin/nvidia/bin",
    "/var/lib/nvidia/bin",
    "/usr/local/nvidia/bin",
    "/usr/local/glibc/usr/bin",
    "/usr/lib/wsl/lib",
};

/// The paths of data files are relative to these. The empty one is the driver root itself, as on
/// GKE, where the driver has a root of its own.
inline constexpr std::array<std::string_view, 14> kDataDirectories{
    "/etc",
    "/usr/local/share",
    "/usr/share",
    "/run/opengl-driver/etc",  // NixOS
    "/run/opengl-driver/share",
    "/run/current-system/profile/etc",  // Guix
    "/run/current-system/profile/share",
    "/usr/local/glibc/etc",
    "/usr/local/glibc/usr/share",
    "/opt/nvidia/current/etc",
    "/opt/nvidia/current/usr/share",
    "/home/kubernetes/bin/nvidia",
    "/var/lib/nvidia",
    ""};
/// Those that have only manifests of 32-bit libraries.
inline constexpr std::array<std::string_view, 2> kDataDirectories32{"/run/opengl-driver-32/etc",
                                                                    "/run/opengl-driver-32/share"};

/// Appended to a library directory and to the X server's own directories.
inline constexpr std::array<std::string_view, 5> kXorgModulePlaces{
    "/nvidia/xorg", "/xorg/modules/drivers", "/xorg/modules/extensions",
    "/xorg/modules/updates/drivers", "/xorg/modules/updates/extensions"};
inline constexpr std::array<std::string_view, 4> kXorgDirectories{
    "/usr/lib", "/usr/lib64", "/usr/X11R6/lib", "/usr/X11R6/lib64"};

/// What WSL2 shows of the Windows host's driver; all that a container gets there lies below.
inline constexpr std::string_view kWsl = "/usr/lib/wsl/";
inline constexpr std::string_view kWslDriverStore = "/usr/lib/wsl/drivers";

}  // namespace nvhook
