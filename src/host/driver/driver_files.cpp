// SPDX-License-Identifier: Apache-2.0
// Everything but libraries: programs, firmware, endpoints of daemons, manifests, Xorg modules.
#include "host/driver/driver_files.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "formats/elf.hpp"
#include "host/driver/data_files.hpp"
#include "host/driver/driver_libraries.hpp"
#include "host/driver/driver_places.hpp"
#include "os/files.hpp"
#include "os/public_place.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Whether the daemon that made this socket is gone. Only ECONNREFUSED proves it: a daemon may also
/// be busy, or use another type of socket.
bool is_stale(int fd) {
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  return client &&
         ::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
             0 &&
         errno == ECONNREFUSED;
}

class FileFinder {
 public:
  FileFinder(const RootDir& root, const DriverFileQuery& query, Notes& notes)
      : root_(root), query_(query), notes_(notes) {}

  std::vector<DriverFile> find() {
    std::vector<DriverFile> libraries = find_libraries(root_, query_, notes_);
    collect_binaries();
    files_.insert(files_.end(), libraries.begin(), libraries.end());
    collect_firmware();
    if (query_.any_version) {
      // Manifests and modules of a Linux driver would name libraries that are not there.
      collect_wsl_store();
      return std::move(files_);
    }
    std::vector<DriverFile> data = find_data_files(root_, query_, notes_);
    std::move(data.begin(), data.end(), std::back_inserter(files_));
    for (const Component& row : components()) {
      if (!row.capabilities.intersects(query_.wanted)) continue;
      if (row.kind == ComponentKind::xorg_module) add_xorg_module(row, libraries);
    }
    return std::move(files_);
  }

  std::vector<DriverFile> find_endpoints() {
    for (const Component& row : components()) {
      if (!row.capabilities.intersects(query_.wanted)) continue;
      if (row.kind == ComponentKind::ipc_socket) add_socket(row);
      if (row.kind == ComponentKind::ipc_directory) add_mps_directory(row);
    }
    return std::move(files_);
  }

 private:
  void collect_binaries() {
    std::vector<std::string> missing;
    for (const Component& row : components()) {
      if (row.kind != ComponentKind::binary || !row.capabilities.intersects(query_.wanted))
        continue;
      const bool found =
          std::any_of(kBinaryDirectories.begin(), kBinaryDirectories.end(), [&](auto directory) {
            if (query_.any_version && !directory.starts_with(kWsl)) return false;
            return add_program(row, std::string(directory) + "/" + std::string(row.name));
          });
      if (!found) missing.emplace_back(row.name);
    }
    if (!missing.empty()) notes_.push_back(info("missing programs: " + join(missing, ", ")));
  }

  bool add_program(const Component& row, const std::string& path) {
    if (!add_regular(row, path, {})) return false;
    DriverFile& file = files_.back();
    const UniqueFd fd = root_.open(file.path.str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (fd) file.interpreter = read_interpreter(reader_of(fd.get()));
    return true;
  }

  /// Adds the regular file to which `path` leads; returns false if there is none.
  bool add_regular(const Component& row, const std::string& path, ContainerPath place) {
    const UniqueFd fd = root_.open(path, O_PATH);
    if (!fd || !status_of(fd.get()).is_regular()) return false;
    HostPath resolved(root_.path_of(fd.get()));
    if (resolved.empty()) return false;
    files_.push_back({.kind = row.kind,
                      .component = &row,
                      .path = std::move(resolved),
                      .found_as = HostPath(path),
                      .place = std::move(place)});
    return true;
  }

  /// If several directories have a file of the same name, the kernel takes the first.
  void collect_firmware() {
    const std::string below = "/nvidia/" + query_.driver.str();
    if (query_.driver.str().empty()) return;
    std::vector<std::string> seen;
    for (const std::string& directory : query_.firmware_directories) {
      const auto names = root_.list(directory + below,
                                    [](std::string_view name) { return name.ends_with(".bin"); });
      for (const std::string& name : names) {
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
        // The path that the kernel's documentation gives, wherever the host has the file.
        const ContainerPath place("/lib/firmware" + below + "/" + name);
        if (add_regular(firmware_component(), directory + below + "/" + name, place)) {
          seen.push_back(name);
        }
      }
    }
  }

  /// The store has one directory for each Windows driver, of any vendor.
  void collect_wsl_store() {
    for (const std::string& name : root_.list(std::string(kWslDriverStore))) {
      const std::string directory = std::string(kWslDriverStore) + "/" + name;
      const std::vector<std::string> files = root_.list(directory);
      const bool is_nvidias = std::any_of(files.begin(), files.end(), [](const std::string& file) {
        return file.starts_with("libcuda") || file.starts_with("libnvidia-") ||
               file == "nvidia-smi";
      });
      for (const std::string& file : files) {
        const Component* row = is_nvidias ? find_store_row(file) : nullptr;
        const std::string path = (directory + "/").append(file);
        if (row != nullptr) add_regular(*row, path, ContainerPath(path));
      }
    }
  }

  static const Component* find_store_row(const std::string& file) {
    const auto all = components();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Component& row) {
      return row.kind == ComponentKind::wsl_store && matches_pattern(row.name, file);
    });
    return found == all.end() ? nullptr : &*found;
  }

  void leave_out(const std::string& path, const std::string& why) {
    notes_.push_back(info("left out " + path + ": " + why));
  }

  void add_socket(const Component& row) {
    const std::string path(row.name);
    const PlaceView place = look_at_place(root_, path, MadeBy::anybody);
    if (!place.why_not.empty()) return leave_out(path, place.why_not);
    if (!place.fd) return;
    if (!place.status.is_socket()) return leave_out(path, "not a socket");
    if (is_stale(place.fd.get())) return leave_out(path, "no daemon listens on it");
    add_endpoint(row, place.fd.get());
  }

  /// Any user can make /tmp/nvidia-mps. If that were accepted, a user's directory would go into
  /// every container, and his process would pass for the daemon.
  void add_mps_directory(const Component& row) {
    const std::string& path = query_.mps_pipe_directory;
    const PlaceView directory = look_at_place(root_, path, MadeBy::root);
    if (!directory.why_not.empty()) {
      notes_.push_back(warning("left out " + path + ": " + directory.why_not));
      return;
    }
    if (!directory.fd) return;
    if (!directory.status.is_directory()) return leave_out(path, "not a directory");
    const PlaceView control = look_at_place(root_, path + "/control", MadeBy::root);
    if (!control.why_not.empty()) return leave_out(path, control.why_not);
    const bool is_fifo = control.fd && S_ISFIFO(control.status.mode);
    if (!is_fifo && !(control.fd && control.status.is_socket())) {
      return leave_out(path, "no `control` of an MPS daemon is in it");
    }
    if (!is_fifo && is_stale(control.fd.get()))
      return leave_out(path, "no MPS daemon listens there");
    add_endpoint(row, directory.fd.get());
  }

  void add_endpoint(const Component& row, int fd) {
    const std::string resolved = root_.path_of(fd);
    files_.push_back({.kind = row.kind,
                      .component = &row,
                      .path = HostPath(resolved),
                      .place = ContainerPath(resolved)});
  }

  void add_xorg_module(const Component& row, const std::vector<DriverFile>& libraries) {
    std::vector<std::string> directories;
    for (const DriverFile& library : libraries) {
      if (library.abi == Abi::native) directories.push_back(library.path.parent().str());
    }
    std::sort(directories.begin(), directories.end());
    directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
    directories.insert(directories.end(), kXorgDirectories.begin(), kXorgDirectories.end());
    // RPM packages and Debian's alternatives have no version in the name.
    for (const std::string& name :
         {with_version(row.name, query_.driver), std::string(library_base_name(row.name))}) {
      for (const std::string& directory : directories) {
        for (const std::string_view place : kXorgModulePlaces) {
          if (add_module(row, directory + std::string(place) + "/" + name)) return;
        }
      }
    }
  }

  bool add_module(const Component& row, const std::string& path) {
    const UniqueFd fd = root_.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd || !status_of(fd.get()).is_regular()) return false;
    const auto elf = read_elf(reader_of(fd.get()));
    if (!elf || elf->machine != kNativeMachine) return false;
    const std::string file = root_.path_of(fd.get());
    if (!is_of_this_driver(file.substr(file.rfind('/') + 1), elf->soname)) return false;
    return add_regular(row, path, ContainerPath(path));
  }

  /// A module is of this driver if its name or SONAME has the driver's version, or if neither has a
  /// version and its name is NVIDIA's. An X server has a libglx.so of its own.
  [[nodiscard]] bool is_of_this_driver(const std::string& name, const std::string& soname) const {
    bool is_nvidias = name.find("nvidia") != std::string::npos;
    for (const std::string& text : {name, soname}) {
      const std::size_t base = library_base_name(text).size();
      const std::string version = text.size() > base + 1 ? text.substr(base + 1) : std::string();
      if (version == query_.driver.str()) return true;
      if (is_driver_version(version)) is_nvidias = false;
    }
    return is_nvidias;
  }

  const RootDir& root_;
  const DriverFileQuery& query_;
  Notes& notes_;
  std::vector<DriverFile> files_ = {};
};

}  // namespace

std::vector<DriverFile> find_driver_files(const RootDir& root, const DriverFileQuery& query,
                                          Notes& notes) {
  return FileFinder(root, query, notes).find();
}

std::vector<DriverFile> find_endpoints(const RootDir& root, const DriverFileQuery& query,
                                       Notes& notes) {
  return FileFinder(root, query, notes).find_endpoints();
}

}  // namespace nvhook
