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

}  // namespace

std::optional<SystemdScope> SystemdScope::find(std::string_view cgroup, const RootDir& system,
                                               const FilterGuesses& guesses) {
  auto named = container_scope(cgroup);
  if (!named) return std::nullopt;
  UniqueFd units = system.open(kTransientUnits, O_PATH | O_DIRECTORY);
  if (!units) return std::nullopt;  // no systemd here: something else chose that name
  SystemdScope scope(*std::move(named), std::move(units),
                     system.open("/dev", O_PATH | O_DIRECTORY));
  scope.text_ = unit_text(copy_of(scope.units_), scope.named_.unit, OwnDropIn::left_out);
  scope.is_restricted_ = restricts_devices(scope.text_);
  scope.filter_file_ = pinned_device_filter(scope.text_);
  if (!scope.is_restricted_ && !scope.filter_file_) return std::nullopt;
  scope.bus_ = SystemdBus::connect(system);
  if (scope.filter_file_) scope.open_filter(system, guesses);
  return scope;
}

/// The container starts all the same: it works until the next reload.
void SystemdScope::open_filter(const RootDir& system, const FilterGuesses& guesses) {
  try {
    pin_.emplace(system, named_.unit, *filter_file_, guesses);
  } catch (const Error& error) {
    why_no_pin_ = error.what();
  }
}

bool SystemdScope::knows(const std::vector<DeviceRule>& rules) const {
  const auto devices = devices_of(rules);
  const std::string text = unit_text(copy_of(units_), named_.unit, OwnDropIn::included);
  if (is_restricted_ && !allows_devices(text, devices)) return false;
  return !filter_file_ ||
         (pin_ && pinned_device_filter(text) == pin_->path() && pin_->grants(devices));
}

Notes SystemdScope::keep(const std::vector<DeviceRule>& rules) {
  const auto devices = devices_of(rules);
  Notes notes;
  try {
    if (is_restricted_) link_devices(rules);
  } catch (const Error& error) {
    notes.push_back(warning(std::string(error.what()) + ": systemd before 240 needs it"));
  }
  const auto end = SystemdBus::Clock::now() + kPatience;
  if (const auto why = why_not_the_containers(end)) {
    notes.push_back(warning("systemd was not told the devices: " + *why));
    return notes;
  }
  if (filter_file_) notes.push_back(keep_by_file(devices));
  if (is_restricted_) notes.push_back(tell(devices, end));
  return notes;
}

/// nullopt if the scope is at the container's cgroup. Sets `why_not_asked_` if systemd could not be
/// asked.
std::optional<std::string> SystemdScope::why_not_the_containers(SystemdBus::Clock::time_point end) {
  SystemdBus::Answer answer{.why_not = "its private socket cannot be reached"};
  if (bus_) answer = bus_->control_group(named_.unit, end);
  why_not_asked_ = answer.text ? "" : answer.why_not;
  const auto owner = answer.text ? answer.text : control_group_by_slice(named_.unit, text_);
  if (owner == named_.control_group) return std::nullopt;
  const std::string where = owner.value_or("").empty() ? "nowhere" : "in `" + *owner + "`";
  const std::string by = answer.text ? "" : " by the Slice= of its unit (" + answer.why_not + ")";
  return "the container is in `" + named_.control_group + "`, but systemd's " + named_.unit +
         " is " + where + by;
}

Note SystemdScope::keep_by_file(const std::vector<DeviceNumber>& devices) {
  const auto lost = [&](const std::string& why) {
    return warning("systemd takes the device filter of " + named_.unit + " from `" + *filter_file_ +
                   "`, which cannot be replaced: " + why +
                   "; the container loses its GPUs at the next systemctl daemon-reload");
  };
  if (!pin_) return lost(why_no_pin_);
  try {
    pin_->pin(devices);
  } catch (const Error& error) {
    return lost(error.what());
  }
  drop_in_ = pinned_filter_drop_in(text_, pin_->path());
  has_drop_in_ = write_drop_in(units_.get(), named_.unit, drop_in_);
  if (!has_drop_in_) {
    const int error = errno;
    pin_->unpin();
    return lost("a drop-in cannot be written: " + errno_text(error));
  }
  return info("systemd takes the device filter of " + named_.unit + " from `" + pin_->path() +
              "` at its next reload");
}

Note SystemdScope::tell(const std::vector<DeviceNumber>& devices,
                        SystemdBus::Clock::time_point end) {
  SystemdBus::Answer answer{.why_not = why_not_asked_};
  if (why_not_asked_.empty()) answer = bus_->allow_devices(named_.unit, devices, end);
  if (answer.text) return info("systemd knows the devices of " + named_.unit + " (DeviceAllow)");
  return leave_drop_in(
      devices, "systemd was not told the devices of " + named_.unit + ": " + answer.why_not);
}

Note SystemdScope::leave_drop_in(const std::vector<DeviceNumber>& devices,
                                 const std::string& what) {
  const std::string text = drop_in_ + device_allow_drop_in(devices);
  if (write_drop_in(units_.get(), named_.unit, text)) {
    has_drop_in_ = true;
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
  if (pin_) pin_->unpin();
}

void SystemdScope::restore(const std::vector<DeviceRule>& rules) noexcept {
  if (rules.empty()) return forget();
  try {
    static_cast<void>(keep(rules));
  } catch (...) {
    // The container works until systemd reloads; the error that is undone is what is told.
  }
}

}  // namespace nvhook
