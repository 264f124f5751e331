// SPDX-License-Identifier: Apache-2.0
// With v2 and crun, two filters are extended: the container's and that of its scope.
#include "cgroup/device_cgroup.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <set>

#include "cgroup/cgroup_text.hpp"
#include "cgroup/device_cgroup_v1.hpp"
#include "cgroup/device_cgroup_v2.hpp"
#include "os/device_number.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Hierarchy = DeviceCgroup::Version;

constexpr std::size_t kMaxProcsBytes = 4096;

std::string_view name_of(Hierarchy version) {
  return version == Hierarchy::v1 ? "the v1 devices hierarchy" : "the v2 hierarchy";
}

UniqueFd open_without_links(const std::string& path) noexcept {
  return sys::open_beneath(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY,
                           RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

UniqueFd open_cgroup(const DeviceCgroup& cgroup) {
  UniqueFd directory = open_without_links(cgroup.directory);
  if (!directory) {
    throw_errno(errno == EACCES || errno == EPERM ? Code::cgroup_denied : Code::cgroup_not_found,
                "open the container's device cgroup `" + cgroup.directory + "`",
                "start the container again, or set no-cgroups = true if the runtime grants the "
                "devices itself");
  }
  struct statfs status {};
  const auto magic = cgroup.version == Hierarchy::v1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC;
  if (::fstatfs(directory.get(), &status) != 0 || status.f_type != magic) {
    throw Error(Code::cgroup_not_found,
                "`" + cgroup.directory + "` is not on a cgroup file system of " +
                    std::string(name_of(cgroup.version)),
                "unmount what hides the cgroup file system");
  }
  return directory;
}

/// Whether `scope` has no process and only one child, so that all of it belongs to the container.
bool holds_one_child_only(int scope) {
  struct stat status {};
  // The link count of a cgroup directory is 2 plus the number of its children.
  if (::fstat(scope, &status) != 0 || status.st_nlink != 3) return false;
  const UniqueFd procs(::openat(scope, "cgroup.procs", O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  const auto text = procs ? read_all(procs.get(), kMaxProcsBytes) : std::nullopt;
  return text && text->empty();
}

bool is_in_shared_scope(const std::string& cgroup) {
  const auto scope = parent_scope(cgroup);
  if (!scope) return false;
  const UniqueFd directory = open_without_links(*scope);
  return !directory || !holds_one_child_only(directory.get());
}

void append(Notes& notes, Notes more) {
  std::move(more.begin(), more.end(), std::back_inserter(notes));
}

}  // namespace

class DevicePermission::Impl {
 public:
  Impl(std::string_view cgroup, std::string_view mountinfo, std::vector<DeviceNumber> devices,
       FilterGuesses guesses, DeviceChange change)
      : devices_(std::move(devices)), guesses_(std::move(guesses)), change_(change) {
    if (devices_.empty()) return;
    if (in_user_namespace()) {
      notes_.push_back(info("device rules skipped: in a user namespace"));
      in_user_namespace_ = true;
      return;
    }
    const auto found = find_device_cgroups(cgroup, mountinfo);
    require_mounted(listed_device_cgroups(cgroup), found);
    for (const DeviceCgroup& each : found) {
      shares_scope_ = shares_scope_ || is_in_shared_scope(each.directory);
      if (each.version == Hierarchy::v1) {
        prepare_list(each);
      } else {
        prepare_filters(each);
      }
    }
    if (change_ == DeviceChange::deny && !is_restricted()) {
      notes_.push_back(
          warning("no device cgroup restricts the container: its processes can still "
                  "use the devices if they find another way to them"));
    }
  }

  [[nodiscard]] std::vector<DeviceNumber> missing() const {
    std::set<DeviceNumber> all;
    for (const DeviceList& list : lists_) all.insert(list.missing().begin(), list.missing().end());
    for (const DeviceFilter& filter : filters_) {
      all.insert(filter.missing().begin(), filter.missing().end());
    }
    return {all.begin(), all.end()};
  }

  void grant() {
    for (DeviceList& list : lists_) list.grant();
    for (DeviceFilter& filter : filters_) filter.grant();
  }

  void confirm() {
    for (DeviceFilter& filter : filters_) filter.confirm();
  }

  void revoke() noexcept {
    for (DeviceFilter& filter : filters_) filter.revoke();
    for (DeviceList& list : lists_) list.revoke();
  }

  [[nodiscard]] bool refused() const noexcept {
    const auto is_refused = [](const auto& part) { return part.refused(); };
    return in_user_namespace_ || std::any_of(lists_.begin(), lists_.end(), is_refused) ||
           std::any_of(filters_.begin(), filters_.end(), is_refused);
  }

  [[nodiscard]] bool shares_scope() const noexcept { return shares_scope_; }
  [[nodiscard]] const Notes& notes() const noexcept { return notes_; }

 private:
  [[nodiscard]] bool is_restricted() const {
    return !lists_.empty() || std::any_of(filters_.begin(), filters_.end(),
                                          [](const auto& part) { return part.attached() != 0; });
  }

  void require_mounted(const std::vector<DeviceCgroup>& listed,
                       const std::vector<DeviceCgroup>& found) {
    if (listed.empty()) {
      throw Error(Code::cgroup_not_found,
                  "the container's process is in no device cgroup, v1 or v2",
                  "set no-cgroups = true if the kernel has no cgroups");
    }
    for (const DeviceCgroup& each : listed) {
      const bool is_found = std::any_of(found.begin(), found.end(), [&](const DeviceCgroup& other) {
        return other.version == each.version;
      });
      if (is_found) continue;
      const std::string what = "the container's device cgroup `" + each.directory + "` of " +
                               std::string(name_of(each.version)) + " is mounted nowhere in sight";
      if (found.empty()) {
        throw Error(Code::cgroup_not_found, what,
                    "mount /sys/fs/cgroup where the hook runs, or set no-cgroups = true if the "
                    "runtime grants the devices itself");
      }
      // The root of a hierarchy restricts nothing.
      if (each.directory != "/") notes_.push_back(warning(what + ", and it may deny the devices"));
    }
  }

  void prepare_list(const DeviceCgroup& cgroup) {
    append(notes_,
           lists_.emplace_back(open_cgroup(cgroup), cgroup.directory, change_).prepare(devices_));
  }

  void prepare_filters(const DeviceCgroup& cgroup) {
    const std::size_t first = filters_.size();
    prepare_filter(open_cgroup(cgroup), cgroup.directory);
    if (const auto scope = parent_scope(cgroup.directory)) {
      UniqueFd directory = open_without_links(*scope);
      if (directory && holds_one_child_only(directory.get())) {
        prepare_filter(std::move(directory), *scope);
      }
    }
    std::size_t ours = 0;
    for (std::size_t at = first; at < filters_.size(); ++at) ours += filters_[at].attached();
    const auto effective = bpf::count_effective(filters_[first].cgroup());
    if (effective && *effective > ours) {
      notes_.push_back(info("the device filters of parent cgroups of `" + cgroup.directory +
                            "` stay as they are"));
    }
  }

  void prepare_filter(UniqueFd directory, std::string path) {
    append(notes_,
           filters_.emplace_back(std::move(directory), std::move(path), devices_, guesses_, change_)
               .prepare());
  }

  std::vector<DeviceNumber> devices_;
  FilterGuesses guesses_;
  DeviceChange change_;
  std::vector<DeviceList> lists_ = {};
  std::vector<DeviceFilter> filters_ = {};
  bool in_user_namespace_ = false;
  bool shares_scope_ = false;
  Notes notes_ = {};
};

DevicePermission::DevicePermission(std::string_view cgroup, std::string_view mountinfo,
                                   std::vector<DeviceNumber> devices, FilterGuesses guesses,
                                   DeviceChange change)
    : impl_(std::make_unique<Impl>(cgroup, mountinfo, std::move(devices), std::move(guesses),
                                   change)) {}
DevicePermission::DevicePermission(DevicePermission&&) noexcept = default;
DevicePermission& DevicePermission::operator=(DevicePermission&&) noexcept = default;
DevicePermission::~DevicePermission() = default;

std::vector<DeviceNumber> DevicePermission::missing() const { return impl_->missing(); }

void DevicePermission::grant() {
  // All or nothing.
  const auto revoke_all = [](Impl* impl) { impl->revoke(); };
  std::unique_ptr<Impl, decltype(revoke_all)> undone(impl_.get(), revoke_all);
  impl_->grant();
  (void)undone.release();
}

void DevicePermission::confirm() { impl_->confirm(); }

void DevicePermission::revoke() noexcept { impl_->revoke(); }

bool DevicePermission::shares_scope() const noexcept { return impl_->shares_scope(); }
bool DevicePermission::refused() const noexcept { return impl_->refused(); }

bool is_in_shared_scope(std::string_view cgroup, std::string_view mountinfo) {
  const auto found = find_device_cgroups(cgroup, mountinfo);
  return std::any_of(found.begin(), found.end(),
                     [](const DeviceCgroup& each) { return is_in_shared_scope(each.directory); });
}

const Notes& DevicePermission::notes() const noexcept { return impl_->notes(); }

}  // namespace nvhook
