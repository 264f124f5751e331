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

#include "host/driver/data_files.hpp"
#include "host/driver/driver_libraries.hpp"
#include "host/driver/driver_places.hpp"
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
    if (query_.any_version) collect_wsl_store();
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
            return add_regular(row, std::string(directory) + "/" + std::string(row.name), {});
          });
      if (!found) missing.emplace_back(row.name);
    }
    if (!missing.empty()) notes_.push_back(info("missing programs: " + join(missing, ", ")));
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
      const auto names = root_.list(directory + below, [](std::string_view name) {
        return name.starts_with("gsp") && name.ends_with(".bin");
      });
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

  /// The store has one directory for each Windows driver; NVIDIA's has the files of the table.
  void collect_wsl_store() {
    for (const std::string& name : root_.list(std::string(kWslDriverStore))) {
      const std::string directory = std::string(kWslDriverStore) + "/" + name + "/";
      for (const Component& row : components()) {
        if (row.kind != ComponentKind::wsl_store) continue;
        const std::string path = directory + std::string(row.name);
        add_regular(row, path, ContainerPath(path));
      }
    }
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
    const std::string name = with_version(row.name, query_.driver);
    std::vector<std::string> directories;
    for (const DriverFile& library : libraries) {
      if (library.abi == Abi::native) directories.push_back(library.path.parent().str());
    }
    std::sort(directories.begin(), directories.end());
    directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
    directories.insert(directories.end(), kXorgDirectories.begin(), kXorgDirectories.end());
    for (const std::string& directory : directories) {
      for (const std::string_view place : kXorgModulePlaces) {
        const std::string path = directory + std::string(place) + "/" + name;
        if (add_regular(row, path, ContainerPath(path))) return;
      }
    }
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
