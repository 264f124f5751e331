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
#include <string_view>
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

/// Sends its next answer for each message that it receives; of the first answer, the line that ends
/// the introduction, for that. As systemd it does nothing about a call that arrives with the
/// introduction, until more arrives.
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
    bool is_known = false;
    for (std::string_view answer : answers) {
      if (!is_known) {
        if (!take(peer).ends_with("BEGIN\r\n")) ::pause();
        const std::size_t line = answer.find("\r\n");
        const std::size_t size = line == std::string_view::npos ? answer.size() : line + 2;
        send(peer, answer.substr(0, size));
        answer.remove_prefix(size);
        is_known = true;
      }
      if (take(peer).empty()) ::_exit(0);
      send(peer, answer);
    }
    if (end == End::stays) ::pause();
    ::_exit(0);
  }

  static std::string take(int peer) {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(peer, buffer.data(), buffer.size());
    return {buffer.data(), size < 0 ? 0 : static_cast<std::size_t>(size)};
  }

  static void send(int peer, std::string_view bytes) {
    if (::write(peer, bytes.data(), bytes.size()) < 0) ::_exit(0);
  }

  pid_t child_ = -1;
};

}  // namespace nvhook::test
