// SPDX-License-Identifier: Apache-2.0
// Nothing here waits without an end, except for the next call of a runtime.
#include "command/nri/nri_socket.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

#include "os/own_procfs.hpp"

namespace nvhook {
namespace {

constexpr timeval kSendLimit{.tv_sec = 2, .tv_usec = 0};

}  // namespace

UniqueFd connect_to_nri(const RootDir& system, const std::string& path) {
  const UniqueFd found = system.open(path, O_PATH);
  if (!found) return UniqueFd();
  UniqueFd socket = connect_to(found.get(), SOCK_STREAM);
  if (socket) {
    // connect_to() is for short questions, on a socket that does not block.
    const int flags = ::fcntl(socket.get(), F_GETFL);
    ::fcntl(socket.get(), F_SETFL, flags & ~O_NONBLOCK);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit, sizeof kSendLimit);
  }
  return socket;
}

bool send_all(int socket, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t size = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return false;
    sent += static_cast<std::size_t>(size);
  }
  return true;
}

std::optional<std::string> receive_some(int socket) {
  constexpr std::size_t kAtOnce = 64UL << 10U;
  std::string buffer(kAtOnce, '\0');
  ssize_t size = 0;
  do {
    size = ::recv(socket, buffer.data(), buffer.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size == 0) errno = 0;
  if (size <= 0) return std::nullopt;
  buffer.resize(static_cast<std::size_t>(size));
  return buffer;
}

}  // namespace nvhook
