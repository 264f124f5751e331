// SPDX-License-Identifier: Apache-2.0
// Finds the driver's user-space files below the driver root.
#include "system/driver_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <unordered_map>

#include "core/elf.hpp"
#include "core/error.hpp"
#include "core/ld_cache.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLoaderCache = 64UL << 20U;
constexpr std::string_view kManagementLibrary = "libnvidia-ml.so";

// Where drivers put their files when the loader cache does not tell: multiarch, Debian's
// alternatives, lib64, Arch, NixOS, COS.
#if defined(__x86_64__)
constexpr std::array<std::string_view, 10> kLibraryDirectories{
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
    "/usr/lib/x86_64-linux-gnu/vdpau",
    "/usr/lib64/vdpau",
    "/usr/lib/vdpau",
    "/run/opengl-driver/lib",
    "/usr/local/nvidia/lib64"};
constexpr std::array<std::string_view, 4> kLibrary32Directories{
    "/usr/lib/i386-linux-gnu", "/usr/lib/i386-linux-gnu/nvidia/current", "/usr/lib32", "/usr/lib"};
constexpr std::uint16_t kNativeMachine = 62;
constexpr std::uint16_t kCompat32Machine = 3;
#elif defined(__aarch64__)
constexpr std::array<std::string_view, 9> kLibraryDirectories{
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/nvidia/current",
    "/usr/lib64",
    "/usr/lib",
    "/lib64",
    "/usr/lib/aarch64-linux-gnu/vdpau",
    "/usr/lib64/vdpau",
    "/run/opengl-driver/lib",
    "/usr/local/nvidia/lib64"};
constexpr std::array<std::string_view, 2> kLibrary32Directories{"/usr/lib/arm-linux-gnueabihf",
                                                                "/usr/lib32"};
constexpr std::uint16_t kNativeMachine = 183;
constexpr std::uint16_t kCompat32Machine = 40;
#else
#error "NVIDIA drivers exist for x86-64 and AArch64"
#endif

constexpr std::array<std::string_view, 6> kBinaryDirectories{
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};

/// `libcuda.so` for `libcuda.so.1`: the name that the component table knows.
std::string_view base_name(std::string_view library) {
  const auto at = library.find(".so");
  return at == std::string_view::npos ? library : library.substr(0, at + 3);
}

class Finder {
 public:
  Finder(const RootDir& root, const DriverFileQuery& query, Notes& notes)
      : root_(root), query_(query), notes_(notes), suffix_("." + query.driver.str()) {
    for (const Component& row : components()) {
      if (row.kind == ComponentKind::library && is_wanted(row)) libraries_[row.name] = &row;
    }
  }

  std::vector<DriverFile> find() {
    search_loader_cache();
    search_directories(Abi::native, kLibraryDirectories);
    if (query_.wanted.contains(Capability::compat32)) {
      search_directories(Abi::compat32, kLibrary32Directories);
    }
    require_management_library();
    std::vector<DriverFile> files;
    collect_binaries(files);
    collect_libraries(files, Abi::native);
    collect_libraries(files, Abi::compat32);
    collect_firmware(files);
    collect_endpoints(files);
    return files;
  }

 private:
  [[nodiscard]] bool is_wanted(const Component& row) const {
    return row.capabilities.intersects(query_.wanted) || row.name == kManagementLibrary;
  }

  // ---- libraries

  void search_loader_cache() {
    const auto bytes = root_.read(query_.loader_cache, kMaxLoaderCache);
    const auto entries = bytes ? parse_ld_cache(*bytes) : std::nullopt;
    if (!entries) {
      notes_.push_back(info("no usable loader cache at " + query_.loader_cache +
                            " in the driver root: searching the well-known directories"));
      return;
    }
    const bool compat32 = query_.wanted.contains(Capability::compat32);
    for (const LdCacheEntry& entry : *entries) {
      const auto row = libraries_.find(base_name(entry.name));
      if (row == libraries_.end()) continue;
      if (entry.flags == native_library_flags()) consider(*row->second, Abi::native, entry.path);
      if (compat32 && entry.flags == compat32_library_flags()) {
        consider(*row->second, Abi::compat32, entry.path);
      }
    }
  }

  template <std::size_t count>
  void search_directories(Abi abi, const std::array<std::string_view, count>& directories) {
    std::vector<std::string> existing;
    for (const std::string_view directory : directories) {
      const UniqueFd fd = root_.open(std::string(directory), O_PATH | O_DIRECTORY);
      std::string resolved = fd ? root_.path_of(fd.get()) : std::string();
      if (resolved.empty()) continue;
      if (std::find(existing.begin(), existing.end(), resolved) != existing.end()) continue;
      existing.push_back(std::move(resolved));
    }
    for (const auto& [name, row] : libraries_) {
      for (const std::string& directory : existing) {
        if (found_.contains({row, abi})) break;
        consider(*row, abi, directory + "/" + std::string(name) + suffix_);
      }
      const bool is_management = name == kManagementLibrary && abi == Abi::native;
      if (!is_management || found_.contains({row, abi})) continue;
      // Only to say which version is there instead.
      for (const std::string& directory : existing) {
        consider(*row, abi, directory + "/" + std::string(name) + ".1");
      }
    }
  }

  void consider(const Component& row, Abi abi, const std::string& path) {
    const UniqueFd fd = root_.open(path, O_PATH);
    if (!fd || !status_of(fd.get()).is_regular()) return;
    HostPath resolved(root_.path_of(fd.get()));
    const std::string name = resolved.filename();
    if (!name.ends_with(suffix_)) {
      const bool versioned = name.size() > row.name.size() + 1;
      if (row.name == kManagementLibrary && versioned) {
        other_version_ = name.substr(row.name.size() + 1);
      }
      return;
    }
    if (const auto chosen = found_.find({&row, abi}); chosen != found_.end()) {
      if (chosen->second.path != resolved) {
        notes_.push_back(info("selected " + chosen->second.path.str() + " over " + resolved.str()));
      }
      return;
    }
    const auto elf = read_header(resolved.str());
    const std::uint16_t machine = abi == Abi::native ? kNativeMachine : kCompat32Machine;
    if (!elf || elf->machine != machine) {
      notes_.push_back(warning("left out " + resolved.str() + ": not a shared object of the " +
                               (abi == Abi::native ? "native" : "32-bit") + " ABI"));
      return;
    }
    DriverFile file{.kind = ComponentKind::library,
                    .component = &row,
                    .abi = abi,
                    .path = std::move(resolved),
                    .soname = elf->soname};
    // A foreign SONAME would shadow another library in the container.
    if (!file.soname.empty() && base_name(file.soname) != row.name) {
      notes_.push_back(warning("left out " + file.path.str() + ": its SONAME is " + file.soname));
      return;
    }
    found_[{&row, abi}] = std::move(file);
  }

  [[nodiscard]] std::optional<ElfInfo> read_header(const std::string& path) const {
    const UniqueFd file = root_.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return std::nullopt;
    return read_elf([&](std::uint64_t offset, std::size_t size) {
      std::string bytes(size, '\0');
      const ssize_t count = ::pread(file.get(), bytes.data(), size, static_cast<off_t>(offset));
      bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
      return bytes;
    });
  }

  void require_management_library() const {
    const Component* row = find_component(ComponentKind::library, kManagementLibrary);
    if (found_.contains({row, Abi::native})) return;
    const std::string& driver = query_.driver.str();
    if (!other_version_.empty()) {
      throw Error(Code::driver_version_mismatch,
                  "driver/library version mismatch: the kernel module is " + driver +
                      ", the user-space libraries are " + other_version_,
                  "reboot, or reload the nvidia kernel modules, so that both have one version");
    }
    throw Error(Code::driver_files_missing,
                "no `libnvidia-ml.so." + driver +
                    "` below the driver root, neither in its loader cache nor in the well-known "
                    "library directories",
                "install the user-space part of the driver, version " + driver +
                    ", or set `root` under [nvidia-container-cli] to where it is installed");
  }

  void collect_libraries(std::vector<DriverFile>& files, Abi abi) {
    if (abi == Abi::compat32 && !query_.wanted.contains(Capability::compat32)) return;
    for (const Component& row : components()) {
      if (!libraries_.contains(row.name) || row.kind != ComponentKind::library) continue;
      const auto file = found_.find({&row, abi});
      if (file != found_.end()) {
        files.push_back(file->second);
      } else {
        notes_.push_back(info(std::string("missing ") + (abi == Abi::native ? "" : "32-bit ") +
                              std::string(row.name)));
      }
    }
  }

  // ---- everything else

  void collect_binaries(std::vector<DriverFile>& files) {
    for (const Component& row : components()) {
      if (row.kind != ComponentKind::binary || !is_wanted(row)) continue;
      const auto path = find_binary(row.name);
      if (path) {
        files.push_back({.kind = row.kind, .component = &row, .path = *path});
      } else {
        notes_.push_back(info("missing " + std::string(row.name)));
      }
    }
  }

  [[nodiscard]] std::optional<HostPath> find_binary(std::string_view name) const {
    for (const std::string_view directory : kBinaryDirectories) {
      const UniqueFd fd = root_.open(std::string(directory) + "/" + std::string(name), O_PATH);
      if (fd && status_of(fd.get()).is_regular()) return HostPath(root_.path_of(fd.get()));
    }
    return std::nullopt;
  }

  void collect_firmware(std::vector<DriverFile>& files) const {
    const std::string directory = "/lib/firmware/nvidia/" + query_.driver.str();
    for (const std::string& name : root_.list(directory)) {
      if (!name.starts_with("gsp") || !name.ends_with(".bin")) continue;
      const UniqueFd fd = root_.open(directory + "/" + name, O_PATH);
      if (!fd || !status_of(fd.get()).is_regular()) continue;
      files.push_back({.kind = ComponentKind::firmware,
                       .component = &firmware_component(),
                       .path = HostPath(root_.path_of(fd.get()))});
    }
  }

  void collect_endpoints(std::vector<DriverFile>& files) const {
    for (const Component& row : components()) {
      const bool is_directory = row.kind == ComponentKind::ipc_directory;
      if (!is_wanted(row) || (row.kind != ComponentKind::ipc_socket && !is_directory)) continue;
      const std::string path = is_directory ? query_.mps_pipe_directory : std::string(row.name);
      const UniqueFd fd = root_.open(path, O_PATH);
      if (!fd) continue;
      const FileStatus status = status_of(fd.get());
      if (is_directory ? !status.is_directory() : !status.is_socket()) {
        notes_.push_back(
            info("left out " + path + ": not a " + (is_directory ? "directory" : "socket")));
        continue;
      }
      files.push_back(
          {.kind = row.kind, .component = &row, .path = HostPath(root_.path_of(fd.get()))});
    }
  }

  const RootDir& root_;
  const DriverFileQuery& query_;
  Notes& notes_;
  std::string suffix_;
  std::unordered_map<std::string_view, const Component*> libraries_ = {};
  std::map<std::pair<const Component*, Abi>, DriverFile> found_ = {};
  std::string other_version_ = {};
};

}  // namespace

std::vector<DriverFile> find_driver_files(const RootDir& root, const DriverFileQuery& query,
                                          Notes& notes) {
  return Finder(root, query, notes).find();
}

}  // namespace nvhook
