// SPDX-License-Identifier: Apache-2.0
// A daemon's socket on a simulated host, and what was sent there.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <filesystem>
#include <string>

#include "os/unique_fd.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook::test {

/// The socket of a daemon at `path` of the host.
inline UniqueFd listen_at(const TemporaryDirectory& host, const std::string& path) {
  std::filesystem::create_directories(host.below(path).parent_path());
  UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  host.below(path).string().copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  require(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0,
          "bind");
  return socket;
}

/// Returns the next datagram; empty if there is none.
inline std::string heard(const UniqueFd& socket) {
  std::array<char, 4096> text{};
  const ssize_t length = ::recv(socket.get(), text.data(), text.size(), 0);
  return length < 0 ? std::string() : std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace nvhook::test
