// SPDX-License-Identifier: Apache-2.0
// statmount(2) and listmount(2), which name mounts by numbers that are never used again.
#include "os/mount_stack.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <tuple>

namespace nvhook {
namespace {

// Missing in older kernel headers: linux/stat.h, linux/mount.h.
constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE, Linux 6.8
constexpr long kStatmount = 457;             // on all architectures
constexpr long kListmount = 458;
constexpr std::uint64_t kSuperblock = 1U << 0U;
constexpr std::uint64_t kNumbers = 1U << 1U;
constexpr std::uint64_t kRoot = 1U << 3U;
constexpr std::uint64_t kPoint = 1U << 4U;

/// mnt_id_req in its first version.
struct Question {
  std::uint32_t size = sizeof(Question);
  std::uint32_t spare = 0;
  std::uint64_t mount = 0;
  std::uint64_t parameter = 0;  ///< for statmount what is wanted, for listmount where to go on
};

/// The head of the kernel's struct statmount. `root` and `point` say where texts begin in what
/// follows the whole of it.
struct Answer {
  std::uint32_t size;
  std::uint32_t options;
  std::uint64_t given;
  std::uint32_t device_major;
  std::uint32_t device_minor;
  std::uint64_t magic;
  std::uint32_t flags;
  std::uint32_t type;
  std::uint64_t id;
  std::uint64_t parent;
  std::array<std::uint32_t, 2> old_ids;
  std::array<std::uint64_t, 5> attributes;
  std::uint32_t root;
  std::uint32_t point;
};
constexpr std::size_t kTexts = 512;
static_assert(sizeof(Answer) < kTexts);

// Two paths of the greatest length.
using Buffer = std::array<char, kTexts + 2UL * 4096>;

struct Mount {
  std::uint64_t parent = 0;
  unsigned device_major = 0;
  unsigned device_minor = 0;
  std::string root = {};   ///< which directory of the file system is mounted
  std::string point = {};  ///< where
};

bool show_the_same(const Mount& a, const Mount& b) {
  return std::tie(a.device_major, a.device_minor, a.root) ==
         std::tie(b.device_major, b.device_minor, b.root);
}

/// Returns nullopt if the kernel has no such call, if a filter refuses it, and for a mount that
/// this process cannot reach.
std::optional<Mount> look_at(std::uint64_t id, std::uint64_t wanted) {
  const Question question{.mount = id, .parameter = wanted};
  Buffer buffer;  // NOLINT(*-member-init): the kernel fills it
  if (::syscall(kStatmount, &question, buffer.data(), buffer.size(), 0) != 0) return std::nullopt;
  Answer answer{};
  std::memcpy(&answer, buffer.data(), sizeof answer);
  if ((answer.given & wanted) != wanted) return std::nullopt;
  // The kernel ends texts with NUL, and begins them within what it filled.
  const std::string_view texts(buffer.data() + kTexts, buffer.size() - kTexts);
  const auto text = [&](std::uint64_t what, std::uint32_t begin) {
    if ((wanted & what) == 0 || begin >= texts.size()) return std::string();
    const std::string_view rest = texts.substr(begin);
    return std::string(rest.substr(0, rest.find('\0')));
  };
  return Mount{.parent = answer.parent,
               .device_major = answer.device_major,
               .device_minor = answer.device_minor,
               .root = text(kRoot, answer.root),
               .point = text(kPoint, answer.point)};
}

}  // namespace

std::uint64_t unique_mount_id(int fd) noexcept {
  struct statx status {};
  const int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(fd, "", flags, kUniqueMountId, &status) != 0) return 0;
  return (status.stx_mask & kUniqueMountId) != 0 ? status.stx_mnt_id : 0;
}

std::optional<bool> shows_lowest_mount(int fd, const std::string& path) {
  constexpr int kMaxMounts = 64;
  constexpr std::uint64_t kWanted = kSuperblock | kNumbers | kRoot | kPoint;
  const std::uint64_t id = unique_mount_id(fd);
  const auto top = id == 0 ? std::nullopt : look_at(id, kWanted);
  if (!top || top->point != path || path == "/") return std::nullopt;
  Mount lowest = *top;
  for (int i = 0; i < kMaxMounts; ++i) {
    auto below = look_at(lowest.parent, kWanted);
    if (!below) return std::nullopt;
    if (below->point != path) return show_the_same(*top, lowest);
    lowest = *std::move(below);
  }
  return std::nullopt;
}

std::optional<std::set<std::string, std::less<>>> names_mounted_over(
    int fd, const std::string& path, const std::set<std::uint64_t>& known) {
  std::array<std::uint64_t, 1024> mounts;  // NOLINT(*-member-init): the kernel fills it
  const Question question{.mount = unique_mount_id(fd)};
  if (question.mount == 0) return std::nullopt;
  const long count = ::syscall(kListmount, &question, mounts.data(), mounts.size(), 0);
  if (count < 0 || static_cast<std::size_t>(count) == mounts.size()) return std::nullopt;
  const std::string directory = path + "/";
  std::set<std::string, std::less<>> names;
  for (const std::uint64_t id : std::span(mounts).first(static_cast<std::size_t>(count))) {
    if (known.contains(id)) continue;
    const auto mount = look_at(id, kPoint);
    if (!mount) return std::nullopt;
    const std::string_view point = mount->point;
    if (!point.starts_with(directory)) continue;
    const std::string_view name = point.substr(directory.size());
    if (name.find('/') == std::string_view::npos) names.emplace(name);
  }
  return names;
}

}  // namespace nvhook
