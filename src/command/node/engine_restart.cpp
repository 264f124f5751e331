// SPDX-License-Identifier: Apache-2.0
// Nothing is executed: systemd is asked at its private socket, which needs no bus.
#include "command/node/engine_restart.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "cgroup/systemd/systemd_bus.hpp"
#include "os/errno_error.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Clock = SystemdBus::Clock;
constexpr std::chrono::seconds kAnswer{10};
/// Longer than systemd waits for a service to stop and start.
constexpr std::chrono::minutes kRestart{5};
constexpr std::chrono::milliseconds kPause{200};

[[noreturn]] void refuse_restart(const std::string& what, const std::string& why,
                                 const std::string& unit) {
  throw Error(Code::engine_restart_failed, what + ": " + why,
              "systemctl status " + unit + " on the node");
}

/// One question each: after an error, a connection takes no more.
SystemdBus::Answer ask_state(const std::string& unit, const RootDir& root) {
  auto bus = SystemdBus::connect(root);
  if (!bus) return {.why_not = errno_text(errno)};
  return bus->active_state(unit, Clock::now() + kAnswer);
}

/// The job is gone when it is done.
void wait_for_job(const std::string& job, const RootDir& root) {
  const auto end = Clock::now() + kRestart;
  while (Clock::now() < end) {
    auto bus = SystemdBus::connect(root);
    if (bus && !bus->job_state(job, Clock::now() + kAnswer).text) return;
    std::this_thread::sleep_for(kPause);
  }
}

void restart_unit(const std::string& unit, const RootDir& root) {
  auto bus = SystemdBus::connect(root);
  if (!bus) refuse_restart("ask systemd to restart " + unit, errno_text(errno), unit);
  const auto job = bus->restart(unit, Clock::now() + kAnswer);
  if (!job.text) refuse_restart("ask systemd to restart " + unit, job.why_not, unit);
  wait_for_job(*job.text, root);
  const auto state = ask_state(unit, root);
  if (state.text == "active") return;
  refuse_restart("restart " + unit, state.text ? "it is " + *state.text : state.why_not, unit);
}

}  // namespace

bool restart_by_systemd(const std::vector<std::string>& units, const RootDir& root,
                        std::string& why_not) {
  for (const std::string& unit : units) {
    const auto state = ask_state(unit, root);
    why_not = state.text ? unit + " is " + *state.text
                         : "systemd does not answer (" + state.why_not + ")";
    if (state.text != "active" && state.text != "activating" && state.text != "reloading") continue;
    restart_unit(unit, root);
    return true;
  }
  return false;
}

void signal_engine(const std::string& socket, const RootDir& root) {
  const auto refuse = [&](const std::string& what) {
    throw_errno(Code::engine_restart_failed, what,
                "let the installer see the node's processes (hostPID), or restart the engine "
                "yourself and leave --restart out");
  };
  const UniqueFd found = root.open(socket, O_PATH);
  const UniqueFd connected = found ? connect_to(found.get(), SOCK_STREAM) : UniqueFd();
  if (!connected) refuse("connect to `" + socket + "`");
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(connected.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) {
    errno = ESRCH;  // its number is of another namespace
    refuse("find the process that listens at `" + socket + "`");
  }
  const UniqueFd process = sys::pidfd_open(peer.pid);
  if (!process || ::syscall(SYS_pidfd_send_signal, process.get(), SIGHUP, nullptr, 0) != 0) {
    refuse("send SIGHUP to process " + std::to_string(peer.pid) + ", which listens at `" + socket +
           "`");
  }
  // It still listens for a moment; what comes next must find its successor.
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  constexpr int kLongestMs = 30'000;
  static_cast<void>(::poll(&ended, 1, kLongestMs));
}

}  // namespace nvhook
