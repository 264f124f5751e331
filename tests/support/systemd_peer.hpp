// SPDX-License-Identifier: Apache-2.0
// A process that listens where systemd does and sends the answers that the test wants.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/temporary_directory.hpp"

namespace nvhook::test {

inline constexpr const char* kPrivateSocket = "/run/systemd/private";

/// Returns a D-Bus message without header fields: `type` 2 is a return, 3 an error.
inline std::string bus_message(char type, const std::string& body = {}) {
  std::string bytes{'l', type, 0, 1};
  for (const std::size_t number : {body.size(), std::size_t{1}, std::size_t{0}}) {
    const auto value = static_cast<std::uint32_t>(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes + body;
}

/// Returns systemd's reply for a string property.
inline std::string property_message(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return bus_message(2, std::string("\1s\0\0", 4) +
                            std::string(reinterpret_cast<const char*>(&size), sizeof size) + text +
                            '\0');
}

/// Sends its next answer for each message that it receives.
class SystemdPeer {
 public:
  enum class End { hangs_up, stays };

  SystemdPeer(const TemporaryDirectory& host, const std::vector<std::string>& answers,
              End end = End::hangs_up) {
    host.directory("/run/systemd");
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    host.below(kPrivateSocket)
        .string()
        .copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 1) != 0) {
      throw std::runtime_error("bind");
    }
    child_ = ::fork();
    if (child_ == 0) talk(::accept(listener, nullptr, nullptr), answers, end);
    ::close(listener);
  }
  SystemdPeer(const SystemdPeer&) = delete;
  SystemdPeer& operator=(const SystemdPeer&) = delete;
  SystemdPeer(SystemdPeer&&) = delete;
  SystemdPeer& operator=(SystemdPeer&&) = delete;
  ~SystemdPeer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  void wait_for_its_end() const {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOWAIT);
  }

 private:
  [[noreturn]] static void talk(int peer, const std::vector<std::string>& answers, End end) {
    std::array<char, 4096> buffer{};
    for (const std::string& answer : answers) {
      const bool talks = peer >= 0 && ::read(peer, buffer.data(), buffer.size()) > 0 &&
                         ::write(peer, answer.data(), answer.size()) >= 0;
      if (!talks) ::_exit(0);
    }
    if (end == End::stays) ::pause();
    ::_exit(0);
  }

  pid_t child_ = -1;
};

}  // namespace nvhook::test
