// SPDX-License-Identifier: Apache-2.0
// Each finding is reported once, even if several devices have it.
#include "cdi/cdi_findings.hpp"

#include <algorithm>
#include <functional>

#include "host/gpu/gpu_selection.hpp"
#include "request/device_name.hpp"
#include "text/error.hpp"
#include "text/paths.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Names = std::set<std::string>;

void for_each_edits(const CdiSpec& spec, const std::function<void(const CdiEdits&)>& visit) {
  visit(spec.edits);
  for (const CdiDevice& device : spec.devices) visit(device.edits);
}

std::string to_text(const Names& names) { return join({names.begin(), names.end()}, ", "); }

/// `/a/b`, or `/a/b and 3 more`.
std::string first_of(const Names& names) {
  const std::string more =
      names.size() == 1 ? "" : " and " + std::to_string(names.size() - 1) + " more";
  return "`" + *names.begin() + "`" + more;
}

/// The driver version in the name of a library: `libcuda.so.535.54.03`. Libraries that come with
/// the driver but have versions of their own have small major numbers.
std::optional<Version> driver_of(const std::string& path) {
  constexpr std::string_view kMark = ".so.";
  constexpr unsigned kFirstBranch = 100;
  const std::string name = HostPath(path).filename();
  const auto mark = name.find(kMark);
  if (mark == std::string::npos) return std::nullopt;
  const std::string suffix = name.substr(mark + kMark.size());
  const auto branch = parse_unsigned(suffix.substr(0, suffix.find('.')));
  if (!branch || *branch < kFirstBranch || suffix.find('.') == std::string::npos) {
    return std::nullopt;
  }
  return Version::parse(suffix);
}

bool is_numbered(std::string_view path, std::string_view prefix) {
  return path.starts_with(prefix) && parse_unsigned(path.substr(prefix.size()));
}

/// The nodes that belong to one GPU or one MIG device.
Names own_nodes(const CdiEdits& edits) {
  Names names;
  for (const CdiNode& node : edits.nodes) {
    if (is_numbered(node.path, "/dev/nvidia") ||
        is_numbered(node.path, "/dev/nvidia-caps/nvidia-cap")) {
      names.insert(node.path);
    }
  }
  return names;
}

std::string gpu_node(unsigned minor) { return "/dev/nvidia" + std::to_string(minor); }

Names nodes_of(const MigDevice& device, const Inventory& inventory) {
  Names names;
  for (const MigCapability& capability : inventory.mig_capabilities) {
    if (!opens(capability, device)) continue;
    names.insert("/dev/nvidia-caps/nvidia-cap" + std::to_string(capability.minor));
  }
  return names;
}

Names nodes_of(const SelectedDevices& selected, const Inventory& inventory) {
  Names names;
  for (const Gpu& gpu : selected.gpus) names.insert(gpu_node(gpu.minor));
  for (const MigDevice& device : selected.mig_devices) names.merge(nodes_of(device, inventory));
  return names;
}

class Check {
 public:
  Check(const CdiSpec& spec, const Inventory& inventory, const CdiPaths& paths)
      : spec_(spec), inventory_(inventory), paths_(paths) {}

  std::vector<CdiFinding> make() {
    check_version();
    check_files();
    for_each_edits(spec_, [&](const CdiEdits& edits) {
      for (const CdiNode& node : edits.nodes) check_node(node);
      for (const CdiHook& hook : edits.hooks) check_hook(hook);
    });
    if (is_of_gpus() && !inventory_.is_wsl) {
      for (const CdiDevice& device : spec_.devices) check_device(device);
      check_names();
    }
    return std::move(findings_);
  }

 private:
  void add(CdiFinding finding) {
    if (std::find(findings_.begin(), findings_.end(), finding) == findings_.end()) {
      findings_.push_back(std::move(finding));
    }
  }
  void broken(std::string text) { add({.is_broken = true, .text = std::move(text)}); }
  void lacking(std::string text) { add({.text = std::move(text)}); }

  [[nodiscard]] CdiPathFacts facts_of(const std::string& path) const {
    const auto found = paths_.find(path);
    return found == paths_.end() ? CdiPathFacts() : found->second;
  }

  [[nodiscard]] bool is_of_gpus() const {
    return spec_.kind.ends_with("nvidia.com/gpu") || is_of_this_program(spec_);
  }

  /// Engines compute the version that a specification needs, and refuse one that says less.
  void check_version() {
    const std::string required = required_cdi_version(spec_);
    const auto version = Version::parse(spec_.version);
    if (version && *version < *Version::parse(required)) {
      broken("engines refuse it: cdiVersion is " + spec_.version + ", and it uses what needs " +
             required);
    }
  }

  void check_files() {
    const std::string& loaded = inventory_.driver.str();
    Names gone;
    std::map<std::string, Names> foreign;
    for_each_edits(spec_, [&](const CdiEdits& edits) {
      for (const CdiMount& mount : edits.mounts) {
        if (!facts_of(mount.host_path).exists) gone.insert(mount.host_path);
        const auto version = driver_of(mount.host_path);
        if (version && !loaded.empty() && version->str() != loaded) {
          foreign[version->str()].insert(mount.host_path);
        }
      }
    });
    if (!gone.empty()) broken("gone from the host: " + first_of(gone));
    for (const auto& [version, files] : foreign) {
      broken("of driver " + version + ", and " + loaded + " is loaded: " + first_of(files));
    }
  }

  void check_node(const CdiNode& node) {
    const CdiPathFacts facts = facts_of(node.source());
    if (!facts.exists) return broken("gone from the host: device node `" + node.source() + "`");
    if (!facts.number) return broken("`" + node.source() + "` is no device node");
    const auto known =
        std::find_if(inventory_.nodes.begin(), inventory_.nodes.end(),
                     [&](const DeviceNode& one) { return one.file.path.str() == node.path; });
    if (known != inventory_.nodes.end() && *facts.number != known->number) {
      return broken("`" + node.source() + "` on the host is device " + to_string(*facts.number) +
                    ", and the driver's is " + to_string(known->number) +
                    ": remove that node and run `oci-nvidia-hook create-device-nodes`");
    }
    if (node.number && *node.number != *facts.number) {
      broken("`" + node.path + "` is device " + to_string(*node.number) + " there, and " +
             to_string(*facts.number) + " now");
    }
  }

  void check_hook(const CdiHook& hook) {
    const CdiPathFacts facts = facts_of(hook.path);
    if (!facts.exists) {
      return add({.is_broken = true,
                  .text = "gone from the host: hook `" + hook.path + "`",
                  .gone_hook = hook.path});
    }
    if (!facts.executable) broken("the hook `" + hook.path + "` is no program");
  }

  void check_device(const CdiDevice& device) {
    if (device.name == "all") return check_all(device);
    const std::string qualified = "nvidia.com/gpu=" + device.name;
    const std::string name(without_cdi_kind(qualified));  // `gpu0` is `0`
    const DeviceNameKind kind = parse_device_name(name).kind;
    if (kind == DeviceNameKind::other) return;
    SelectedDevices selected;
    try {
      selected = select_devices(DeviceNames{name}, inventory_);
    } catch (const Error&) {
      return broken("`" + device.name + "` is gone: this host has no such " +
                    (is_mig(kind) ? "MIG device" : "GPU"));
    }
    const Names expected = nodes_of(selected, inventory_);
    const Names given = own_nodes(device.edits);
    if (given != expected) {
      broken("`" + device.name + "` gives " + (given.empty() ? "no node" : to_text(given)) +
             ", and its " + (expected.size() == 1 ? "node is " : "nodes are ") + to_text(expected) +
             " now");
    }
  }

  void check_all(const CdiDevice& device) {
    Names lacking_nodes = nodes_of(select_devices(AllDevices{}, inventory_), inventory_);
    for (const std::string& path : own_nodes(device.edits)) lacking_nodes.erase(path);
    if (!lacking_nodes.empty()) lacking("`all` lacks " + to_text(lacking_nodes));
  }

  /// Each GPU must have a name that gives its node, and each MIG device a name that gives all of
  /// its nodes.
  void check_names() {
    const auto has_name = [&](const Names& nodes) {
      return std::any_of(spec_.devices.begin(), spec_.devices.end(), [&](const CdiDevice& device) {
        const Names given = own_nodes(device.edits);
        return device.name != "all" &&
               std::includes(given.begin(), given.end(), nodes.begin(), nodes.end());
      });
    };
    const std::string& first = spec_.devices.front().name;
    if (spec_.devices.size() == 1 && (first == "all" || first == "none")) return;
    for (const Gpu& gpu : inventory_.gpus) {
      if (has_name({gpu_node(gpu.minor)})) continue;
      lacking("GPU " + std::to_string(gpu.index) + " (" + gpu.uuid + ") has no name in it");
    }
    for (const MigDevice& device : inventory_.mig_devices) {
      const Names nodes = nodes_of(device, inventory_);
      if (!nodes.empty() && !has_name(nodes)) {
        lacking("the MIG device " + to_string(device) + " has no name in it");
      }
    }
  }

  const CdiSpec& spec_;
  const Inventory& inventory_;
  const CdiPaths& paths_;
  std::vector<CdiFinding> findings_ = {};
};

}  // namespace

std::set<std::string> host_paths(const CdiSpec& spec) {
  Names paths;
  for_each_edits(spec, [&](const CdiEdits& edits) {
    for (const CdiNode& node : edits.nodes) paths.insert(node.source());
    for (const CdiMount& mount : edits.mounts) paths.insert(mount.host_path);
    for (const CdiHook& hook : edits.hooks) paths.insert(hook.path);
  });
  return paths;
}

bool is_of_this_program(const CdiSpec& spec) {
  bool found = false;
  for_each_edits(spec, [&](const CdiEdits& edits) {
    found = found || std::any_of(edits.hooks.begin(), edits.hooks.end(), [](const CdiHook& hook) {
              return HostPath(hook.path).filename() == "oci-nvidia-hook";
            });
  });
  return found;
}

std::vector<CdiFinding> check_cdi(const CdiSpec& spec, const Inventory& inventory,
                                  const CdiPaths& paths) {
  return Check(spec, inventory, paths).make();
}

}  // namespace nvhook
