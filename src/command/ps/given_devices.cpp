// SPDX-License-Identifier: Apache-2.0
// Reads the nodes in a container's /dev, its device list (v1) and its device filters (v2).
#include "command/ps/given_devices.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cgroup/cgroup_mounts.hpp"
#include "cgroup/cgroup_text.hpp"
#include "cgroup/filter_verdict.hpp"
#include "os/mount_id.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxList = 1UL << 20U;
constexpr std::size_t kMostKept = 4096;
constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE, Linux 6.8
// File systems that the kernel serves itself.
constexpr std::array<std::string_view, 12> kLocal{"tmpfs", "devtmpfs", "ramfs", "overlay",
                                                  "ext2",  "ext3",     "ext4",  "xfs",
                                                  "btrfs", "bcachefs", "f2fs",  "zfs"};

/// Returns a number that no other mount will have until the next boot; 0 before Linux 6.8.
std::uint64_t unique_mount_id(int fd) {
  struct statx status {};
  const int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  const bool is_told = ::statx(fd, "", flags, kUniqueMountId, &status) == 0 &&
                       (status.stx_mask & kUniqueMountId) != 0;
  return is_told ? status.stx_mnt_id : 0;
}

bool is_local_type(std::string_view mountinfo, std::uint64_t id) {
  const std::string start = std::to_string(id) + " ";
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto end = line.find(" - ");
    if (!line.starts_with(start) || end == std::string_view::npos) continue;
    const std::string_view rest = line.substr(end + 3);
    const std::string_view type = rest.substr(0, rest.find(' '));
    return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
  }
  return false;
}

/// Our own process is in all hierarchies that there are.
std::string mountinfo_of_cgroups(const RootDir& system) {
  try {
    return cgroup_mountinfo(system, system.read("/proc/self/cgroup", kMaxList).value_or(""));
  } catch (const Error&) {
    return {};  // then no verdict is known
  }
}

/// All cgroups must allow a device.
void narrow(std::optional<bool>& verdict, std::optional<bool> another) {
  if (verdict == false || another == true) return;
  verdict = another;
}

std::set<DeviceNumber> those(const Verdicts& verdicts, const std::set<DeviceNumber>& numbers,
                             bool or_unknown) {
  std::set<DeviceNumber> found;
  for (const DeviceNumber& number : numbers) {
    const auto known = verdicts.find(number);
    const auto verdict = known == verdicts.end() ? std::nullopt : known->second;
    if (verdict == true || (or_unknown && !verdict)) found.insert(number);
  }
  return found;
}

bool contains(const std::vector<std::size_t>& list, std::size_t one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::set<DeviceNumber> keys_of(const Verdicts& verdicts) {
  std::set<DeviceNumber> keys;
  for (const auto& [number, verdict] : verdicts) keys.insert(number);
  return keys;
}

}  // namespace

Given given_devices(const DriverDevices& driver, const std::optional<std::set<DeviceNumber>>& nodes,
                    const Verdicts& verdicts) {
  const auto other = verdicts.find(kNoDevice);
  const bool is_restricted = other != verdicts.end() && other->second == false;
  const bool is_barred = is_restricted && those(verdicts, keys_of(verdicts), true).empty();
  std::set<DeviceNumber> numbers = nodes.value_or(std::set<DeviceNumber>());
  if (driver.behind(numbers).empty()) {
    if (!is_restricted) return {.is_known = nodes.has_value()};
    numbers = those(verdicts, keys_of(verdicts), false);
  }
  const auto allowed = driver.behind(those(verdicts, numbers, false));
  const auto not_denied = driver.behind(those(verdicts, numbers, true));
  Given given{.is_barred = is_barred};
  for (const std::size_t device : driver.behind(numbers)) {
    const Permission otherwise =
        contains(not_denied, device) ? Permission::unknown : Permission::denied;
    given.devices.push_back(
        {.device = device,
         .permission = contains(allowed, device) ? Permission::allowed : otherwise});
  }
  return given;
}

GivenDevices::GivenDevices(const RootDir& system, const DriverDevices& driver)
    : system_(system), driver_(driver) {
  for (const auto& [number, path] : driver.device_nodes()) numbers_.insert(number);
}

Given GivenDevices::look_at(const ProcessDirectory& process, const std::string& cgroup) {
  return given_devices(driver_, nodes_of(process), verdicts_of(cgroup));
}

bool GivenDevices::has_own_dev(const ProcessDirectory& process) {
  const UniqueFd root = process.root();
  const UniqueFd dev = root ? open_local(root.get(), "dev", process) : UniqueFd();
  return dev && !is_same_file(dev.get(), system_.open("/dev", O_PATH | O_DIRECTORY).get());
}

// ---- nodes

/// A mount that is not known to be local could be asked for ever.
bool GivenDevices::is_local(int fd, const ProcessDirectory& process) {
  const std::uint64_t key = unique_mount_id(fd);
  if (const auto known = local_mounts_.find(key); known != local_mounts_.end()) {
    return known->second;
  }
  const std::string mountinfo = process.mountinfo();
  const bool result = is_local_type(mountinfo, mount_id_of(fd));
  if (local_mounts_.size() >= kMostKept) local_mounts_.clear();
  if (key != 0) local_mounts_.emplace(key, result);
  return result;
}

UniqueFd GivenDevices::open_local(int directory, const std::string& name,
                                  const ProcessDirectory& process) {
  if (!is_local(directory, process)) return UniqueFd();
  UniqueFd opened(::openat(directory, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return opened && is_local(opened.get(), process) ? std::move(opened) : UniqueFd();
}

std::optional<std::set<DeviceNumber>> GivenDevices::nodes_of(const ProcessDirectory& process) {
  const UniqueFd root = process.root();
  const UniqueFd dev = root ? open_local(root.get(), "dev", process) : UniqueFd();
  if (!dev) return std::nullopt;
  std::map<std::string, UniqueFd> directories;
  std::set<DeviceNumber> found;
  for (const auto& [number, path] : driver_.device_nodes()) {
    const std::string name = path.substr(std::string_view("/dev/").size());
    const auto slash = name.find('/');
    int directory = dev.get();
    if (slash != std::string::npos) {
      const auto [at, is_new] = directories.try_emplace(name.substr(0, slash));
      if (is_new) at->second = open_local(dev.get(), at->first, process);
      directory = at->second.get();
      if (directory < 0) continue;
    }
    const std::string last = slash == std::string::npos ? name : name.substr(slash + 1);
    const auto status = look_at_node(directory, last.c_str(), AT_SYMLINK_NOFOLLOW);
    if (status && S_ISCHR(status->mode) && status->number == number) found.insert(number);
  }
  return found;
}

// ---- cgroups

void GivenDevices::judge_by_list(const std::string& directory, Verdicts& verdicts) const {
  const auto list = system_.read(directory + "/devices.list", kMaxList);
  for (auto& [number, verdict] : verdicts) {
    narrow(verdict,
           list ? std::optional(missing_device_access(*list, number).empty()) : std::nullopt);
  }
}

const Verdicts& GivenDevices::decisions_of(bpf::ProgramId id) {
  if (const auto known = filters_.find(id); known != filters_.end()) return known->second;
  const UniqueFd program = bpf::open_program(id);
  const auto instructions = program ? bpf::instructions_of(program.get()) : std::nullopt;
  Verdicts decisions;
  for (const DeviceNumber& number : numbers_) {
    decisions[number] =
        instructions && !instructions->empty() ? lets_use(*instructions, number) : std::nullopt;
  }
  if (filters_.size() >= kMostKept) filters_.clear();
  return filters_.emplace(id, std::move(decisions)).first->second;
}

void GivenDevices::judge_by_filters(const std::string& directory, Verdicts& verdicts) {
  const UniqueFd cgroup = system_.open(directory, O_RDONLY | O_DIRECTORY);
  const auto attached = cgroup ? bpf::attached_to(cgroup.get()) : std::nullopt;
  if (!attached) {
    for (auto& [number, verdict] : verdicts) narrow(verdict, std::nullopt);
    return;
  }
  for (const bpf::ProgramId id : attached->programs()) {
    const Verdicts& decisions = decisions_of(id);
    for (auto& [number, verdict] : verdicts) narrow(verdict, decisions.at(number));
  }
}

Verdicts GivenDevices::verdicts_of(const std::string& cgroup) {
  if (!mountinfo_) mountinfo_ = mountinfo_of_cgroups(system_);
  const auto cgroups = find_device_cgroups(cgroup, *mountinfo_);
  Verdicts verdicts;
  for (const DeviceNumber& number : numbers_) {
    verdicts[number] = cgroups.empty() ? std::nullopt : std::optional(true);
  }
  for (const DeviceCgroup& each : cgroups) {
    if (each.version == DeviceCgroup::Version::v1) {
      judge_by_list(each.directory, verdicts);
      continue;
    }
    judge_by_filters(each.directory, verdicts);
    if (const auto scope = parent_scope(each.directory)) judge_by_filters(*scope, verdicts);
  }
  return verdicts;
}

}  // namespace nvhook
