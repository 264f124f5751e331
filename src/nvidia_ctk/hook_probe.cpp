// SPDX-License-Identifier: Apache-2.0
// One function for each hook that needs facts.
#include "nvidia_ctk/hook_probe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <string_view>

#include "host/facts/proc_text.hpp"
#include "host/host_probe.hpp"
#include "image/compat_libraries.hpp"
#include "image/container_probe.hpp"
#include "nvidia_ctk/folder_probe.hpp"
#include "os/mount_root.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConf = 64UL << 10U;
constexpr std::size_t kMaxConfFiles = 16;
constexpr std::size_t kMaxProcText = 64UL << 10U;
constexpr const char* kDriverView = "/proc/driver/nvidia";

/// The directories that drop-ins with NVIDIA's prefix put before all others.
std::vector<std::string> preferred_directories(const RootDir& rootfs) {
  std::vector<std::string> directories;
  auto names = rootfs.list(kLoaderConfDirectory.str(), [](std::string_view name) {
    return name.starts_with("00-compat-") && name.ends_with(".conf");
  });
  if (names.size() > kMaxConfFiles) names.resize(kMaxConfFiles);
  for (const std::string& name : names) {
    const auto text = rootfs.read((kLoaderConfDirectory / name).str(), kMaxConf);
    if (!text) continue;
    for (const std::string_view line : split_list(*text, '\n')) {
      const bool is_new =
          std::find(directories.begin(), directories.end(), line) == directories.end();
      if (line.starts_with('/') && is_new) directories.emplace_back(line);
    }
  }
  if (directories.size() > kMaxConfFiles) directories.resize(kMaxConfFiles);
  return directories;
}

bool has_ld_so_conf(const RootDir& rootfs) {
  return static_cast<bool>(rootfs.open(kLoaderConf.str(), O_PATH));
}

/// Minor numbers of the GPUs' nodes in the container's /dev.
std::vector<unsigned> minors_in_dev(const RootDir& rootfs) {
  std::vector<unsigned> minors;
  const auto names = rootfs.list(
      "/dev", [](std::string_view name) { return parse_numbered(name, "nvidia").has_value(); });
  for (const std::string& name : names) {
    const UniqueFd node = rootfs.open("/dev/" + name, O_PATH | O_NOFOLLOW);
    if (!node) continue;
    const FileStatus status = status_of(node.get());
    if (status.is_character_device()) minors.push_back(status.device_minor);
  }
  std::sort(minors.begin(), minors.end());
  return minors;
}

/// The nodes of GPUs and of MIG, as the engine would have written them.
std::vector<SpecNode> driver_nodes(const RootDir& rootfs) {
  std::vector<SpecNode> nodes;
  for (const char* directory : {"/dev/", "/dev/nvidia-caps/"}) {
    const auto names =
        rootfs.list(directory, [](std::string_view name) { return name.starts_with("nvidia"); });
    for (const std::string& name : names) {
      const std::string path = directory + name;
      const UniqueFd node = rootfs.open(path, O_PATH | O_NOFOLLOW);
      if (!node) continue;
      const FileStatus status = status_of(node.get());
      if (!status.is_character_device()) continue;
      nodes.push_back(
          {.path = path, .number = DeviceNumber{status.device_major, status.device_minor}});
    }
  }
  return nodes;
}

std::vector<std::string> models_of(const std::vector<unsigned>& minors, const RootDir& system) {
  const std::string gpus = "/proc/driver/nvidia/gpus/";
  std::vector<std::string> models;
  for (const std::string& pci : system.list(gpus)) {
    const auto text = system.read(gpus + pci + "/information", kMaxProcText);
    const auto gpu = text ? parse_gpu_information(*text, pci) : std::nullopt;
    if (gpu && std::find(minors.begin(), minors.end(), gpu->minor) != minors.end()) {
      models.push_back(gpu->model);
    }
  }
  return models;
}

class Probe {
 public:
  Probe(const RootDir& rootfs, const OwnLayer& layer, const RootDir& system,
        const ContainerSpec* spec)
      : rootfs_(rootfs), layer_(layer), system_(system), spec_(spec) {}

  HookFacts take() { return std::move(facts_); }

  void operator()(const UpdateLoaderCache& call) {
    const ContainerFacts image = probe_container(rootfs_, {});
    facts_.musl_path_file = image.musl_path_file;
    facts_.folders = probe_folders(call.folders, image, rootfs_, layer_, spec_, facts_.notes);
    if (call.links_only || !facts_.musl_path_file.empty()) return;
    facts_.has_ld_so_conf = has_ld_so_conf(rootfs_);
    facts_.folder_conf = rootfs_.read(kFolderConf.str(), kMaxConf);
    for (const std::string& directory : preferred_directories(rootfs_)) {
      auto compat = find_compat_libraries(rootfs_, directory, facts_.notes);
      if (compat) facts_.preferred.push_back(*std::move(compat));
    }
  }

  void operator()(const EnableCudaCompat& call) {
    if (call.driver_version.empty() && call.cuda_version.empty()) return;
    facts_.compat = find_compat_libraries(rootfs_, call.directory, facts_.notes);
    facts_.compat_conf = rootfs_.read(kCompatConf.str(), kMaxConf);
    if (!facts_.compat) return;
    facts_.has_ld_so_conf = has_ld_so_conf(rootfs_);
    facts_.gpu_models = models_of(minors_in_dev(rootfs_), system_);
  }

  void operator()(const DisableNodeModification& /*call*/) {
    const UniqueFd view = rootfs_.open(kDriverView, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!view || is_mount_root(view.get(), rootfs_)) return;
    try {
      facts_.driver = probe_kernel_driver({.system = system_, .driver = system_}, {});
    } catch (const Error& error) {
      if (error.code() != Code::driver_not_loaded) throw;
      facts_.notes.push_back(
          warning(std::string(kDriverView) + " stays as it is: " + error.what()));
      return;
    }
    facts_.nodes = driver_nodes(rootfs_);
  }

  void operator()(const UpdateApplicationProfile& /*call*/) {
    facts_.gpu_minors = minors_in_dev(rootfs_);
  }

  void operator()(const CreateSymlinks& /*call*/) {}
  void operator()(const ChangeModes& /*call*/) {}
  void operator()(const NoHook& /*call*/) {}

 private:
  const RootDir& rootfs_;
  const OwnLayer& layer_;
  const RootDir& system_;
  const ContainerSpec* spec_;
  HookFacts facts_ = {};
};

}  // namespace

HookFacts probe_for_hook(const HookCall& call, const RootDir& rootfs, const OwnLayer& layer,
                         const RootDir& system, const ContainerSpec* spec) {
  Probe probe(rootfs, layer, system, spec);
  std::visit(probe, call);
  return probe.take();
}

}  // namespace nvhook
