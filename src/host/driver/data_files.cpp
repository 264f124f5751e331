// SPDX-License-Identifier: Apache-2.0
// Manifests are found by patterns, because distributions give them different names.
#include "host/driver/data_files.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "formats/elf.hpp"
#include "host/driver/driver_places.hpp"
#include "host/facts/driver_manifest.hpp"
#include "os/files.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxManifest = 64UL << 10U;

/// Whose loaders can use a manifest.
enum class Serves { native, compat32, both, none };

/// A manifest that was found, before it is known whether another one serves for it.
struct Candidate {
  DriverFile file = {};
  Serves serves = Serves::both;
  /// Name of the first library up to `.so`; empty if others may name it, too.
  std::string library = {};
};

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool overlap(Serves a, Serves b) { return a == b || a == Serves::both || b == Serves::both; }

class DataFinder {
 public:
  DataFinder(const RootDir& root, const DriverFileQuery& query, Notes& notes)
      : root_(root), query_(query), notes_(notes) {}

  std::vector<DriverFile> find() {
    for (const Component& row : components()) {
      if (row.kind != ComponentKind::data_file) continue;
      if (!row.capabilities.intersects(query_.wanted)) continue;
      if (row.name.find('*') == std::string_view::npos) {
        add_first(row);
      } else {
        add_matching(row);
      }
    }
    return std::move(files_);
  }

 private:
  [[nodiscard]] std::optional<DriverFile> open_file(const Component& row, const std::string& path,
                                                    std::string_view base,
                                                    const std::string& name) const {
    const UniqueFd fd = root_.open(path, O_PATH);
    if (!fd || !status_of(fd.get()).is_regular()) return std::nullopt;
    HostPath resolved(root_.path_of(fd.get()));
    if (resolved.empty()) return std::nullopt;
    return DriverFile{.kind = row.kind,
                      .component = &row,
                      .path = std::move(resolved),
                      .found_as = HostPath(path),
                      .place = data_place(base, name)};
  }

  /// Loaders look in /etc and /usr/share; NVIDIA's toolkit puts all Vulkan manifests into /etc.
  static ContainerPath data_place(std::string_view directory, const std::string& name) {
    const bool is_usual = directory == "/etc" || directory == "/usr/local/share";
    const bool is_vulkan = name.starts_with("vulkan") || name.starts_with("OpenCL/");
    const std::string place = is_vulkan ? "/etc" : is_usual ? std::string(directory) : "/usr/share";
    return ContainerPath(place + "/" + name);
  }

  void add_first(const Component& row) {
    const std::string name = with_version(row.name, query_.driver);
    for (const std::string_view directory : kDataDirectories) {
      const std::string path = std::string(directory) + "/" + name;
      if (auto file = open_file(row, path, directory, name)) {
        files_.push_back(*std::move(file));
        return;
      }
    }
  }

  void add_matching(const Component& row) {
    std::vector<Candidate> candidates;
    for (const std::string_view directory : kDataDirectories) {
      collect(row, directory, candidates);
    }
    if (query_.wanted.contains(Capability::compat32)) {
      for (const std::string_view directory : kDataDirectories32) {
        collect(row, directory, candidates);
      }
    }
    // One that serves both ABIs makes those of one ABI superfluous.
    std::stable_partition(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
      return candidate.serves == Serves::both;
    });
    std::vector<Candidate> taken;
    for (Candidate& candidate : candidates) {
      if (is_taken(candidate, taken)) continue;
      taken.push_back(std::move(candidate));
    }
    for (Candidate& candidate : taken) files_.push_back(std::move(candidate.file));
  }

  void collect(const Component& row, std::string_view directory,
               std::vector<Candidate>& candidates) {
    const std::string below(row.name.substr(0, row.name.rfind('/')));
    const std::string_view pattern = row.name.substr(below.size() + 1);
    const std::string parent = std::string(directory) + "/" + below;
    const auto names =
        root_.list(parent, [&](std::string_view name) { return matches_pattern(pattern, name); });
    for (const std::string& name : names) {
      const std::string path = (parent + "/").append(name);
      auto file = open_file(row, path, directory, (below + "/").append(name));
      if (!file) continue;
      Candidate candidate{.file = *std::move(file)};
      read_manifest(path, name, candidate);
      if (candidate.serves == Serves::none) {
        leave_out(path, "its library is of another architecture");
        continue;
      }
      const bool is_32_bit = candidate.serves == Serves::compat32;
      if (is_32_bit && !query_.wanted.contains(Capability::compat32)) continue;
      if (is_32_bit) candidate.file.abi = Abi::compat32;
      candidates.push_back(std::move(candidate));
    }
  }

  void read_manifest(const std::string& path, const std::string& name, Candidate& candidate) {
    const auto text = root_.read(path, kMaxManifest);
    if (!text) return;
    const Manifest manifest = parse_manifest(name, *text);
    if (manifest.libraries.empty()) return;
    const std::string library(library_base_name(file_name(manifest.libraries.front())));
    // One library may have several layers.
    const bool is_layer = candidate.file.component->name.find("layer") != std::string_view::npos;
    if (!is_layer && classify_library(library) != nullptr) candidate.library = library;
    const ContainerPath place = candidate.file.place.parent();
    for (const std::string& named : manifest.libraries) {
      const bool is_relative = named[0] != '/' && named.find('/') != std::string::npos;
      candidate.file.refers_to.push_back(is_relative ? clean_path(place.str() + "/" + named)
                                                     : named);
    }
    candidate.serves = serves(path, name, manifest);
  }

  [[nodiscard]] Serves serves(const std::string& path, const std::string& name,
                              const Manifest& manifest) const {
    const std::string& library = manifest.libraries.front();
    if (library.find('/') != std::string::npos) {
      const std::string parent = path.substr(0, path.rfind('/') + 1);
      const std::string on_host = clean_path(library[0] == '/' ? library : parent + library);
      if (const auto machine = machine_of(on_host)) {
        return *machine == kNativeMachine     ? Serves::native
               : *machine == kCompat32Machine ? Serves::compat32
                                              : Serves::none;
      }
    }
    if (manifest.bits != 0) return manifest.bits == 64 ? Serves::native : Serves::compat32;
    // A mere file name suits every loader, whatever the manifest is called.
    if (library.find('/') == std::string::npos) return Serves::both;
    return abi_by_name(name) == Abi::compat32 ? Serves::compat32 : Serves::native;
  }

  [[nodiscard]] std::optional<std::uint16_t> machine_of(const std::string& library) const {
    const UniqueFd file = root_.open(library, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file || !status_of(file.get()).is_regular()) return std::nullopt;
    const auto elf = read_elf(reader_of(file.get()));
    return elf ? std::optional(elf->machine) : std::nullopt;
  }

  /// Whether one of `taken` serves for `candidate`, or has its place. Gives a 32-bit manifest
  /// another name if the native one has the same (NixOS).
  bool is_taken(Candidate& candidate, const std::vector<Candidate>& taken) {
    for (const Candidate& other : taken) {
      const bool same_place = other.file.place.filename() == candidate.file.place.filename();
      if (!overlap(candidate.serves, other.serves)) {
        if (same_place) rename_for_32_bit(candidate);
        continue;
      }
      if (same_place) return true;
      if (!candidate.library.empty() && candidate.library == other.library) {
        leave_out(candidate.file.found_as.str(),
                  other.file.found_as.str() + " names the same library");
        return true;
      }
    }
    return false;
  }

  static void rename_for_32_bit(Candidate& candidate) {
    if (candidate.serves != Serves::compat32) return;
    const std::string name = candidate.file.place.filename();
    const auto dot = name.rfind('.');
    candidate.file.place =
        candidate.file.place.parent() /
        (name.substr(0, dot) + "." + std::string(kCompat32Word) + name.substr(dot));
  }

  void leave_out(const std::string& path, const std::string& why) {
    notes_.push_back(info("left out " + path + ": " + why));
  }

  const RootDir& root_;
  const DriverFileQuery& query_;
  Notes& notes_;
  std::vector<DriverFile> files_ = {};
};

}  // namespace

std::vector<DriverFile> find_data_files(const RootDir& root, const DriverFileQuery& query,
                                        Notes& notes) {
  return DataFinder(root, query, notes).find();
}

}  // namespace nvhook
