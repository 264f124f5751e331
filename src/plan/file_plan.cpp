// SPDX-License-Identifier: Apache-2.0
// Files keep the order of the inventory; a second file for the same target is left out.
#include "plan/file_plan.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "host/facts/driver_manifest.hpp"
#include "image/cuda_compat.hpp"

namespace nvhook {
namespace {

/// An image can have many manifests, and each that is covered is a mount.
constexpr std::size_t kMaxCovered = 32;

/// Whether loaders look at `manifest` for the same as at those of `row`: /etc/vulkan/icd.d/x.json
/// is of the kind of vulkan/icd.d/nvidia_icd*.json.
bool is_of_kind(const ContainerPath& manifest, const Component& row) {
  const std::string_view kind = row.name.substr(0, row.name.rfind('/'));
  return manifest.parent().str().ends_with("/" + std::string(kind));
}

class FilePlanner {
 public:
  FilePlanner(const PlanInput& input, PlanBuilder& plan) : input_(input), plan_(plan) {}

  void make() {
    plan_cuda_compat();
    for (const DriverFile& file : input_.inventory.files) {
      if (is_wanted(file, input_.request)) plan_file(file);
    }
    if (layers_ != nullptr) {
      for (const DriverFile* manifest : manifests_) cover_others(*manifest);
    }
    plan_loader_path();
  }

 private:
  /// Only adds entries to the loader cache, before the driver's: files of the image are never
  /// mounted (CVE-2024-0132).
  void plan_cuda_compat() {
    if (!input_.container.compat || !wants_cuda_compat(input_.request, input_.config)) return;
    const CompatLibraries& compat = *input_.container.compat;
    std::vector<std::string> models;
    for (const Gpu& gpu : input_.selected.gpus) models.push_back(gpu.model);
    const CompatDecision decision = decide_cuda_compat(compat, input_.inventory.driver, models);
    plan_.note(info("CUDA compatibility libraries of the image in " + compat.directory.str() +
                    (decision.use ? "" : " not") + " used: " + decision.reason));
    if (!decision.use) return;
    for (const CompatLibraries::Library& library : compat.libraries) {
      plan_.loader_entry({.soname = library.soname, .path = compat.directory / library.file});
    }
  }

  void plan_file(const DriverFile& file) {
    switch (file.kind) {
      case ComponentKind::library:
        plan_library(file);
        break;
      case ComponentKind::binary:
        plan_program(file);
        break;
      case ComponentKind::wsl_store:
        plan_wsl_file(file);
        break;
      case ComponentKind::data_file:
        plan_data_file(file);
        break;
      case ComponentKind::firmware:
        bind_optional(file, SourceType::regular, kFileMount);
        break;
      case ComponentKind::xorg_module:
        plan_xorg_module(file);
        break;
      case ComponentKind::ipc_socket:
        bind_optional(file, SourceType::socket, kEndpointMount);
        break;
      case ComponentKind::ipc_directory:
        plan_.bind({.source = {.root = HostRoot::driver, .path = file.path},
                    .type = SourceType::directory,
                    .target = file.place,
                    .attributes = kEndpointsMount,
                    .optional = true,
                    .in_public_place = true,
                    .reason = reason_of(file)});
        break;
    }
  }

  /// A program of a distribution that has its loader elsewhere (NixOS) is started by the image's
  /// own. Its libraries are then the image's, too.
  void plan_program(const DriverFile& file) {
    BindMount mount{.source = {.root = HostRoot::driver, .path = file.path},
                    .target = ContainerPath("/usr/bin") / file.component->name,
                    .attributes = kFileMount,
                    .reason = reason_of(file)};
    if (input_.container.missing_interpreters.contains(file.interpreter)) {
      const ContainerPath& loader = input_.container.program_loader;
      if (loader.empty()) {
        plan_.note(warning("left out " + file.path.str() + ": the image has no `" +
                           file.interpreter + "`, which starts it"));
        return;
      }
      mount.needs = ContainerPath(file.interpreter);
      plan_.link({.link = mount.needs,
                  .target = loader.str(),
                  .optional = true,
                  .reason = "loader that the host's programs name"});
    }
    plan_.bind(std::move(mount));
  }

  void plan_library(const DriverFile& file) {
    const ContainerPath& directory = file.abi == Abi::native ? input_.container.library_directory
                                                             : input_.container.library32_directory;
    const std::string name = file.path.filename();
    if (!bind(file, directory / name)) return;
    const std::string soname = file.soname.empty() ? name : file.soname;
    if (soname != name) {
      plan_.link({.link = directory / soname,
                  .target = name,
                  .replace = true,
                  .reason = "SONAME of " + name});
    }
    for (const ComponentLink& extra : component_links()) {
      if (!name.starts_with(std::string(extra.library) + ".") || extra.name == soname) continue;
      add_link(directory / extra.name, extra.target.empty() ? name : std::string(extra.target));
    }
    const std::string plain = name.substr(0, name.find(".so") + 3);
    if (file.has_plain_link && plain != soname) add_link(directory / plain, soname);
    plan_.loader_entry({.soname = soname, .path = directory / soname, .abi = file.abi});
  }

  void add_link(ContainerPath path, std::string target) {
    plan_.link({.link = std::move(path),
                .target = std::move(target),
                .optional = true,
                .reason = "link of the driver's installer"});
  }

  void plan_xorg_module(const DriverFile& file) {
    const ContainerPath place = xorg_module_place(file);
    bind_by_image(file, place);
    const std::string name = place.filename();
    const std::string plain = name.substr(0, name.find(".so") + 3);
    if (plain != name) add_link(place.parent() / plain, name);
  }

  /// Where the host has it, unless the image's X server looks elsewhere: then there.
  [[nodiscard]] ContainerPath xorg_module_place(const DriverFile& file) const {
    const ContainerPath& directory = input_.container.xorg_directory;
    if (directory.empty() || file.place.str().starts_with(directory.str() + "/")) return file.place;
    const std::string name = file.place.filename();
    return directory / (name.ends_with("_drv.so") ? "drivers" : "extensions") / name;
  }

  /// The program is also linked into /usr/bin, because people expect it on the PATH.
  void plan_wsl_file(const DriverFile& file) {
    bind(file, file.place);
    if (file.component->name != "nvidia-smi") return;
    plan_.link({.link = ContainerPath("/usr/bin/nvidia-smi"),
                .target = file.place.str(),
                .optional = true,
                .reason = "nvidia-smi of the driver store"});
  }

  /// A manifest that names a library by its path on the host gets a link there, which leads to
  /// ours. The libraries are planned before.
  void plan_data_file(const DriverFile& file) {
    std::vector<Symlink> links;
    bool is_usable = file.refers_to.empty();
    for (const std::string& library : file.refers_to) {
      if (library[0] != '/') {
        is_usable = true;
      } else if (auto link = link_to_library(ContainerPath(library), file.abi)) {
        is_usable = true;
        links.push_back(*std::move(link));
      }
    }
    if (!is_usable) {
      plan_.note(info("left out " + file.path.str() + ": its library " + file.refers_to.front() +
                      " is not injected"));
      return;
    }
    if (file.refers_to.empty()) {
      bind_optional(file, SourceType::regular, kFileMount);
    } else {
      bind_by_image(file, manifest_target(file));
      (is_of_layers(file) ? layers_ : manifests_.emplace_back()) = &file;
    }
    for (Symlink& link : links) {
      if (link.link.str() != link.target) plan_.link(std::move(link));
    }
  }

  /// The libraries of one name and ABI are one, whatever is behind `.so` in the manifest.
  [[nodiscard]] std::optional<Symlink> link_to_library(ContainerPath wanted, Abi abi) const {
    const auto& entries = plan_.plan().loader_entries;
    const std::string name = wanted.filename();
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const LoaderEntry& entry) {
      return entry.abi == abi && library_base_name(entry.soname) == library_base_name(name);
    });
    if (found == entries.end()) return std::nullopt;
    return Symlink{.link = std::move(wanted),
                   .target = found->path.str(),
                   .optional = true,
                   .reason = "where a manifest of the host names the library"};
  }

  /// Where the image has a manifest for the same library, ours goes over that: with a second one
  /// loaders would show every GPU twice.
  [[nodiscard]] ContainerPath manifest_target(const DriverFile& file) const {
    const ContainerPath* of_its_class = nullptr;
    const ContainerPath* of_another = nullptr;
    for (const ImageManifest& own : input_.container.manifests) {
      if (!is_for_library_of(own, file)) continue;
      if (own.found_as == file.place) return own.path;
      const ContainerPath*& target = abi_of(own) == file.abi ? of_its_class : of_another;
      if (target == nullptr) target = &own.path;
    }
    if (of_its_class != nullptr) return *of_its_class;
    return serves_both(file.refers_to.front()) && of_another != nullptr ? *of_another : file.place;
  }

  /// Covers the image's other manifests for the library with the driver's list of layers: loaders
  /// of drivers pass over a manifest without a driver, but Vulkan's gives up at a text that is no
  /// JSON.
  void cover_others(const DriverFile& file) {
    for (const ImageManifest& own : input_.container.manifests) {
      if (!is_for_library_of(own, file) || plan_.has_target(own.path)) continue;
      if (covered_ == kMaxCovered) return;
      const Manifest manifest = parse_manifest(own.found_as.filename(), own.text);
      const bool is_for_both = serves_both(file.refers_to.front()) || manifest.libraries.empty() ||
                               serves_both(manifest.libraries.front());
      if (!is_for_both && abi_of(own) != file.abi) continue;
      ++covered_;
      plan_.bind(
          {.source = {.root = HostRoot::driver, .path = layers_->path},
           .target = own.path,
           .attributes = kFileMount,
           .optional = true,
           .by_image = true,
           .reason = "covers the image's second manifest for the library of " + file.path.str()});
    }
  }

  static bool is_of_layers(const DriverFile& file) {
    return file.component->name.find("layer") != std::string_view::npos;
  }

  /// A name without a path serves loaders of both classes.
  static bool serves_both(const std::string& library) {
    return library.find('/') == std::string::npos;
  }

  static bool is_for_library_of(const ImageManifest& own, const DriverFile& file) {
    const std::string& library = file.refers_to.front();
    const std::string_view base =
        library_base_name(std::string_view(library).substr(library.rfind('/') + 1));
    return classify_library(base) != nullptr && is_of_kind(own.found_as, *file.component) &&
           own.text.find(base) != std::string::npos;
  }

  /// Whose loaders an image's manifest is for; both count as native.
  [[nodiscard]] Abi abi_of(const ImageManifest& manifest) const {
    if (const auto named = abi_by_name(manifest.found_as.filename())) return *named;
    const std::string directory = input_.container.library32_directory.str() + "/lib";
    return manifest.text.find(directory) == std::string::npos ? Abi::native : Abi::compat32;
  }

  void plan_loader_path() {
    const ContainerPath& file = input_.container.musl_path_file;
    if (file.empty() || plan_.plan().loader_entries.empty()) return;
    LoaderPath path{.file = file};
    for (const LoaderEntry& entry : plan_.plan().loader_entries) {
      const ContainerPath directory = entry.path.parent();
      auto& known = path.directories;
      if (std::find(known.begin(), known.end(), directory) == known.end()) {
        known.push_back(directory);
      }
    }
    plan_.loader_path(std::move(path));
  }

  bool bind(const DriverFile& file, ContainerPath target) {
    return plan_.bind({.source = {.root = HostRoot::driver, .path = file.path},
                       .target = std::move(target),
                       .attributes = kFileMount,
                       .reason = reason_of(file)});
  }

  /// Plans a file that may be left out where the image has no room for it.
  void bind_optional(const DriverFile& file, SourceType type, MountAttributes attributes) {
    plan_.bind({.source = {.root = HostRoot::driver, .path = file.path},
                .type = type,
                .target = file.place,
                .attributes = attributes,
                .optional = true,
                .reason = reason_of(file)});
  }

  void bind_by_image(const DriverFile& file, ContainerPath target) {
    plan_.bind({.source = {.root = HostRoot::driver, .path = file.path},
                .target = std::move(target),
                .attributes = kFileMount,
                .optional = true,
                .by_image = true,
                .reason = reason_of(file)});
  }

  [[nodiscard]] std::string reason_of(const DriverFile& file) const {
    return nvhook::reason_of(*file.component, input_.request.capabilities);
  }

  const PlanInput& input_;
  PlanBuilder& plan_;
  std::vector<const DriverFile*> manifests_ = {};  ///< those of drivers that were planned
  const DriverFile* layers_ = nullptr;             ///< a manifest that was planned
  std::size_t covered_ = 0;
};

}  // namespace

void plan_files(const PlanInput& input, PlanBuilder& plan) { FilePlanner(input, plan).make(); }

bool is_wanted(const DriverFile& file, const Request& request) {
  if (is_left_out(file, request.left_out)) return false;
  const CapabilitySet& asked = request.capabilities;
  const CapabilitySet& needed = file.component->capabilities;
  if (file.abi == Abi::compat32 && !asked.contains(Capability::compat32)) return false;
  return needed.empty() || needed.intersects(asked);
}

std::string reason_of(const Component& component, CapabilitySet asked) {
  const std::string purpose(component.purpose);
  if (component.capabilities.empty()) return "every request: " + purpose;
  return "capability " + to_string(component.capabilities & asked) + ": " + purpose;
}

bool is_left_out(const DriverFile& file, const LeftOut& left_out) {
  const std::string_view name = file.component->name;
  switch (file.kind) {
    case ComponentKind::firmware:
      return left_out.firmware;
    case ComponentKind::ipc_socket:
      return (left_out.persistenced && name == "/var/run/nvidia-persistenced/socket") ||
             (left_out.fabric_manager && name == "/var/run/nvidia-fabricmanager/socket");
    default:
      return false;
  }
}

}  // namespace nvhook
