// SPDX-License-Identifier: Apache-2.0
// The private socket with peers that answer, refuse, lie, hang up and say nothing.
#include "system/systemd_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <vector>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;

constexpr const char* kSocket = "/run/systemd/private";

std::string reply(char type, const std::string& body = {}) {
  std::string bytes{'l', type, 0, 1};
  for (const std::size_t number : {body.size(), std::size_t{1}, std::size_t{0}}) {
    const auto value = static_cast<std::uint32_t>(number);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes + body;
}

/// A peer in a child that says `answer` once, to anything.
class Peer {
 public:
  explicit Peer(const std::string& answer, bool hangs_up = true, bool hears = true) {
    host_.directory("/run/systemd");
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    host_.below(kSocket).string().copy(static_cast<char*>(address.sun_path),
                                       sizeof address.sun_path - 1);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 1) != 0) {
      throw std::runtime_error("bind");
    }
    child_ = ::fork();
    if (child_ == 0) {
      std::array<char, 4096> buffer{};
      const int peer = ::accept(listener, nullptr, nullptr);
      if (!hears) ::_exit(0);
      bool talks = peer >= 0 && ::read(peer, buffer.data(), buffer.size()) > 0;
      talks = talks && ::write(peer, answer.data(), answer.size()) >= 0;
      if (talks && !hangs_up) ::pause();
      ::_exit(0);
    }
    ::close(listener);
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  Peer(Peer&&) = delete;
  Peer& operator=(Peer&&) = delete;
  ~Peer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

  /// What went wrong; empty: nothing. With `after_its_end` it is told when the peer has gone.
  [[nodiscard]] std::string tell(int deadline_ms = 10'000, bool after_its_end = false) const {
    const auto root = open_root(host_.path().string());
    auto bus = SystemdBus::connect(*root);
    if (!bus) return "not connected";
    siginfo_t ended{};
    if (after_its_end) ::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOWAIT);
    return bus->allow_devices("a.scope", {{195, 255}}, std::chrono::milliseconds(deadline_ms))
        .value_or("");
  }

 private:
  test::TemporaryDirectory host_ = {};
  pid_t child_ = -1;
};

TEST(SystemdBus, AReturnIsSuccess) { EXPECT_EQ(Peer("OK 1234\r\n" + reply(2)).tell(), ""); }

TEST(SystemdBus, AnErrorIsTold) {
  const std::string body("\7\0\0\0No unit\0", 12);
  EXPECT_EQ(Peer("OK 1234\r\n" + reply(3, body)).tell(), "No unit");
}

TEST(SystemdBus, ARefusalOfOurUserIsTold) {
  EXPECT_THAT(Peer("REJECTED EXTERNAL\r\n").tell(), HasSubstr("it refuses us: REJECTED EXTERNAL"));
}

TEST(SystemdBus, APeerThatHangsUpIsTold) {
  EXPECT_THAT(Peer("OK 1234\r\n").tell(), HasSubstr("Connection reset"));
}

TEST(SystemdBus, APeerThatIsGoneWhenItIsToldEndsNothing) {
  EXPECT_THAT(Peer("", true, false).tell(10'000, true), HasSubstr("Broken pipe"));
}

TEST(SystemdBus, AFullQueueOfConnectionsIsNotWaitedFor) {
  const test::TemporaryDirectory host;
  host.directory("/run/systemd");
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  host.below(kSocket).string().copy(static_cast<char*>(address.sun_path),
                                    sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  const auto root = open_root(host.path().string());
  std::vector<SystemdBus> waiting;
  for (int i = 0; i < 16; ++i) {
    auto bus = SystemdBus::connect(*root);
    if (!bus) return;  // and the test has not hung
    waiting.push_back(std::move(*bus));
  }
  FAIL() << "the queue has no end";
}

TEST(SystemdBus, ASilentPeerIsWaitedForNoLongerThanTheDeadline) {
  EXPECT_THAT(Peer("OK 1234\r\n", false).tell(50), HasSubstr("timed out"));
}

TEST(SystemdBus, NonsenseAndFloodsAreRefused) {
  EXPECT_THAT(Peer("OK 1\r\n" + std::string(64, 'x'), false).tell(), HasSubstr("makes no sense"));
  EXPECT_THAT(Peer(std::string(100'000, 'x'), false).tell(), HasSubstr("too large"));
}

TEST(SystemdBus, AHostWithoutItHasNone) {
  const test::TemporaryDirectory host;
  EXPECT_FALSE(SystemdBus::connect(*open_root(host.path().string())));
  host.write(kSocket);
  EXPECT_FALSE(SystemdBus::connect(*open_root(host.path().string())));
}

}  // namespace
}  // namespace nvhook
