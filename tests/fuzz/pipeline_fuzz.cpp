// SPDX-License-Identifier: Apache-2.0
// Fuzzes the pipeline from a container's environment to its plan on fixed hosts, and checks the
// rules for every plan.
//
// An input: the name of a host, with `privileged` if the container is; `%%`; config.json, or lines
// of environment; `%%`; config.toml.
#include <algorithm>
#include <map>
#include <set>

#include "config/config.hpp"
#include "fuzz/fuzz.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "host/host_probe.hpp"
#include "os/device_number.hpp"
#include "plan/plan_json.hpp"
#include "plan/planner.hpp"
#include "support/hosts.hpp"
#include "text/text.hpp"

namespace {

using namespace nvhook;
using fuzz::require;

/// Probes with all facts that a request can need.
Inventory probe(const std::string& name) {
  const test::FakeHost host = test::named_host(name);
  const auto root = open_root(host.tree().path().string());
  const Request everything{
      .devices = AllDevices{},
      .capabilities = CapabilitySet::all(),
      .mig_config = true,
      .mig_monitor = true,
      .imex_channels = {0, 1},
      .features = {.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}};
  return probe_host({.system = *root, .driver = *root}, everything);
}

const Inventory& inventory_of(std::string_view line) {
  static const std::map<std::string, Inventory> hosts = [] {
    std::map<std::string, Inventory> all;
    for (const char* name : {"debian", "fedora", "mig", "nixos", "ubuntu"}) all[name] = probe(name);
    return all;
  }();
  for (const auto& [name, inventory] : hosts) {
    if (line.starts_with(name)) return inventory;
  }
  return hosts.at("ubuntu");
}

ContainerSpec spec_of(std::string_view text, bool privileged) {
  if (text.starts_with('{')) return parse_spec(text);
  ContainerSpec spec{.root = "rootfs", .privileged = privileged};
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t name = std::min(line.find('='), line.size());
    spec.environment[std::string(line.substr(0, name))] =
        line.substr(std::min(name + 1, line.size()));
  }
  return spec;
}

bool is_normal(const ContainerPath& path) {
  return path.str().starts_with('/') && path.str() != "/" && clean_path(path.str()) == path.str() &&
         path.str().find('\0') == std::string::npos;
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

const DeviceNode* node_at(const Inventory& inventory, const HostFile& file) {
  const auto found = std::find_if(inventory.nodes.begin(), inventory.nodes.end(),
                                  [&](const DeviceNode& node) { return node.file == file; });
  return found == inventory.nodes.end() ? nullptr : &*found;
}

bool is_source(const Inventory& inventory, const BindMount& mount) {
  const std::string& path = mount.source.path.str();
  if (mount.type == SourceType::character_device) {
    const DeviceNode* node = node_at(inventory, mount.source);
    return node != nullptr && node->number == mount.device && mount.target.str() == path;
  }
  if (mount.source.root == HostRoot::driver) {
    return std::any_of(inventory.files.begin(), inventory.files.end(),
                       [&](const DriverFile& file) { return file.path.str() == path; });
  }
  static const std::set<std::string> known{"/dev/nvidia-caps", "/run/udev", "/etc/cufile.json"};
  return mount.target.str() == path &&
         (is_below(path, "/proc/driver/nvidia") || known.contains(path));
}

void check_mounts(const Plan& plan, const Inventory& inventory) {
  std::set<ContainerPath> taken;
  for (const BindMount& mount : plan.mounts) {
    require(is_normal(mount.target), "a target is absolute and normalised");
    require(taken.insert(mount.target).second, "a target is taken once");
    require(is_source(inventory, mount),
            "a source is a driver's file or a node that the inventory has");
    require(mount.attributes.no_dev || mount.source.path.str().starts_with("/dev/"),
            "devices come from /dev alone");
  }
  for (const Symlink& link : plan.symlinks) {
    require(is_normal(link.link), "a link is absolute and normalised");
    require(taken.insert(link.link).second, "a link is no target");
  }
}

void check_tmpfs(const Plan& plan) {
  for (const TmpfsMount& tmpfs : plan.tmpfs) {
    require(is_normal(tmpfs.target), "a tmpfs is absolute and normalised");
    for (const TmpfsEntry& entry : tmpfs.entries) {
      require(clean_path("/" + entry.path) == "/" + entry.path && !entry.path.empty(),
              "an entry stays below its tmpfs");
    }
  }
}

void check_rules(const Plan& plan, const Inventory& inventory, const Request& request) {
  std::set<DeviceNumber> known;
  for (const DeviceNode& node : inventory.nodes) known.insert(node.number);
  for (const MigCapability& capability : inventory.mig_capabilities) {
    if (request.mig_config || request.mig_monitor)
      known.insert({*inventory.nvidia_caps_major, capability.minor});
  }
  for (const DeviceRule& rule : plan.device_rules) {
    require(known.contains(rule.device), "a permission is for a device of the inventory");
  }
}

void check_selected(const Plan& plan, const Inventory& inventory, const Request& request) {
  const SelectedDevices selected = select_devices(request.devices, inventory);
  for (const BindMount& mount : plan.mounts) {
    const DeviceNode* node = node_at(inventory, mount.source);
    if (node == nullptr || (node->role != DeviceRole::gpu && node->role != DeviceRole::drm))
      continue;
    const bool is_selected =
        std::any_of(selected.gpus.begin(), selected.gpus.end(),
                    [&](const Gpu& gpu) { return gpu.minor == node->gpu_minor; });
    require(is_selected, "a GPU's node is that of a GPU that was asked for");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto texts = fuzz::parts(fuzz::text_of(data, size), 3);
  const Inventory& inventory = inventory_of(texts[0]);
  const bool privileged = texts[0].find("privileged") != std::string_view::npos;
  const auto config = fuzz::attempt([&] { return parse_config(texts[2], "config.toml").config; });
  const auto spec = fuzz::attempt([&] { return spec_of(texts[1], privileged); });
  if (!config || !spec) return 0;
  const auto result = fuzz::attempt([&] { return derive_request(*spec, *config); });
  if (!result || !result->request) return 0;
  const Request& request = *result->request;
  const ContainerFacts container{.library_directory = ContainerPath("/usr/lib64"),
                                 .library32_directory = ContainerPath("/usr/lib")};
  const auto plan =
      fuzz::attempt([&] { return make_plan(request, inventory, container, *config); });
  if (!plan) return 0;
  check_mounts(*plan, inventory);
  check_tmpfs(*plan);
  check_rules(*plan, inventory, request);
  check_selected(*plan, inventory, request);
  require(!config->no_cgroups || plan->device_rules.empty(),
          "no-cgroups leaves the device cgroup alone");
  require(make_plan(request, inventory, container, *config) == *plan,
          "a plan depends on its inputs alone");
  require(!to_json(*plan, config->driver_root).empty(), "a plan can be shown");
  return 0;
}
