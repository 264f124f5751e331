// SPDX-License-Identifier: Apache-2.0
// Finds empty driver files on the host. A tool that injects a driver leaves its mount points, links
// and loader cache there if a container has a directory of the host as a volume.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>

#include "command/doctor/doctor_checks.hpp"
#include "command/doctor/doctor_read.hpp"
#include "host/driver/driver_places.hpp"
#include "host/facts/component.hpp"
#include "os/public_place.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConfiguration = 64UL << 10U;

/// Names become part of a command that people copy, so they must need no quoting.
bool is_plain(std::string_view name) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
  return name.find_first_not_of(kPlain) == std::string_view::npos;
}

bool is_library_of_driver(std::string_view name) {
  return name.find(".so.") != std::string_view::npos && is_plain(name) &&
         classify_library(library_base_name(name)) != nullptr;
}

class Collector {
 public:
  Collector(const RootDir& system, const RootDir& driver_root)
      : system_(system), driver_root_(driver_root) {
    for (const std::string& name : driver_root.list("/etc/alternatives")) {
      if (name.find("--lib") != std::string::npos) alternatives_.push_back(name);
    }
  }

  LeftoversReport collect() {
    for (const std::string_view directory : kMultiarchDirectories) look_at_libraries(directory);
    for (const std::string_view directory : kLibraryDirectories) look_at_libraries(directory);
    for (const std::string_view directory : {"/usr/local/bin", "/usr/sbin", "/usr/bin"}) {
      look_at_programs(directory);
    }
    for (const std::string& name : system_.list("/dev")) {
      if (name.starts_with("nvidia") && is_plain(name)) look_at_node("/dev/" + name);
    }
    return std::move(report_);
  }

 private:
  enum class Kind { none, empty_file, link_to_empty_file };

  /// Reports each object once: on most hosts /lib and /usr/lib are the same directory.
  Kind look(const RootDir& root, const std::string& path) {
    const UniqueFd named = root.open(path, O_PATH | O_NOFOLLOW);
    if (!named) return Kind::none;
    const bool is_link = status_of(named.get()).is_symlink();
    const UniqueFd end = root.open(path, O_PATH);
    if (!end) return Kind::none;
    const FileStatus status = status_of(end.get());
    if (!status.is_regular() || status.size != 0) return Kind::none;
    if (!seen_.insert(root.path_of(named.get())).second) return Kind::none;
    return is_link ? Kind::link_to_empty_file : Kind::empty_file;
  }

  void look_at_libraries(std::string_view directory) {
    for (const std::string& name :
         driver_root_.list(std::string(directory), is_library_of_driver)) {
      const std::string path = std::string(directory) + "/" + name;
      const Kind kind = look(driver_root_, path);
      if (kind == Kind::empty_file) report_.files.push_back(path);
      if (kind != Kind::link_to_empty_file) continue;
      report_.links.push_back(path);
      add_alternative_of(name);
    }
  }

  /// On Debian the link leads to /etc/alternatives, to a link called `<group>--<name>-<triplet>`.
  void add_alternative_of(const std::string& name) {
    for (const std::string& alternative : alternatives_) {
      const auto dashes = alternative.find("--");
      if (!alternative.substr(dashes + 2).starts_with(name + "-")) continue;
      const std::string group = alternative.substr(0, dashes);
      auto& groups = report_.alternatives;
      if (is_plain(group) && std::find(groups.begin(), groups.end(), group) == groups.end()) {
        groups.push_back(group);
      }
    }
  }

  void look_at_programs(std::string_view directory) {
    for (const Component& row : components()) {
      if (row.kind != ComponentKind::binary) continue;
      const std::string path = std::string(directory) + "/" + std::string(row.name);
      if (look(driver_root_, path) == Kind::empty_file) report_.files.push_back(path);
    }
  }

  void look_at_node(const std::string& path) {
    if (look(system_, path) == Kind::empty_file) report_.nodes.push_back(path);
  }

  const RootDir& system_;
  const RootDir& driver_root_;
  std::vector<std::string> alternatives_ = {};
  std::set<std::string> seen_ = {};
  LeftoversReport report_ = {};
};

}  // namespace

LeftoversReport read_leftovers(const RootDir& system, const RootDir& driver_root) {
  return Collector(system, driver_root).collect();
}

std::vector<std::string> loader_directories(const RootDir& root) {
  std::vector<std::string> found{"/lib",       "/usr/lib",         "/usr/local/lib", "/lib64",
                                 "/usr/lib64", "/usr/local/lib64", "/lib32",         "/usr/lib32",
                                 "/libx32",    "/usr/libx32"};
  found.insert(found.end(), kLibraryDirectories.begin(), kLibraryDirectories.end());
  std::vector<std::string> files{"/etc/ld.so.conf"};
  for (const std::string& name : root.list("/etc/ld.so.conf.d")) {
    files.push_back("/etc/ld.so.conf.d/" + name);
  }
  for (const std::string& file : files) {
    const std::string text = root.read(file, kMaxConfiguration).value_or("");
    for (const std::string_view line : split(text, '\n')) {
      std::string_view directory = trim(line.substr(0, line.find('#')));
      directory = directory.substr(0, directory.find('='));  // a library type of libc5
      while (directory.size() > 1 && directory.ends_with('/')) directory.remove_suffix(1);
      if (directory.starts_with('/') && directory.size() > 1) found.emplace_back(directory);
    }
  }
  return found;
}

std::optional<Fault> mps_fault(const RootDir& driver_root, const std::string& directory) {
  const std::string word = shell_word(directory);
  for (const std::string& path : {directory, directory + "/control"}) {
    const PlaceView place = look_at_place(driver_root, path, MadeBy::root);
    // The caller may lack permission; the hook runs as root and does not.
    if (!is_real_root() && place.why_not.find("Permission denied") != std::string::npos) return {};
    if (!place.why_not.empty()) {
      const bool is_open = place.why_not.starts_with("others than root can write");
      return Fault{.what = directory + " reaches no container: " + place.why_not,
                   .remedy = is_open
                                 ? "sudo chmod go-w " + word
                                 : "sudo umount -l " + word + "; sudo rm -r --one-file-system " +
                                       word + " && sudo install -d -m 0755 " + word +
                                       "  # then start the MPS daemon again, as root"};
    }
    if (!place.fd) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace nvhook
