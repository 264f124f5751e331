// SPDX-License-Identifier: Apache-2.0
// One plan without a GPU is common to all devices; each device has what its own plan adds.
#include "cdi/cdi_plan.hpp"

#include <algorithm>
#include <set>

#include "plan/node_access.hpp"
#include "plan/planner.hpp"
#include "plan/spec_edit.hpp"
#include "plan/spec_hooks.hpp"
#include "plan/spec_steps.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

/// Files are mounted by the engine. Sockets and directories of daemons come and go, and an engine
/// does not start a container if a source is missing, so they are left to the hook.
bool is_file_for_engine(const BindMount& mount, const Plan& plan) {
  BindMount needed = mount;
  needed.optional = mount.optional && mount.type != SourceType::regular;
  return is_for_spec(needed, plan);
}

/// Nodes of /dev/dri do not count: they belong to a group on most desktops, few containers need
/// them, and engines before CDI 0.7 refuse a specification that names groups.
std::vector<unsigned> groups_for_engine(const Plan& plan) {
  std::vector<ClosedNode> nodes = plan.closed_nodes;
  std::erase_if(nodes, [](const ClosedNode& node) { return node.path.starts_with("/dev/dri/"); });
  return groups_of(nodes);
}

class Generator {
 public:
  Generator(const Inventory& inventory, const ContainerFacts& layout, const Config& config,
            const CdiOptions& options)
      : inventory_(inventory), layout_(layout), config_(config), options_(options) {}

  [[nodiscard]] CdiSpec spec() {
    CdiSpec spec{.kind = options_.kind};
    spec.edits = edits_of(plan_for(NoDevices{}));
    spec.edits.environment = {"NVIDIA_VISIBLE_DEVICES=void"};
    spec.edits.hooks = {hook()};
    for (const CdiName& name : cdi_names(inventory_, options_.naming)) {
      CdiEdits edits = edits_of(plan_for(name.selection));
      remove(edits.nodes, spec.edits.nodes);
      remove(edits.mounts, spec.edits.mounts);
      remove(edits.groups, spec.edits.groups);
      spec.devices.push_back({.name = name.name, .edits = std::move(edits)});
    }
    if (options_.allow_in_builds) spec.annotations = {{kAllowInBuilds, "true"}};
    spec.version = required_cdi_version(spec);
    return spec;
  }

 private:
  /// On WSL2 the only node is that of the GPUs, and engines refuse a device without any edit.
  [[nodiscard]] Plan plan_for(const DeviceSelection& selection) const {
    const bool is_common = std::holds_alternative<NoDevices>(selection);
    return make_plan({.devices = selection,
                      .devices_source = "CDI",
                      .capabilities = options_.capabilities & config_.supported_capabilities,
                      .left_out = {.device_nodes = is_common && inventory_.is_wsl}},
                     inventory_, layout_, config_);
  }

  [[nodiscard]] CdiEdits edits_of(const Plan& plan) const {
    CdiEdits edits;
    for (const BindMount& mount : plan.mounts) {
      const std::string source = host_path(mount.source, config_.driver_root);
      const std::string& target = mount.target.str();
      if (mount.device) {
        edits.nodes.push_back(
            {.path = target, .host_path = source == target ? "" : source, .permissions = "rw"});
      } else if (options_.mode == CdiMode::full && is_file_for_engine(mount, plan)) {
        std::vector<std::string> words = option_names(mount.attributes);
        words.insert(words.begin(), "bind");
        words.emplace_back("private");
        edits.mounts.push_back(
            {.host_path = source, .container_path = target, .options = std::move(words)});
      }
    }
    edits.groups = groups_for_engine(plan);
    return edits;
  }

  [[nodiscard]] CdiHook hook() const {
    CdiHook hook{.stage = "createRuntime",
                 .path = options_.hook,
                 .arguments = {"oci-nvidia-hook"},
                 .environment = {kHookPath}};
    if (!options_.config_file.empty()) {
      hook.arguments.push_back("-config=" + options_.config_file);
    }
    const CapabilitySet& wanted = options_.capabilities;
    const bool all = wanted == CapabilitySet::all();
    hook.arguments.push_back(kCdiFlag + ("=" + (all ? "all" : to_string(wanted))));
    hook.arguments.emplace_back("createRuntime");
    return hook;
  }

  template <typename T>
  static void remove(std::vector<T>& items, const std::vector<T>& common) {
    std::erase_if(items, [&](const T& item) {
      return std::find(common.begin(), common.end(), item) != common.end();
    });
  }

  const Inventory& inventory_;
  const ContainerFacts& layout_;
  const Config& config_;
  const CdiOptions& options_;
};

void add(std::vector<CdiName>& names, const std::string& name) {
  names.push_back({.name = name, .selection = DeviceNames{name}});
}

void add_names(const Gpu& gpu, CdiNaming naming, std::vector<CdiName>& names) {
  if (naming.by_index) add(names, std::to_string(gpu.index));
  if (naming.by_uuid && !gpu.uuid.empty()) add(names, gpu.uuid);
}

void add_names(const Gpu& gpu, const MigDevice& device, CdiNaming naming,
               std::vector<CdiName>& names) {
  if (naming.by_index && device.index) {
    add(names, std::to_string(gpu.index) + ":" + std::to_string(*device.index));
  }
  // Names of drivers before 470 contain a slash, which CDI does not allow.
  const bool can_be_name = !device.uuid.empty() && device.uuid.find('/') == std::string::npos;
  if (naming.by_uuid && can_be_name) add(names, device.uuid);
}

}  // namespace

std::vector<CdiName> cdi_names(const Inventory& inventory, CdiNaming naming) {
  std::vector<CdiName> names;
  // WSL2 has one node for all GPUs.
  for (const Gpu& gpu : inventory.is_wsl ? std::vector<Gpu>() : inventory.gpus) {
    add_names(gpu, naming, names);
    for (const MigDevice& device : inventory.mig_devices) {
      if (device.gpu_minor == gpu.minor) add_names(gpu, device, naming, names);
    }
  }
  names.push_back({.name = "all", .selection = AllDevices{}});
  return names;
}

CdiSpec to_cdi(const Inventory& inventory, const ContainerFacts& layout, const Config& config,
               const CdiOptions& options) {
  if (inventory.gpus.empty() && !inventory.is_wsl) {
    throw Error(Code::unknown_device, "this host has no GPU to name in a CDI specification",
                "look with `oci-nvidia doctor` why the driver has none");
  }
  return Generator(inventory, layout, config, options).spec();
}

}  // namespace nvhook
