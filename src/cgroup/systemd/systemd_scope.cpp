// SPDX-License-Identifier: Apache-2.0
// Tries the private socket first, then a drop-in. Failures become notes.
#include "cgroup/systemd/systemd_scope.hpp"

#include <fcntl.h>

#include <cerrno>
#include <chrono>

#include "cgroup/systemd/scope_drop_in.hpp"
#include "host/nodes/device_file.hpp"
#include "os/device_number.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUnitFile = 1UL << 20U;
// For all calls to systemd together: the container's start waits for them.
constexpr std::chrono::milliseconds kPatience{250};

RootDir copy_of(const UniqueFd& directory) {
  return RootDir(UniqueFd(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 3)));
}

/// Whether `path` in /dev is the device `number`: nodes of a driver container are in its own /dev.
bool is_device(const RootDir& dev, const std::string& path, DeviceNumber number) {
  const UniqueFd node = dev.open(path, O_PATH | O_NOFOLLOW);
  if (!node) return false;
  const FileStatus status = status_of(node.get());
  return status.is_character_device() &&
         DeviceNumber{status.device_major, status.device_minor} == number;
}

/// Returns the file and the drop-ins of a transient unit, one after the other, without our drop-in.
std::string unit_text(const RootDir& units, const std::string& unit) {
  std::string text;
  const auto add = [&](const std::string& path) {
    text += units.read(path, kMaxUnitFile).value_or("") + "\n";
  };
  add(unit);
  const auto names = units.list(unit + ".d", [](std::string_view name) {
    return name.ends_with(".conf") && name != kDropIn;
  });
  for (const std::string& name : names) add(unit + ".d/" + name);
  return text;
}

}  // namespace

std::optional<SystemdScope> SystemdScope::find(std::string_view cgroup, const RootDir& system) {
  auto named = container_scope(cgroup);
  if (!named) return std::nullopt;
  UniqueFd units = system.open(kTransientUnits, O_PATH | O_DIRECTORY);
  if (!units) return std::nullopt;  // no systemd here: something else chose that name
  SystemdScope scope(*std::move(named), std::move(units),
                     system.open("/dev", O_PATH | O_DIRECTORY));
  scope.text_ = unit_text(copy_of(scope.units_), scope.named_.unit);
  if (!restricts_devices(scope.text_)) return std::nullopt;
  scope.bus_ = SystemdBus::connect(system);
  return scope;
}

Notes SystemdScope::keep(const std::vector<DeviceRule>& rules) {
  std::vector<DeviceNumber> devices;
  devices.reserve(rules.size());
  for (const DeviceRule& rule : rules) devices.push_back(rule.device);
  Notes notes;
  try {
    link_devices(rules);
  } catch (const Error& error) {
    notes.push_back(warning(std::string(error.what()) + ": systemd before 240 needs it"));
  }
  notes.push_back(tell(devices));
  return notes;
}

Note SystemdScope::tell(const std::vector<DeviceNumber>& devices) {
  const auto end = SystemdBus::Clock::now() + kPatience;
  SystemdBus::Answer answer{.why_not = "its private socket cannot be reached"};
  if (bus_) answer = bus_->control_group(named_.unit, end);
  const auto owner = answer.text ? answer.text : control_group_by_slice(named_.unit, text_);
  if (owner != named_.control_group) {
    const std::string where = owner.value_or("").empty() ? "nowhere" : "in `" + *owner + "`";
    const std::string by = answer.text ? "" : " by the Slice= of its unit (" + answer.why_not + ")";
    return warning("systemd was not told the devices: the container is in `" +
                   named_.control_group + "`, but systemd's " + named_.unit + " is " + where + by);
  }
  if (answer.text) answer = bus_->allow_devices(named_.unit, devices, end);
  if (answer.text) return info("systemd knows the devices of " + named_.unit + " (DeviceAllow)");
  return leave_drop_in(
      devices, "systemd was not told the devices of " + named_.unit + ": " + answer.why_not);
}

Note SystemdScope::leave_drop_in(const std::vector<DeviceNumber>& devices,
                                 const std::string& what) {
  has_drop_in_ = write_drop_in(units_.get(), named_.unit, device_allow_drop_in(devices));
  if (has_drop_in_) {
    return warning(what + "; it reads them at the next systemctl daemon-reload");
  }
  return warning(what + ", and a drop-in cannot be written: " + errno_text(errno) +
                 "; the container loses its GPUs at the next systemctl daemon-reload");
}

void SystemdScope::link_devices(const std::vector<DeviceRule>& rules) const {
  if (!dev_) return;
  constexpr std::string_view kDev = "/dev/";
  const RootDir dev = copy_of(dev_);
  for (const DeviceRule& rule : rules) {
    if (!rule.node.str().starts_with(kDev)) continue;
    const std::string path = rule.node.str().substr(kDev.size());
    if (is_device(dev, path, rule.device)) {
      link_device_number(dev, {.path = path, .number = rule.device});
    }
  }
}

void SystemdScope::forget() noexcept {
  if (has_drop_in_) (void)remove_drop_in(units_.get(), named_.unit);
}

}  // namespace nvhook
