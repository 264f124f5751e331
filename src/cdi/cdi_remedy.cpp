// SPDX-License-Identifier: Apache-2.0
// The options of a specification are read from what it says; the steps of a remedy follow from who
// wrote it.
#include "cdi/cdi_remedy.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include "cdi/cdi_discovery.hpp"
#include "cdi/cdi_hooks.hpp"
#include "cdi/cdi_names.hpp"
#include "request/device_name.hpp"
#include "text/paths.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::vector<CdiHook> hooks_of(const CdiSpec& spec) {
  std::vector<CdiHook> hooks = spec.edits.hooks;
  for (const CdiDevice& device : spec.devices) {
    hooks.insert(hooks.end(), device.edits.hooks.begin(), device.edits.hooks.end());
  }
  return hooks;
}

bool is_gone(const std::string& hook, const std::vector<CdiFinding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [&](const CdiFinding& finding) { return finding.gone_hook == hook; });
}

/// What precedes `inside` in `outside`, its path on the host; nullopt if it is another path.
std::optional<std::string> root_of(const std::string& outside, const std::string& inside) {
  if (!outside.ends_with(inside)) return std::nullopt;
  return outside.substr(0, outside.size() - inside.size());
}

class GenerateCommand {
 public:
  GenerateCommand(const CdiSpec& spec, const std::vector<CdiFinding>& findings,
                  std::string own_hook)
      : spec_(spec),
        findings_(findings),
        own_hook_(std::move(own_hook)),
        hooks_(hooks_of(spec)),
        discovery_(discovery_of_kind(spec.kind)) {}

  std::string text(const std::string& file) {
    add_if(discovery_ != CdiDiscovery::automatic, "--discovery-mode",
           std::string(to_string(discovery_)));
    if (is_of_gpus(discovery_) || discovery_ == CdiDiscovery::management) add_driver();
    add_if(spec_.kind != default_kind(discovery_), "--kind", spec_.kind);
    add_names();
    const auto allowed = spec_.annotations.find(kAllowInBuilds);
    if (allowed != spec_.annotations.end() && allowed->second == "true") add("--allow-in-builds");
    return text_ + " --output " + shell_word(file);
  }

 private:
  void add(const std::string& option) { text_ += " " + option; }
  void add_if(bool is_shown, const std::string& option, const std::string& value) {
    if (is_shown) add(option + " " + shell_word(value));
  }

  /// The value of `flag` in the arguments of our hook; empty if there is none.
  [[nodiscard]] std::string hook_value(std::string_view flag) const {
    for (const CdiHook& hook : hooks_) {
      for (const std::string& word : hook.arguments) {
        if (word.starts_with(flag)) return word.substr(flag.size());
      }
    }
    return {};
  }

  void add_driver() {
    if (hooks_.empty()) {
      add_if(spec_.edits.mounts.empty(), "--mode", "thin");
      add("--disable-hook all");
    } else if (is_nvidia_hook(hooks_.front().path)) {
      add_nvidia_calls();
    } else {
      add_own_hook();
    }
  }

  void add_own_hook() {
    const std::string config = hook_value("-config=");
    const std::string capabilities = hook_value("-cdi=");
    const std::string& path = hooks_.front().path;
    add_if(!config.empty(), "--config", config);
    add_if(path != own_hook_ && is_of_this_program(spec_) && !is_gone(path, findings_), "--hook",
           path);
    add_if(spec_.edits.mounts.empty(), "--mode", "thin");
    add_if(!capabilities.empty() && capabilities != "all", "--capabilities", capabilities);
  }

  void add_nvidia_calls() {
    const std::string& path = hooks_.front().path;
    add_if(true, "--hook",
           is_gone(path, findings_) ? "/usr/bin/" + HostPath(path).filename() : path);
    for (const char* name :
         {"enable-cuda-compat", "update-ldcache", "disable-device-node-modification"}) {
      const bool is_called = std::any_of(hooks_.begin(), hooks_.end(), [&](const CdiHook& hook) {
        const auto& words = hook.arguments;
        return std::find(words.begin(), words.end(), name) != words.end();
      });
      add_if(!is_called, "--disable-hook", name);
    }
    add_roots();
  }

  /// A node's two paths show the root of /dev.
  void add_roots() {
    const std::string driver_root = shown_driver_root();
    add_if(!driver_root.empty(), "--driver-root", driver_root);
    for (const CdiNode& node : spec_.edits.nodes) {
      const auto root = root_of(node.source(), node.path);
      if (!root || *root == driver_root) continue;
      return add_if(true, "--dev-root", root->empty() ? "/" : *root);
    }
  }

  /// The root of the files that have their place of the host in the container, if all are below it.
  /// In /usr and /var a host with merged directories has what is elsewhere in the container.
  [[nodiscard]] std::string shown_driver_root() const {
    std::string shown;
    for (const CdiMount& mount : spec_.edits.mounts) {
      const auto root = root_of(mount.host_path, mount.container_path);
      if (root && !root->empty() && *root != "/usr" && *root != "/var") shown = *root;
    }
    const bool is_of_all = std::all_of(
        spec_.edits.mounts.begin(), spec_.edits.mounts.end(),
        [&](const CdiMount& mount) { return mount.host_path.starts_with(shown + "/"); });
    return is_of_all ? shown : std::string();
  }

  void add_names() {
    const bool has_names = is_of_gpus(discovery_);
    CdiNaming naming{.by_index = false, .by_uuid = false};
    bool has_all = false;
    for (const CdiDevice& device : spec_.devices) {
      if (has_names && device.name == "none") return add("--device none");
      has_all = has_all || device.name == "all";
      note_sort(device.name, naming);
    }
    std::vector<std::string> sorts;
    if (naming.by_index) sorts.emplace_back("index");
    if (naming.by_uuid) sorts.emplace_back("uuid");
    if (naming.by_type_index) sorts.emplace_back("type-index");
    const std::string list = join(sorts, ",");
    add_if(has_names && !list.empty() && list != "index,uuid", "--device-names", list);
    if ((has_names || discovery_ == CdiDiscovery::imex) && !has_all) add("--no-all-device");
  }

  static void note_sort(const std::string& name, CdiNaming& naming) {
    const std::string qualified = "nvidia.com/gpu=" + name;
    const std::string_view bare = without_cdi_kind(qualified);
    const DeviceNameKind kind = parse_device_name(bare).kind;
    const bool is_index = kind == DeviceNameKind::index || kind == DeviceNameKind::mig_index;
    if (is_index && bare != name) naming.by_type_index = true;
    if (is_index && bare == name) naming.by_index = true;
    if (kind == DeviceNameKind::gpu_uuid || kind == DeviceNameKind::mig_uuid) {
      naming.by_uuid = true;
    }
  }

  const CdiSpec& spec_;
  const std::vector<CdiFinding>& findings_;
  std::string own_hook_;
  std::vector<CdiHook> hooks_;
  CdiDiscovery discovery_;
  std::string text_ = "oci-nvidia cdi generate";
};

/// Who writes the file anew, if it is neither this program nor NVIDIA's nvidia-ctk.
std::string other_writer(const CdiSpec& spec) {
  if (is_of_this_program(spec)) return {};
  if (spec.kind.starts_with("k8s.device-plugin.nvidia.com/")) {
    return "restart NVIDIA's device plugin, which writes the file at its start (`kubectl rollout "
           "restart daemonset`, in its namespace)";
  }
  if (spec.kind.starts_with("k8s.")) {
    return "delete the pod, and let it be made anew: the DRA driver writes a file for each claim";
  }
  if (!spec.kind.starts_with("nvidia.com/") &&
      spec.kind.find(".nvidia.com/") == std::string::npos) {
    return "write the file anew with what wrote it, or remove it";
  }
  return {};
}

/// The packages that have the hooks that are gone, each once.
std::vector<std::string> packages_for(const std::vector<CdiFinding>& findings) {
  std::vector<std::string> packages;
  const auto add = [&](const char* name) {
    if (std::find(packages.begin(), packages.end(), name) == packages.end()) {
      packages.emplace_back(name);
    }
  };
  for (const CdiFinding& finding : findings) {
    const std::string program = HostPath(finding.gone_hook).filename();
    if (program == "nvidia-cdi-hook") add("oci-nvidia-cdi-hook");
    if (program == "nvidia-ctk") add("oci-nvidia-hook");
  }
  return packages;
}

/// Whether a package brings all that is gone to where the file says it is.
bool is_package_enough(const std::vector<CdiFinding>& findings) {
  return std::all_of(findings.begin(), findings.end(), [](const CdiFinding& finding) {
    return finding.gone_hook == "/usr/bin/nvidia-cdi-hook" ||
           finding.gone_hook == "/usr/bin/nvidia-ctk";
  });
}

}  // namespace

std::string cdi_generate_command(const CdiSpec& spec, const std::string& file,
                                 const std::vector<CdiFinding>& findings,
                                 const std::string& own_hook) {
  return GenerateCommand(spec, findings, own_hook).text(file);
}

std::string cdi_remedy(const CdiFile& file, const std::vector<CdiFinding>& findings,
                       const std::vector<CdiEntry>& entries, const std::string& own_hook) {
  if (!file.spec) return "correct the file, or remove it";
  const CdiEntry* elsewhere = nullptr;
  bool all_hidden = true;
  for (const CdiEntry& entry : entries) {
    if (entry.file != file.path) continue;
    all_hidden = all_hidden && entry.state == CdiEntryState::hidden;
    if (entry.state != CdiEntryState::usable) elsewhere = &entry;
  }
  if (elsewhere != nullptr && all_hidden) {
    return "remove " + shell_word(file.path) + ", which engines do not use beside " +
           elsewhere->other_file;
  }
  std::vector<std::string> steps;
  for (const std::string& package : packages_for(findings)) {
    steps.push_back("install the package " + package);
  }
  if (!is_package_enough(findings)) {
    const std::string writer = other_writer(*file.spec);
    steps.push_back(writer.empty() ? cdi_generate_command(*file.spec, file.path, findings, own_hook)
                                   : writer);
  }
  if (elsewhere != nullptr) {
    steps.push_back("remove " + shell_word(file.path) + " or " + shell_word(elsewhere->other_file) +
                    ", which define the same names");
  }
  return join(steps, ", then ");
}

}  // namespace nvhook
