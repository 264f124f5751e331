// SPDX-License-Identifier: Apache-2.0
// statmount(2) gives the mount below by its number, where mountinfo would list all mounts.
#include "os/mount_stack.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <tuple>

namespace nvhook {
namespace {

// Missing in older kernel headers: linux/stat.h, linux/mount.h.
constexpr unsigned kUniqueMountId = 0x4000;  // STATX_MNT_ID_UNIQUE, Linux 6.8
constexpr long kStatmount = 457;             // on all architectures
constexpr std::uint64_t kSuperblock = 1U << 0U;
constexpr std::uint64_t kNumbers = 1U << 1U;
constexpr std::uint64_t kRoot = 1U << 3U;
constexpr std::uint64_t kPoint = 1U << 4U;

/// mnt_id_req in its first version.
struct Question {
  std::uint32_t size = sizeof(Question);
  std::uint32_t spare = 0;
  std::uint64_t mount = 0;
  std::uint64_t wanted = kSuperblock | kNumbers | kRoot | kPoint;
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
std::optional<Mount> look_at(std::uint64_t id) {
  const Question question{.mount = id};
  Buffer buffer;  // NOLINT(*-member-init): the kernel fills it
  if (::syscall(kStatmount, &question, buffer.data(), buffer.size(), 0) != 0) return std::nullopt;
  Answer answer{};
  std::memcpy(&answer, buffer.data(), sizeof answer);
  if ((answer.given & question.wanted) != question.wanted) return std::nullopt;
  // The kernel ends texts with NUL, and begins them within what it filled.
  const std::string_view texts(buffer.data() + kTexts, buffer.size() - kTexts);
  const auto text = [&](std::uint32_t begin) {
    const std::string_view rest = texts.substr(begin < texts.size() ? begin : texts.size());
    return std::string(rest.substr(0, rest.find('\0')));
  };
  return Mount{.parent = answer.parent,
               .device_major = answer.device_major,
               .device_minor = answer.device_minor,
               .root = text(answer.root),
               .point = text(answer.point)};
}

std::optional<Mount> mount_of(int fd) {
  struct statx status {};
  const int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(fd, "", flags, kUniqueMountId, &status) != 0) return std::nullopt;
  if ((status.stx_mask & kUniqueMountId) == 0) return std::nullopt;
  return look_at(status.stx_mnt_id);
}

}  // namespace

std::optional<bool> shows_lowest_mount(int fd, const std::string& path) {
  constexpr int kMaxMounts = 64;
  const auto top = mount_of(fd);
  if (!top || top->point != path || path == "/") return std::nullopt;
  Mount lowest = *top;
  for (int i = 0; i < kMaxMounts; ++i) {
    auto below = look_at(lowest.parent);
    if (!below) return std::nullopt;
    if (below->point != path) return show_the_same(*top, lowest);
    lowest = *std::move(below);
  }
  return std::nullopt;
}

}  // namespace nvhook
