// SPDX-License-Identifier: Apache-2.0
// What the kernel says decides; the records of engines only name the container.
#include "command/attach/live_container.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "cgroup/cgroup_mounts.hpp"
#include "command/attach/frozen.hpp"
#include "command/containers/container_cgroup.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/lxc_container.hpp"
#include "formats/mountinfo.hpp"
#include "oci/bundle.hpp"
#include "os/file_status.hpp"
#include "text/error.hpp"
#include "text/paths.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the device number of the file system that the process has at `/`.
std::string device_of_root(const std::string& mountinfo) {
  std::string device;
  for (const std::string_view line : split_list(mountinfo, '\n')) {
    const auto mount = parse_mountinfo_line(line);
    if (mount && mount->point == "/") device = mount->device;
  }
  return device;
}

/// Whether the root directory is the one that the engine prepared, as the host sees it.
bool is_prepared(const LiveContainer& container, const RootDir& system) {
  const std::string path = container.spec ? rootfs_path(*container.spec, container.record.bundle)
                           : container.record.engine == kLxc
                               ? lxc_rootfs(container.record.name, system)
                               : std::string();
  if (path.empty()) return false;
  const UniqueFd prepared = system.open(path, O_PATH | O_DIRECTORY);
  return prepared && is_same_file(prepared.get(), container.root->fd());
}

bool has_volume_as_root(const ContainerSpec& spec) {
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), [](const SpecMount& mount) {
    return clean_path("/" + mount.destination) == "/";
  });
}

/// An engine may mount the root file system where only it sees it (rootless Podman, LXC): then it
/// is a file system that the host has nowhere else. A container that may mount can make a volume
/// its root.
void require_own_root(const LiveContainer& container, const RootDir& system) {
  const bool is_volume = container.spec && has_volume_as_root(*container.spec);
  if (!is_volume) {
    if (is_prepared(container, system)) return;
    const std::string device = device_of_root(container.process->mountinfo());
    if (!device.empty() && !is_mounted(container.host_mountinfo, device)) return;
  }
  throw Error(Code::rootfs_invalid,
              "the root directory of " + describe(container.record) +
                  " lies on a file system of the host, and no engine's record says that it is the "
                  "container's own",
              "start the container again with the devices; to give them to it while it runs, its "
              "root has to be the directory that its engine made");
}

/// Sets what is known of config.json.
void read_spec(LiveContainer& container, const RootDir& system) {
  if (container.record.bundle.empty()) return;
  auto text = system.read(container.record.bundle + "/config.json", kMaxSpec);
  if (!text) return;
  container.config_json = *std::move(text);
  container.spec = parse_spec(container.config_json);
}

/// A process without a record may be in the cgroup of its user's session, which others share.
void find_cgroup(LiveContainer& container) {
  const std::string& all = container.process->cgroup_text();
  if (container.record.id.empty()) return container.process->set_running(all);
  auto own = own_cgroups(all, parse_cgroups_path(container.config_json), container.record.id);
  container.has_own_cgroup = own.has_value();
  if (!own && container.record.user.empty()) {
    throw Error(Code::container_gone,
                "process " + std::to_string(container.record.pid) + " is not in the cgroup of " +
                    describe(container.record),
                "look whether that container still runs");
  }
  container.process->set_running(own.value_or(all));
}

}  // namespace

OwnLayer LiveContainer::layer() const {
  return OwnLayer({.rootfs = *root, .spec = spec ? &*spec : nullptr, .host_mountinfo = [this] {
                     return host_mountinfo;
                   }});
}

LiveContainer pin_container(const ContainerRecord& record, const RootDir& system) {
  LiveContainer container{.record = record, .host_mountinfo = own_mountinfo(system)};
  container.process = std::make_unique<ContainerProcess>(record.pid);
  container.changes = std::make_unique<AttachRecord>(record.pid, system);
  read_spec(container, system);
  find_cgroup(container);
  if (is_frozen(container.process->cgroup_text(), system)) {
    throw Error(Code::container_paused, describe(record) + " is paused",
                "let it go on first (docker unpause, podman unpause, runc resume)");
  }
  container.root = std::make_unique<RootDir>(container.process->open_running_root());
  require_own_root(container, system);
  return container;
}

}  // namespace nvhook
