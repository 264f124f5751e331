// SPDX-License-Identifier: Apache-2.0
// Nothing here waits without an end, except for the next call of a runtime.
#include "command/nri/nri_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "os/errno_error.hpp"
#include "os/own_procfs.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr timeval kSendLimit{.tv_sec = 2, .tv_usec = 0};

}  // namespace

EndSignals::EndSignals() {
  sigset_t ends{};
  ::sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends, signal);
  ::pthread_sigmask(SIG_BLOCK, &ends, &before_);
  signals_ = UniqueFd(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw_errno(Code::internal, "wait for signals", "free file descriptors");
}

EndSignals::~EndSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool EndSignals::wait(int fd, std::chrono::milliseconds time) const {
  std::array<pollfd, 2> ready{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
  static_cast<void>(::poll(ready.data(), ready.size(), static_cast<int>(time.count())));
  if (ready[0].revents == 0) return false;
  // Taken out, or it would end the process when it is no longer blocked.
  signalfd_siginfo taken{};
  return ::read(signals_.get(), &taken, sizeof taken) > 0;
}

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
