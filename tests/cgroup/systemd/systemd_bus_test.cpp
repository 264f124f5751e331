// SPDX-License-Identifier: Apache-2.0
// The private socket with peers that answer, refuse, lie, hang up and say nothing.
#include "cgroup/systemd/systemd_bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vector>

#include "support/systemd_peer.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;
using End = SystemdPeer::End;

SystemdBus::Clock::time_point within(int milliseconds = 10'000) {
  return SystemdBus::Clock::now() + std::chrono::milliseconds(milliseconds);
}

SystemdBus connect(const TemporaryDirectory& host) {
  auto bus = SystemdBus::connect(*open_root(host.path().string()));
  if (!bus) throw std::runtime_error("not connected");
  return *std::move(bus);
}

std::string told(const SystemdBus::Answer& answer) {
  return answer.text ? "success" : answer.why_not;
}

/// The result of allow_devices with a peer that answers `answer`.
std::string tell(const std::string& answer, End end = End::hangs_up, int deadline_ms = 10'000) {
  const TemporaryDirectory host;
  const SystemdPeer peer(host, {answer}, end);
  return told(connect(host).allow_devices("a.scope", {{195, 255}}, within(deadline_ms)));
}

std::string error_message(const std::string& text) {
  return bus_message(3, std::string{static_cast<char>(text.size()), 0, 0, 0} + text + '\0');
}

TEST(SystemdBus, AReturnIsSuccess) { EXPECT_EQ(tell("OK 1234\r\n" + bus_message(2)), "success"); }

TEST(SystemdBus, TheControlGroupIsWhatItSays) {
  for (const char* path : {"/system.slice/a.scope", ""}) {
    const TemporaryDirectory host;
    const SystemdPeer peer(host, {"OK 1\r\n" + property_message(path)});
    EXPECT_EQ(connect(host).control_group("a.scope", within()).text, path);
  }
}

TEST(SystemdBus, AControlGroupThatIsNoTextIsNone) {
  const TemporaryDirectory host;
  const SystemdPeer peer(host, {"OK 1\r\n" + bus_message(2, "abc")});
  EXPECT_THAT(told(connect(host).control_group("a.scope", within())), HasSubstr("no sense"));
}

TEST(SystemdBus, OneCallComesAfterTheOther) {
  const TemporaryDirectory host;
  const std::string first = "OK 1\r\n" + bus_message(4, "signal") + property_message("/a.scope");
  const SystemdPeer peer(host, {first, error_message("No unit")});
  SystemdBus bus = connect(host);
  EXPECT_EQ(bus.control_group("a.scope", within()).text, "/a.scope");
  EXPECT_EQ(told(bus.allow_devices("a.scope", {{195, 255}}, within())), "No unit");
}

TEST(SystemdBus, AnErrorIsTold) {
  EXPECT_EQ(tell("OK 1234\r\n" + error_message("No unit")), "No unit");
  EXPECT_EQ(tell("OK 1234\r\n" + bus_message(3)), "an error without a text");
}

TEST(SystemdBus, ARefusalOfOurUserIsTold) {
  EXPECT_THAT(tell("REJECTED EXTERNAL\r\n"), HasSubstr("it refuses us: REJECTED EXTERNAL"));
}

TEST(SystemdBus, APeerThatHangsUpIsTold) {
  EXPECT_THAT(tell("OK 1234\r\n"), HasSubstr("Connection reset"));
}

TEST(SystemdBus, APeerThatIsGoneWhenItIsToldEndsNothing) {
  const TemporaryDirectory host;
  const SystemdPeer peer(host, {});
  SystemdBus bus = connect(host);
  peer.wait_for_its_end();
  EXPECT_THAT(told(bus.allow_devices("a.scope", {{195, 255}}, within())), HasSubstr("Broken pipe"));
}

TEST(SystemdBus, AFullQueueOfConnectionsIsNotWaitedFor) {
  const TemporaryDirectory host;
  host.directory("/run/systemd");
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  host.below(kPrivateSocket)
      .string()
      .copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  const auto root = open_root(host.path().string());
  std::vector<SystemdBus> waiting;
  for (int i = 0; i < 16; ++i) {
    auto bus = SystemdBus::connect(*root);
    if (!bus) return;  // and the test did not hang
    waiting.push_back(std::move(*bus));
  }
  FAIL() << "the queue has no end";
}

TEST(SystemdBus, ASilentPeerIsWaitedForNoLongerThanTheDeadline) {
  EXPECT_THAT(tell("OK 1234\r\n", End::stays, 50), HasSubstr("timed out"));
}

TEST(SystemdBus, NonsenseAndFloodsAreRefused) {
  EXPECT_THAT(tell("OK 1\r\n" + std::string(64, 'x'), End::stays), HasSubstr("makes no sense"));
  EXPECT_THAT(tell(std::string(100'000, 'x'), End::stays), HasSubstr("too large"));
}

TEST(SystemdBus, AHostWithoutItHasNone) {
  const TemporaryDirectory host;
  EXPECT_FALSE(SystemdBus::connect(*open_root(host.path().string())));
  host.write(kPrivateSocket);
  EXPECT_FALSE(SystemdBus::connect(*open_root(host.path().string())));
}

}  // namespace
}  // namespace nvhook
