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

}  // namespace

Notes DeviceList::prepare(const std::vector<DeviceNumber>& devices) {
  const UniqueFd list = open_file(directory_, "devices.list", O_RDONLY);
  const auto text = list ? read_all(list.get(), kMaxListBytes) : std::nullopt;
  if (!text) {
    throw_errno(Code::cgroup_denied, "read `" + path_ + "/devices.list`",
                "set no-cgroups = true if the runtime grants the devices itself");
  }
  for (const DeviceNumber& device : devices) {
    const std::string access = missing_device_access(*text, device);
    if (access.empty()) continue;
    missing_.push_back(device);
    rules_.push_back(to_rule(device) + " " + access);
  }
  if (missing_.empty()) return {};
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

void DeviceList::grant() {
  for (; granted_ < rules_.size(); ++granted_) {
    const std::string& rule = rules_[granted_];
    if (write_all(allow_.get(), rule)) continue;
    throw_errno(Code::cgroup_denied, "allow `" + rule + "` in `" + path_ + "`",
                "allow the device in the parent cgroup, or set no-cgroups = true if the runtime "
                "grants the devices itself");
  }
}

void DeviceList::revoke() noexcept {
  while (granted_ > 0) (void)write_all(deny_.get(), rules_[--granted_]);
}

}  // namespace nvhook
