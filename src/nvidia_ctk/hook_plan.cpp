// SPDX-License-Identifier: Apache-2.0
// One function for each hook.
#include "nvidia_ctk/hook_plan.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "formats/ld_cache_order.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "image/cuda_compat.hpp"
#include "plan/device_plan.hpp"
#include "plan/plan_builder.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kProfile = "/etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf";

// ---- links

Plan plan_of(const CreateSymlinks& call, const HookFacts& /*facts*/) {
  Plan plan;
  for (const CreateSymlinks::Link& link : call.links) {
    plan.symlinks.push_back({.link = ContainerPath(link.path),
                             .target = link.target,
                             .replace = true,
                             .replace_file = true,
                             .optional = true,
                             .reason = "create-symlinks"});
  }
  return plan;
}

// ---- the loader

void add_compat_entries(const CompatLibraries& compat, Plan& plan) {
  for (const CompatLibraries::Library& library : compat.libraries) {
    plan.loader_entries.push_back(
        {.soname = library.soname, .path = compat.directory / library.file});
  }
}

/// Whether the loader finds `library` by a link that leads to it, or by its own name.
bool has_soname_as_name(const FolderLibrary& library) {
  return library.soname == library.name || library.link == library.name;
}

/// Of libraries with one SONAME the one that its name leads to counts, otherwise the latest, as for
/// ldconfig.
bool is_better(const FolderLibrary& a, const FolderLibrary& b) {
  if ((a.soname == a.name) != (b.soname == b.name)) return a.soname == a.name;
  return std::is_gt(compare_cache_names(a.name, b.name));
}

using Sonames = std::map<std::pair<std::string, Abi>, const FolderLibrary*>;

Sonames best_libraries(const LibraryFolder& folder) {
  Sonames best;
  for (const FolderLibrary& library : folder.libraries) {
    const auto [found, is_new] = best.try_emplace({library.soname, library.abi}, &library);
    if (!is_new && is_better(library, *found->second)) found->second = &library;
  }
  return best;
}

void plan_folder(const LibraryFolder& folder, bool links_only, Plan& plan) {
  for (const auto& [key, library] : best_libraries(folder)) {
    const bool can_link = folder.is_own && !library->is_soname_taken;
    const bool has_name = has_soname_as_name(*library);
    if (can_link && !has_name) {
      plan.symlinks.push_back({.link = folder.path / library->soname,
                               .target = library->name,
                               .replace = true,
                               .optional = true,
                               .reason = "the SONAME of " + library->name});
    }
    if (links_only) continue;
    const std::string& file = can_link || has_name ? library->soname : library->name;
    plan.loader_entries.push_back(
        {.soname = library->soname, .path = folder.path / file, .abi = library->abi});
  }
}

/// A new drop-in counts only if ld.so.conf includes it.
void add_conf(const ContainerPath& path, std::string text, const std::string& reason,
              const HookFacts& facts, Plan& plan) {
  if (!facts.has_ld_so_conf) {
    plan.texts.push_back({.path = kLoaderConf,
                          .text = "include " + kLoaderConfDirectory.str() + "/*.conf\n",
                          .reason = "includes " + path.str()});
  }
  plan.texts.push_back({.path = path, .text = std::move(text), .reason = reason});
}

/// Lists the folders that a later ldconfig would not search; earlier calls' stay.
void plan_folder_conf(const HookFacts& facts, Plan& plan) {
  std::string text = facts.folder_conf.value_or("");
  const std::size_t before = text.size();
  for (const LibraryFolder& folder : facts.folders) {
    const std::string line = folder.path.str() + "\n";
    const bool is_listed = ("\n" + text).find("\n" + line) != std::string::npos;
    if (!folder.is_default && !folder.libraries.empty() && !is_listed) text += line;
  }
  if (text.size() > before) {
    add_conf(kFolderConf, std::move(text), "folders of the specification", facts, plan);
  }
}

Plan plan_for_musl(const HookFacts& facts) {
  Plan plan;
  LoaderPath path{.file = facts.musl_path_file};
  for (const LibraryFolder& folder : facts.folders) {
    const auto& libraries = folder.libraries;
    const bool has_native =
        std::any_of(libraries.begin(), libraries.end(),
                    [](const FolderLibrary& library) { return library.abi == Abi::native; });
    if (has_native) path.directories.push_back(folder.path);
    plan_folder(folder, true, plan);
  }
  if (!path.directories.empty()) plan.loader_path = std::move(path);
  return plan;
}

Plan plan_of(const UpdateLoaderCache& call, const HookFacts& facts) {
  if (!facts.musl_path_file.empty() && !call.links_only) return plan_for_musl(facts);
  Plan plan;
  if (!call.links_only) {
    for (const CompatLibraries& compat : facts.preferred) add_compat_entries(compat, plan);
  }
  for (const LibraryFolder& folder : facts.folders) plan_folder(folder, call.links_only, plan);
  if (!call.links_only) plan_folder_conf(facts, plan);
  return plan;
}

// ---- CUDA compatibility

Version version_of(const std::string& text, const char* option) {
  auto version = Version::parse(text);
  if (version) return *std::move(version);
  throw Error(Code::invalid_request, std::string(option) + " `" + text + "` is no version",
              "generate the CDI specification anew");
}

/// As NVIDIA's program: with only a CUDA version, the note of the libraries decides by it.
CompatDecision decide(const EnableCudaCompat& call, const HookFacts& facts) {
  const CompatLibraries& compat = *facts.compat;
  if (!call.driver_version.empty()) {
    const Version driver = version_of(call.driver_version, "--host-driver-version");
    const bool by_cuda = compat.note && compat.note->drivers.empty() && !call.cuda_version.empty();
    if (!by_cuda) return decide_cuda_compat(compat, driver, facts.gpu_models);
  }
  const Version cuda = version_of(call.cuda_version, "--host-cuda-version");
  const bool is_newer = compat.note && !compat.note->cuda.str().empty() && compat.note->cuda > cuda;
  return {.use = is_newer,
          .reason = std::string("their note does ") + (is_newer ? "" : "not ") +
                    "say a newer CUDA version than the host's " + cuda.str()};
}

Plan plan_of(const EnableCudaCompat& call, const HookFacts& facts) {
  Plan plan;
  if (call.driver_version.empty() && call.cuda_version.empty()) return plan;
  const auto decision = facts.compat ? decide(call, facts) : CompatDecision{};
  if (facts.compat) {
    plan.notes.push_back(info("CUDA compatibility libraries in " + facts.compat->directory.str() +
                              (decision.use ? " are used: " : " are not used: ") +
                              decision.reason));
  }
  if (decision.use) {
    add_compat_entries(*facts.compat, plan);
    add_conf(kCompatConf, facts.compat->directory.str() + "\n", decision.reason, facts, plan);
  } else if (!facts.compat_conf.value_or("").empty()) {
    // Of another container, of which the image was made.
    plan.texts.push_back({.path = kCompatConf, .text = "", .reason = "not for this driver"});
  }
  return plan;
}

// ---- the rest

/// Whether the container was given the nodes that administer MIG, as management containers are.
bool administers_mig(const std::vector<SpecNode>& nodes, const Inventory& driver) {
  const auto& all = driver.mig_capabilities;
  return std::any_of(all.begin(), all.end(), [&](const MigCapability& capability) {
    const DeviceNumber number{driver.nvidia_caps_major.value_or(0), capability.minor};
    return capability.role != MigCapability::Role::instance &&
           std::any_of(nodes.begin(), nodes.end(),
                       [&](const SpecNode& node) { return node.number == number; });
  });
}

Plan plan_of(const DisableNodeModification& /*call*/, const HookFacts& facts) {
  if (!facts.driver) return {};
  const Inventory& driver = *facts.driver;
  const Request request{.devices = GrantedNodes{facts.nodes},
                        .devices_source = "disable-device-node-modification",
                        .mig_config = administers_mig(facts.nodes, driver)};
  const ContainerFacts container{.mount_label = facts.mount_label};
  const Config config;
  PlanBuilder builder;
  plan_proc_view({.request = request,
                  .inventory = driver,
                  .container = container,
                  .config = config,
                  .selected = select_devices(request.devices, driver)},
                 builder);
  return builder.take();
}

Plan plan_of(const UpdateApplicationProfile& /*call*/, const HookFacts& facts) {
  Plan plan;
  if (facts.gpu_minors.empty()) return plan;
  plan.texts.push_back({.path = ContainerPath(kProfile),
                        .text = application_profile(facts.gpu_minors),
                        .reason = "EGL sees the container's GPUs only"});
  return plan;
}

Plan plan_of(const ChangeModes& call, const HookFacts& /*facts*/) {
  Plan plan;
  for (const std::string& path : call.paths) {
    plan.modes.push_back({.path = ContainerPath(clean_path("/" + path)), .mode = call.mode});
  }
  return plan;
}

Plan plan_of(const NoHook& /*call*/, const HookFacts& /*facts*/) { return {}; }

}  // namespace

Plan plan_hook(const HookCall& call, const HookFacts& facts) {
  Plan plan = std::visit([&](const auto& one) { return plan_of(one, facts); }, call);
  plan.notes.insert(plan.notes.begin(), facts.notes.begin(), facts.notes.end());
  return plan;
}

}  // namespace nvhook
