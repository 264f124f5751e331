// SPDX-License-Identifier: Apache-2.0
// systemd's private D-Bus socket.
#include "system/systemd_bus.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/dbus_message.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSocket = "/run/systemd/private";
// User 0 in hexadecimal digits of its decimal digits; the kernel tells the peer who we are.
constexpr std::string_view kHello{"\0AUTH EXTERNAL 30\r\nBEGIN\r\n", 26};
constexpr std::string_view kAccepted = "OK ";
constexpr std::size_t kMaxAnswer = 64UL << 10U;

/// Appends what comes within the time to `bytes`; false with errno.
bool receive(int socket, Clock::time_point end, std::string& bytes) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  const int count = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
  if (count == 0) errno = ETIMEDOUT;
  if (count <= 0) return false;
  std::array<char, 4096> buffer{};
  const ssize_t size = ::read(socket, buffer.data(), buffer.size());
  if (size == 0) errno = ECONNRESET;
  if (size <= 0) return false;
  bytes.append(buffer.data(), static_cast<std::size_t>(size));
  if (bytes.size() > kMaxAnswer) errno = EFBIG;
  return bytes.size() <= kMaxAnswer;
}

}  // namespace

std::optional<SystemdBus> SystemdBus::connect(const RootDir& system) {
  const UniqueFd found = system.open(kSocket, O_PATH | O_NOFOLLOW);
  if (!found) return std::nullopt;
  // Without waiting: a full queue of connections must not hold a container up.
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = "/proc/self/fd/" + std::to_string(found.get());
  path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return std::nullopt;
  }
  return SystemdBus(std::move(socket));
}

std::optional<std::string> SystemdBus::allow_devices(std::string_view unit,
                                                     const std::vector<DeviceNumber>& devices,
                                                     std::chrono::milliseconds deadline) {
  const auto end = Clock::now() + deadline;
  const std::string call = std::string(kHello) + device_allow_call(unit, devices);
  // A peer that has hung up must not end this process by a signal. The call is far smaller than a
  // socket's buffer: what does not fit at once is a failure.
  const ssize_t sent = ::send(socket_.get(), call.data(), call.size(), MSG_NOSIGNAL);
  if (sent < 0) return errno_text(errno);
  if (static_cast<std::size_t>(sent) != call.size()) return "it does not take the whole call";
  std::string bytes;
  while (true) {
    if (!receive(socket_.get(), end, bytes)) return errno_text(errno);
    const auto line = bytes.find("\r\n");
    if (line == std::string::npos) continue;
    if (!bytes.starts_with(kAccepted)) return "it refuses us: " + bytes.substr(0, line);
    const DbusInput input = read_dbus_reply(std::string_view(bytes).substr(line + 2));
    if (input.is_malformed) return "its answer makes no sense";
    if (!input.reply) continue;
    return input.reply->is_error ? std::optional(input.reply->error) : std::nullopt;
  }
}

}  // namespace nvhook
