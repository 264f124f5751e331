// SPDX-License-Identifier: Apache-2.0
// One call at a time; every wait ends at the caller's deadline.
#include "cgroup/systemd/systemd_bus.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cgroup/systemd/dbus_message.hpp"
#include "os/device_number.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

using Clock = SystemdBus::Clock;

constexpr const char* kSocket = "/run/systemd/private";
// User 0: the text "0" in hexadecimal. The kernel shows the peer who we are.
constexpr std::string_view kHello{"\0AUTH EXTERNAL 30\r\nBEGIN\r\n", 26};
constexpr std::string_view kAccepted = "OK ";
constexpr const char* kNonsense = "its answer makes no sense";
constexpr std::size_t kMaxAnswer = 64UL << 10U;

/// Appends what arrives before `end` to `bytes`; returns false, with errno, if nothing does.
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
  UniqueFd socket = connect_to(found.get(), SOCK_STREAM);
  if (!socket) return std::nullopt;
  return SystemdBus(std::move(socket));
}

SystemdBus::Answer SystemdBus::control_group(std::string_view unit, Clock::time_point end) {
  return ask(control_group_call(unit), end, text_of_variant);
}

SystemdBus::Answer SystemdBus::active_state(std::string_view unit, Clock::time_point end) {
  return ask(active_state_call(unit), end, text_of_variant);
}

SystemdBus::Answer SystemdBus::restart(std::string_view unit, Clock::time_point end) {
  return ask(restart_call(unit), end, object_path_of);
}

SystemdBus::Answer SystemdBus::job_state(std::string_view job, Clock::time_point end) {
  return ask(job_state_call(job), end, text_of_variant);
}

SystemdBus::Answer SystemdBus::ask(const std::string& message, Clock::time_point end, Parse parse) {
  Answer answer = call(message, end);
  if (answer.text) answer.text = parse(*answer.text);
  if (!answer.text && answer.why_not.empty()) answer.why_not = kNonsense;
  return answer;
}

SystemdBus::Answer SystemdBus::allow_devices(std::string_view unit,
                                             const std::vector<DeviceNumber>& devices,
                                             Clock::time_point end) {
  return call(device_allow_call(unit, devices), end);
}

SystemdBus::Answer SystemdBus::call(const std::string& message, Clock::time_point end) {
  if (!is_known_) {
    Answer known = introduce(end);
    if (!known.text) return known;
  }
  Answer sent = send(message);
  return sent.text ? take_reply(end) : sent;
}

SystemdBus::Answer SystemdBus::introduce(Clock::time_point end) {
  Answer sent = send(kHello);
  if (!sent.text) return sent;
  std::size_t line = std::string::npos;
  while ((line = received_.find("\r\n")) == std::string::npos) {
    if (!receive(socket_.get(), end, received_)) return {.why_not = errno_text(errno)};
  }
  if (!received_.starts_with(kAccepted)) {
    return {.why_not = "it refuses us: " + received_.substr(0, line)};
  }
  is_known_ = true;
  received_.erase(0, line + 2);
  return {.text = ""};
}

SystemdBus::Answer SystemdBus::send(std::string_view bytes) const {
  // MSG_NOSIGNAL: a peer that hangs up must not kill this process. What is sent is far smaller than
  // a socket's buffer, so a partial write is an error.
  const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0) return {.why_not = errno_text(errno)};
  if (static_cast<std::size_t>(sent) != bytes.size()) {
    return {.why_not = "it does not take the whole call"};
  }
  return {.text = ""};
}

SystemdBus::Answer SystemdBus::take_reply(Clock::time_point end) {
  while (true) {
    const DbusInput input = read_dbus_reply(received_);
    if (input.is_malformed) return {.why_not = kNonsense};
    if (!input.reply) {
      if (!receive(socket_.get(), end, received_)) return {.why_not = errno_text(errno)};
      continue;
    }
    received_.erase(0, input.reply->size);
    if (input.reply->is_error) {
      return {.why_not =
                  input.reply->error.empty() ? "an error without a text" : input.reply->error};
    }
    return {.text = input.reply->body};
  }
}

}  // namespace nvhook
