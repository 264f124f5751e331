// SPDX-License-Identifier: Apache-2.0
// Reads devices.list, writes devices.allow and devices.deny.
#include "cgroup/device_cgroup_v1.hpp"

#include <fcntl.h>

#include <cerrno>

#include "cgroup/cgroup_text.hpp"
#include "os/device_number.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxListBytes = 1UL << 20U;

UniqueFd open_file(const UniqueFd& directory, const char* name, int flags) {
  return UniqueFd(::openat(directory.get(), name, flags | O_NOFOLLOW | O_CLOEXEC));
}

/// Whether all devices are allowed, but those that were denied one by one: the kernel does not list
/// these (security/device_cgroup.c).
bool allows_all(std::string_view list) { return list.starts_with("a "); }

/// Returns what of read and write is not in `missing`.
std::string access_without(const std::string& missing) {
  std::string rest;
  for (const char access : {'r', 'w'}) {
    if (missing.find(access) == std::string::npos) rest += access;
  }
  return rest;
}

}  // namespace

Notes DeviceList::prepare(const std::vector<DeviceNumber>& devices) {
  const UniqueFd list = open_file(directory_, "devices.list", O_RDONLY);
  const auto text = list ? read_all(list.get(), kMaxListBytes) : std::nullopt;
  if (!text) {
    throw_errno(Code::cgroup_denied, "read `" + path_ + "/devices.list`",
                "set no-cgroups = true if the runtime grants the devices itself");
  }
  for (const DeviceNumber& device : devices) {
    const std::string missing = missing_device_access(*text, device);
    const std::string access = change_ == DeviceChange::allow ? missing : access_without(missing);
    if (access.empty()) {
      if (change_ == DeviceChange::allow && allows_all(*text)) {
        unseen_rules_.push_back(to_rule(device) + " rw");
      }
      continue;
    }
    missing_.push_back(device);
    const std::string rule = to_rule(device) + " " + access;
    rules_.push_back(change_ == DeviceChange::allow ? rule : to_rule(device) + " rwm");
    undo_rules_.push_back(rule);
  }
  if (missing_.empty()) {
    if (!unseen_rules_.empty()) allow_ = open_file(directory_, "devices.allow", O_WRONLY);
    return {};
  }
  allow_ = open_file(directory_, "devices.allow", O_WRONLY);
  if (allow_) deny_ = open_file(directory_, "devices.deny", O_WRONLY);
  if (deny_) return {};
  const int error = errno;
  rules_.clear();
  const std::string what =
      "`" + path_ + (allow_ ? "/devices.deny`: " : "/devices.allow`: ") + errno_text(error);
  if (allow_ || (error != EACCES && error != EPERM && error != EROFS)) {
    throw Error(Code::cgroup_denied, "open " + what,
                "set no-cgroups = true if the runtime grants the devices itself");
  }
  refused_ = true;
  return {warning("device rules skipped: no right over " + what)};
}

/// What is not denied after all stays as it is if it is allowed once more.
void DeviceList::grant() {
  for (const std::string& rule : unseen_rules_) {
    if (allow_) static_cast<void>(write_all(allow_.get(), rule));
  }
  for (; granted_ < rules_.size(); ++granted_) {
    const std::string& rule = rules_[granted_];
    const bool allows = change_ == DeviceChange::allow;
    if (write_all((allows ? allow_ : deny_).get(), rule)) continue;
    throw_errno(Code::cgroup_denied,
                (allows ? "allow `" : "deny `") + rule + "` in `" + path_ + "`",
                "allow the device in the parent cgroup, or set no-cgroups = true if the runtime "
                "grants the devices itself");
  }
}

void DeviceList::revoke() noexcept {
  const UniqueFd& file = change_ == DeviceChange::allow ? deny_ : allow_;
  while (granted_ > 0) (void)write_all(file.get(), undo_rules_[--granted_]);
}

}  // namespace nvhook
