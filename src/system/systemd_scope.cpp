// SPDX-License-Identifier: Apache-2.0
// Lets a container's systemd scope keep its devices when systemd applies its own policy again.
#include "system/systemd_scope.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.hpp"
#include "core/systemd_scope.hpp"
#include "system/device_file.hpp"
#include "system/files.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

// systemd keeps what StartTransientUnit said in this directory, and removes it with the unit.
constexpr const char* kUnits = "/run/systemd/transient";
// Behind 50-DeviceAllow.conf, which begins by emptying the list.
constexpr const char* kDropIn = "50-oci-nvidia-hook.conf";
constexpr std::string_view kSuffix = ".scope.d";
constexpr std::size_t kMaxUnitFile = 1UL << 20U;
constexpr std::uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

UniqueFd open_directory(int parent, const std::string& name) {
  return sys::open_beneath(parent, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, kBelow);
}

RootDir copy_of(const UniqueFd& directory) {
  return RootDir(UniqueFd(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 3)));
}

/// A driver container's nodes are in its own /dev.
bool is_device(const RootDir& dev, const std::string& path, DeviceNumber number) {
  const UniqueFd node = dev.open(path, O_PATH | O_NOFOLLOW);
  if (!node) return false;
  const FileStatus status = status_of(node.get());
  return status.is_character_device() &&
         DeviceNumber{status.device_major, status.device_minor} == number;
}

void remove_drop_in(int units, const std::string& scope) noexcept {
  const std::string directory_name = scope + ".d";
  const UniqueFd directory = open_directory(units, directory_name);
  if (!directory || ::unlinkat(directory.get(), kDropIn, 0) != 0) return;
  ::unlinkat(units, directory_name.c_str(), AT_REMOVEDIR);  // stays if it has more than ours
}

/// What a hook that was killed while it wrote has left there.
void remove_unfinished(int units, const std::string& scope) {
  const RootDir directory(open_directory(units, scope + ".d"));
  if (directory.fd() < 0) return;
  const auto names = directory.list(
      ".", [](std::string_view name) { return name.starts_with(kDropIn) && name != kDropIn; });
  for (const std::string& name : names) ::unlinkat(directory.fd(), name.c_str(), 0);
  if (!names.empty()) ::unlinkat(units, (scope + ".d").c_str(), AT_REMOVEDIR);
}

}  // namespace

std::optional<SystemdScope> SystemdScope::find(std::string_view cgroup, const RootDir& system) {
  auto name = container_scope(cgroup);
  if (!name) return std::nullopt;
  UniqueFd units = system.open(kUnits, O_PATH | O_DIRECTORY);
  if (!units) return std::nullopt;  // no systemd here: what named its cgroup so was something else
  SystemdScope scope(*std::move(name), std::move(units), system.open("/dev", O_PATH | O_DIRECTORY));
  if (!scope.is_restricted()) return std::nullopt;
  scope.bus_ = SystemdBus::connect(system);
  return scope;
}

bool SystemdScope::is_restricted() const {
  const RootDir units = copy_of(units_);
  const auto restricts = [&](const std::string& path) {
    const auto text = units.read(path, kMaxUnitFile);
    return text && restricts_devices(*text);
  };
  if (restricts(name_)) return true;
  const auto names = units.list(name_ + ".d", [](std::string_view name) {
    return name.ends_with(".conf") && name != kDropIn;
  });
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return restricts(name_ + ".d/" + name); });
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
  sweep();
  return notes;
}

Note SystemdScope::tell(const std::vector<DeviceNumber>& devices) {
  constexpr std::chrono::milliseconds kDeadline{2'000};
  const auto why_not = bus_ ? bus_->allow_devices(name_, devices, kDeadline)
                            : std::optional<std::string>("its private socket cannot be reached");
  if (!why_not) return info("systemd knows the devices of " + name_ + " (DeviceAllow)");
  const std::string what = "systemd was not told the devices of " + name_ + ": " + *why_not;
  if (write(device_allow_drop_in(devices))) {
    return warning(what + "; it reads them at the next systemctl daemon-reload");
  }
  return warning(what + ", and a drop-in cannot be written: " + errno_text(errno) +
                 "; the container loses its GPUs at the next systemctl daemon-reload");
}

bool SystemdScope::write(const std::string& text) const {
  const std::string directory_name = name_ + ".d";
  if (::mkdirat(units_.get(), directory_name.c_str(), 0755) != 0 && errno != EEXIST) return false;
  const UniqueFd directory = open_directory(units_.get(), directory_name);
  if (!directory) return false;
  // systemd takes files that end in .conf only.
  const std::string temporary = std::string(kDropIn) + "." + std::to_string(::getpid());
  const UniqueFd file = sys::open_beneath(directory.get(), temporary.c_str(),
                                          O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, kBelow, 0644);
  if (!file) return false;
  if (write_all(file.get(), text) &&
      sys::rename_at(directory.get(), temporary.c_str(), directory.get(), kDropIn, 0) == 0) {
    return true;
  }
  const int error = errno;
  ::unlinkat(directory.get(), temporary.c_str(), 0);
  errno = error;
  return false;
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

/// systemd removes with a unit only the drop-ins that it has read; without a reload in the
/// container's life ours is none.
void SystemdScope::sweep() const {
  const auto names = copy_of(units_).list(".", [](std::string_view name) {
    return name.ends_with(".scope") || name.ends_with(kSuffix);
  });
  for (const std::string& name : names) {
    if (!name.ends_with(kSuffix)) continue;
    const std::string scope = name.substr(0, name.size() - 2);
    if (std::binary_search(names.begin(), names.end(), scope)) continue;
    remove_unfinished(units_.get(), scope);
    remove_drop_in(units_.get(), scope);
  }
}

void SystemdScope::forget() noexcept { remove_drop_in(units_.get(), name_); }

}  // namespace nvhook
