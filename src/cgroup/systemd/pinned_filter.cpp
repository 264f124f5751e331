// SPDX-License-Identifier: Apache-2.0
// Reads the runtime's pinned program, extends a copy of it, and pins that.
#include "cgroup/systemd/pinned_filter.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "cgroup/bpf.hpp"
#include "cgroup/device_filter.hpp"
#include "cgroup/systemd/scope_drop_in.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kBpffs = "/sys/fs/bpf";
constexpr const char* kDirectoryName = "oci-nvidia-hook";
constexpr mode_t kPrivate = 0700;
constexpr const char* kRemedy =
    "mount bpffs on /sys/fs/bpf, or start the container with runc or with the cgroupfs manager";

bool is_bpffs(int fd) noexcept {
  struct statfs filesystem {};
  return ::fstatfs(fd, &filesystem) == 0 && filesystem.f_type == BPF_FS_MAGIC;
}

/// Our directory, which is made if it is missing.
UniqueFd open_pin_directory(const RootDir& system) {
  const UniqueFd top = system.open(kBpffs, O_PATH | O_DIRECTORY);
  if (!top) throw_errno(Code::device_filter_failed, "open `/sys/fs/bpf`", kRemedy);
  if (!is_bpffs(top.get())) {
    throw Error(Code::device_filter_failed, "`/sys/fs/bpf` is no bpffs", kRemedy);
  }
  if (::mkdirat(top.get(), kDirectoryName, kPrivate) != 0 && errno != EEXIST) {
    throw_errno(Code::device_filter_failed, std::string("make `") + kPinDirectory + "`", kRemedy);
  }
  UniqueFd directory =
      sys::open_beneath(top.get(), kDirectoryName, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!directory) {
    throw_errno(Code::device_filter_failed, std::string("open `") + kPinDirectory + "`", kRemedy);
  }
  return directory;
}

UniqueFd open_program(const RootDir& system, const std::string& path) {
  const UniqueFd file = system.open(path, O_PATH);
  const std::string what = "open the pinned device filter `" + path + "`";
  if (file && !is_bpffs(file.get())) {
    throw Error(Code::device_filter_failed, what + ": it is not in a bpffs", kRemedy);
  }
  UniqueFd program = file ? bpf::open_pinned(file.get()) : UniqueFd();
  if (!program) throw_errno(Code::device_filter_failed, what, kRemedy);
  return program;
}

}  // namespace

PinnedFilter::PinnedFilter(const RootDir& system, const std::string& scope, const std::string& path,
                           FilterGuesses guesses)
    : name_(pin_name(scope)),
      guesses_(std::move(guesses)),
      program_(open_program(system, path)),
      directory_(open_pin_directory(system)) {}

void PinnedFilter::pin(const std::vector<DeviceNumber>& devices) {
  const FilterReading reading = read_filter(program_.get(), guesses_, devices);
  if (!reading.why_not.empty()) {
    throw Error(Code::device_filter_failed,
                "read the device filter that the runtime pinned: " + reading.why_not, kRemedy);
  }
  if (const auto obstacle = reload_obstacle(reading.instructions)) {
    throw Error(Code::device_filter_failed,
                "the device filter that the runtime pinned cannot be extended: " + *obstacle,
                kRemedy);
  }
  const bpf::Loaded copy =
      bpf::load_device_filter(prepend_device_rules(reading.instructions, devices));
  if (!copy.program) {
    throw Error(Code::device_filter_failed, "load a copy of the device filter: " + copy.reason,
                kRemedy);
  }
  int error = bpf::pin(copy.program.get(), directory_.get(), name_.c_str());
  if (error == EEXIST && ::unlinkat(directory_.get(), name_.c_str(), 0) == 0) {
    error = bpf::pin(copy.program.get(), directory_.get(), name_.c_str());
  }
  if (error != 0) {
    errno = error;
    throw_errno(Code::device_filter_failed, "pin a device filter as `" + path() + "`", kRemedy);
  }
  is_pinned_ = true;
}

bool PinnedFilter::grants(const std::vector<DeviceNumber>& devices) const {
  const UniqueFd file(::openat(directory_.get(), name_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const UniqueFd program = file ? bpf::open_pinned(file.get()) : UniqueFd();
  if (!program) return false;
  const FilterReading reading = read_filter(program.get(), guesses_, devices);
  const std::vector<DeviceNumber> granted = granted_by_prologue(reading.instructions);
  return std::all_of(devices.begin(), devices.end(), [&](DeviceNumber device) {
    return std::find(granted.begin(), granted.end(), device) != granted.end();
  });
}

void PinnedFilter::unpin() noexcept {
  if (is_pinned_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  is_pinned_ = false;
}

std::vector<std::string> remove_stale_pins(const RootDir& system) {
  std::vector<std::string> stale;
  const RootDir pins(system.open(kPinDirectory, O_PATH | O_DIRECTORY | O_NOFOLLOW));
  if (pins.fd() < 0) return stale;
  // A hook pins after its scope was made. Pins first: a scope that comes later is in the second
  // list.
  std::vector<std::string> names = pins.list(".");
  std::vector<std::string> alive =
      system.list(kTransientUnits, [](std::string_view name) { return name.ends_with(".scope"); });
  std::transform(alive.begin(), alive.end(), alive.begin(),
                 [](const std::string& scope) { return pin_name(scope); });
  for (std::string& name : names) {
    if (std::find(alive.begin(), alive.end(), name) != alive.end()) continue;
    if (::unlinkat(pins.fd(), name.c_str(), 0) == 0) stale.push_back(std::move(name));
  }
  return stale;
}

}  // namespace nvhook
