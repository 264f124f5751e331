// SPDX-License-Identifier: Apache-2.0
// Read loops with limits and deadlines.
#include "os/files.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "os/syscalls.hpp"

namespace nvhook {
namespace {

// Most files fit into the first read, which goes to a buffer on the stack: each page of the heap
// that is touched for the first time costs a page fault.
constexpr std::size_t kFirstRead = 4096;
constexpr std::size_t kLargestRead = 1UL << 20U;
// Of a library: its headers, and in many its SONAME.
constexpr std::size_t kHead = 1024;

/// Reads a JSON text byte by byte, only to find where its outermost object or array is closed.
class DocumentEnd {
 public:
  /// Returns true once the document has ended within the bytes fed so far.
  bool feed(std::string_view bytes) noexcept {
    return std::any_of(bytes.begin(), bytes.end(), [this](char byte) { return step(byte); });
  }

 private:
  bool step(char byte) noexcept {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (byte == '\\') {
        escaped_ = true;
      } else if (byte == '"') {
        in_string_ = false;
      }
      return false;
    }
    if (byte == '"') in_string_ = true;
    if (byte == '{' || byte == '[') ++depth_;
    return (byte == '}' || byte == ']') && --depth_ <= 0;
  }

  long depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

ssize_t read_once(int fd, char* bytes, std::size_t size) noexcept {
  ssize_t count = -1;
  do {
    count = ::read(fd, bytes, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Appends one read to `bytes`. Returns the result of read(2); -1 with EFBIG if `bytes` is longer
/// than `limit`.
ssize_t append_read(int fd, std::string& bytes, std::size_t limit) {
  const std::size_t before = bytes.size();
  ssize_t count = -1;
  if (before < kFirstRead) {
    std::array<char, kFirstRead> buffer;  // NOLINT(*-member-init): read fills it
    count = read_once(fd, buffer.data(), buffer.size());
    if (count > 0) bytes.append(buffer.data(), static_cast<std::size_t>(count));
  } else {
    const bool is_full = bytes.capacity() == before;
    const std::size_t room = is_full ? before : bytes.capacity() - before;
    bytes.resize(before + std::min(room, kLargestRead));
    count = read_once(fd, bytes.data() + before, bytes.size() - before);
    bytes.resize(before + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  if (bytes.size() > limit) {
    errno = EFBIG;
    return -1;
  }
  return count;
}

ReadAt unbuffered_reader_of(int fd) {
  return [fd](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t count = ::pread(fd, bytes.data(), size, static_cast<off_t>(offset));
    // An error must not look like the end of the file. EINVAL is an offset that no file can have,
    // from a header with false values.
    if (count < 0 && errno != EINVAL) {
      throw_errno(Code::internal, "read a library", "look at the kernel's log: a disk may fail");
    }
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return bytes;
  };
}

}  // namespace

std::optional<std::string> read_all(int fd, std::size_t limit, std::size_t expected) {
  std::string bytes;
  if (expected > kFirstRead) bytes.reserve(std::min(expected, limit) + 1);
  while (true) {
    const ssize_t count = append_read(fd, bytes, limit);
    if (count < 0) return std::nullopt;
    if (count == 0) return bytes;
  }
}

std::optional<std::string> read_document(int fd, std::size_t limit,
                                         std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  std::string bytes;
  DocumentEnd document;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const int polled = left.count() <= 0 ? 0 : ::poll(&ready, 1, static_cast<int>(left.count()));
    if (polled < 0 && errno == EINTR) continue;
    if (polled == 0) errno = ETIMEDOUT;
    if (polled <= 0) return std::nullopt;
    const std::size_t before = bytes.size();
    const ssize_t count = append_read(fd, bytes, limit);
    if (count < 0) return std::nullopt;
    if (count == 0 || document.feed(std::string_view(bytes).substr(before))) return bytes;
  }
}

ReadAt reader_of(int fd) {
  const ReadAt read = unbuffered_reader_of(fd);
  return [read, head = read(0, kHead)](std::uint64_t offset, std::size_t size) {
    const bool is_in_head = size <= head.size() && offset <= head.size() - size;
    return is_in_head ? head.substr(static_cast<std::size_t>(offset), size) : read(offset, size);
  };
}

bool write_all(int fd, std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::optional<std::string> read_host_file(const std::string& path, std::size_t limit) {
  const UniqueFd file =
      sys::open_beneath(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, 0);
  if (!file) return std::nullopt;
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) {
    errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
    return std::nullopt;
  }
  return read_all(file.get(), limit);
}

}  // namespace nvhook
