// SPDX-License-Identifier: Apache-2.0
// One plan without a device is common to all; each device has what its own plan adds.
#include "cdi/cdi_plan.hpp"

#include <algorithm>

#include "image/cuda_compat.hpp"
#include "plan/node_access.hpp"
#include "plan/plan_builder.hpp"
#include "plan/planner.hpp"
#include "plan/spec_edit.hpp"
#include "plan/spec_hooks.hpp"
#include "plan/spec_steps.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Which mounts of a plan an engine makes.
enum class Mounts {
  none,
  /// Files alone. Sockets and directories of daemons come and go, and an engine does not start a
  /// container if a source is missing, so they are left to our hook. So is what goes to another
  /// place in some images: a manifest there and in place of the image's own would be two.
  files,
  /// Also those, because no hook of ours runs. What lies where everybody can write is never
  /// there: the owner must be looked at when a container starts, and an engine does not.
  all,
};

bool is_for_engine(const BindMount& mount, const Plan& plan, Mounts mounts) {
  if (mounts == Mounts::none || (mounts == Mounts::all && mount.in_public_place)) return false;
  BindMount needed = mount;
  if (mounts == Mounts::all) {
    needed.optional = false;
    if (mount.type == SourceType::socket) needed.type = SourceType::regular;
  } else if (mount.type == SourceType::regular && !mount.by_image) {
    needed.optional = false;
  }
  return is_for_spec(needed, plan);
}

/// Nodes of /dev/dri do not count: they belong to a group on most desktops, few containers need
/// them, and engines before CDI 0.7 refuse a specification that names groups.
std::vector<unsigned> groups_for_engine(const Plan& plan) {
  std::vector<ClosedNode> nodes = plan.closed_nodes;
  std::erase_if(nodes, [](const ClosedNode& node) { return node.path.starts_with("/dev/dri/"); });
  return groups_of(nodes);
}

template <typename T>
void remove(std::vector<T>& items, const std::vector<T>& common) {
  std::erase_if(items, [&](const T& item) {
    return std::find(common.begin(), common.end(), item) != common.end();
  });
}

void remove(CdiEdits& edits, const CdiEdits& common) {
  remove(edits.nodes, common.nodes);
  remove(edits.mounts, common.mounts);
  remove(edits.groups, common.groups);
}

class Generator {
 public:
  Generator(const Inventory& inventory, const ContainerFacts& layout, const Config& config,
            const CdiOptions& options)
      : inventory_(inventory), layout_(layout), config_(config), options_(options) {
    spec_.kind = options.kind;
    spec_.edits.environment = {"NVIDIA_VISIBLE_DEVICES=void"};
    if (options.allow_in_builds) spec_.annotations = {{kAllowInBuilds, "true"}};
  }

  void add_gpus() {
    const Plan common = plan_for({.devices = NoDevices{}});
    add_driver(common);
    for (const CdiName& name : cdi_names(inventory_, options_.naming, options_.wanted)) {
      const Plan plan = plan_for({.devices = name.selection});
      CdiEdits edits = edits_of(plan, driver_mounts());
      remove(edits, spec_.edits);
      if (calls_nvidias()) edits.hooks = nvidia_link_calls(own_links(plan, common), calls());
      spec_.devices.push_back({.name = name.name, .edits = std::move(edits)});
    }
    if (spec_.devices.empty()) {
      throw Error(Code::unknown_device, "no device has a name of the sorts that are wanted",
                  "name other sorts with --device-names, or leave out --no-all-device");
    }
  }

  void add_management() {
    Request request{.devices = NoDevices{}};
    request.left_out.device_nodes = true;
    add_driver(plan_for(std::move(request)));
    PlanBuilder nodes;
    for (const DeviceNode& node : options_.management_nodes) nodes.node(node, "management");
    add_device("all", edits_of(nodes.take(), Mounts::none));
  }

  void add_imex_channels() {
    if (options_.imex_channels.empty()) refuse_empty(options_.discovery);
    for (const unsigned channel : options_.imex_channels) {
      add_device(std::to_string(channel), edits_beside_driver({channel}));
    }
    if (options_.wanted.all_device) {
      add_device("all", edits_beside_driver(options_.imex_channels));
    }
  }

  void add_feature() { add_device("all", edits_beside_driver({})); }

  [[nodiscard]] CdiSpec take() {
    // Engines refuse a device without any edit.
    for (CdiDevice& device : spec_.devices) {
      if (device.edits == CdiEdits()) device.edits.environment = spec_.edits.environment;
    }
    spec_.version = required_cdi_version(spec_);
    return std::move(spec_);
  }

 private:
  /// On WSL2 the only node is that of the GPUs, so it is not among what is common.
  [[nodiscard]] Plan plan_for(Request request) const {
    const bool is_common = std::holds_alternative<NoDevices>(request.devices);
    request.devices_source = "CDI";
    request.capabilities = options_.capabilities & config_.supported_capabilities;
    if (is_common && inventory_.is_wsl) request.left_out.device_nodes = true;
    return make_plan(request, inventory_, layout_, config_);
  }

  /// What all devices of a specification of the driver have in common.
  void add_driver(const Plan& common) {
    CdiEdits edits = edits_of(common, driver_mounts());
    edits.environment = spec_.edits.environment;
    if (calls_nvidias()) {
      edits.hooks = nvidia_calls(common, calls());
    } else if (options_.switches.is_on("all")) {
      edits.hooks = {own_hook()};
    }
    spec_.edits = std::move(edits);
  }

  void add_device(const std::string& name, CdiEdits edits) {
    if (edits.nodes.empty()) refuse_empty(options_.discovery);
    spec_.devices.push_back({.name = name, .edits = std::move(edits)});
  }

  /// What the planner adds to a container without GPUs for these channels, or for the feature.
  [[nodiscard]] CdiEdits edits_beside_driver(const std::vector<unsigned>& channels) const {
    const auto edits_for = [&](const Request& request) {
      return edits_of(make_plan(request, inventory_, layout_, config_), Mounts::all);
    };
    Request request = request_for(options_.discovery, options_.capabilities, channels);
    CdiEdits edits = edits_for(request);
    request.features = {};
    request.imex_channels = {};
    remove(edits, edits_for(request));
    return edits;
  }

  [[nodiscard]] CdiEdits edits_of(const Plan& plan, Mounts mounts) const {
    CdiEdits edits;
    for (const BindMount& mount : plan.mounts) {
      const std::string source = host_path(mount.source, config_.driver_root);
      const std::string& target = mount.target.str();
      if (mount.device) {
        edits.nodes.push_back(node_of(source, target));
      } else if (is_for_engine(mount, plan, mounts)) {
        std::vector<std::string> words = option_names(mount.attributes);
        words.insert(words.begin(), "bind");
        words.emplace_back("private");
        edits.mounts.push_back(
            {.host_path = source, .container_path = target, .options = std::move(words)});
      }
    }
    if (options_.groups) edits.groups = groups_for_engine(plan);
    return edits;
  }

  [[nodiscard]] CdiNode node_of(const std::string& source, const std::string& target) const {
    const std::string& root = options_.dev_root;
    const std::string host = root.empty() ? source : clean_path(root + target);
    return {.path = target, .host_path = host == target ? "" : host, .permissions = "rw"};
  }

  [[nodiscard]] bool calls_nvidias() const { return is_nvidia_hook(options_.hook); }

  [[nodiscard]] Mounts driver_mounts() const {
    if (options_.mode == CdiMode::thin) return Mounts::none;
    return calls_nvidias() || !options_.switches.is_on("all") ? Mounts::all : Mounts::files;
  }

  [[nodiscard]] NvidiaCalls calls() const {
    const Request request{.devices = AllDevices{}, .capabilities = options_.capabilities};
    const bool has_graphics =
        options_.capabilities.intersects({Capability::graphics, Capability::display});
    return {.path = options_.hook,
            .switches = options_.switches,
            .compat_driver =
                wants_cuda_compat(request, config_) ? inventory_.driver.str() : std::string(),
            .forbid_device_file_changes = !inventory_.is_wsl,
            .application_profile = has_graphics && !inventory_.is_wsl && !inventory_.gpus.empty()};
  }

  static std::vector<Symlink> own_links(const Plan& plan, const Plan& common) {
    std::vector<Symlink> links = plan.symlinks;
    remove(links, common.symlinks);
    return links;
  }

  [[nodiscard]] CdiHook own_hook() const {
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

  const Inventory& inventory_;
  const ContainerFacts& layout_;
  const Config& config_;
  const CdiOptions& options_;
  CdiSpec spec_ = {};
};

/// Throws if the host is none that the discovery is for.
void require_host(const Inventory& inventory, CdiDiscovery discovery) {
  if (discovery == CdiDiscovery::wsl && !inventory.is_wsl) refuse_empty(discovery);
  if (discovery == CdiDiscovery::nvml && inventory.is_wsl) {
    throw Error(Code::unknown_device,
                "discovery mode nvml found nothing: on WSL2 one node is all GPUs",
                "--discovery-mode wsl");
  }
  if (is_of_gpus(discovery) && inventory.gpus.empty() && !inventory.is_wsl) {
    throw Error(Code::unknown_device, "this host has no GPU to name in a CDI specification",
                "look with `oci-nvidia doctor` why the driver has none");
  }
}

}  // namespace

CdiSpec to_cdi(const Inventory& inventory, const ContainerFacts& layout, const Config& config,
               const CdiOptions& options) {
  require_host(inventory, options.discovery);
  Generator generator(inventory, layout, config, options);
  switch (options.discovery) {
    case CdiDiscovery::automatic:
    case CdiDiscovery::nvml:
    case CdiDiscovery::wsl:
      generator.add_gpus();
      break;
    case CdiDiscovery::management:
      generator.add_management();
      break;
    case CdiDiscovery::imex:
      generator.add_imex_channels();
      break;
    case CdiDiscovery::gds:
    case CdiDiscovery::mofed:
    case CdiDiscovery::gdrcopy:
    case CdiDiscovery::nvswitch:
      generator.add_feature();
      break;
  }
  return generator.take();
}

}  // namespace nvhook
