// SPDX-License-Identifier: Apache-2.0
// The calls to systemd against bytes derived by hand from the specification, and hostile replies.
#include "cgroup/systemd/dbus_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace nvhook {
namespace {

using testing::HasSubstr;

std::uint32_t number_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string message(char type, const std::string& body, std::size_t fields = 0) {
  std::string bytes{'l', type, 0, 1};
  const auto number = [&](std::uint32_t value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  number(static_cast<std::uint32_t>(body.size()));
  number(7);
  number(static_cast<std::uint32_t>(fields));
  bytes.append((fields + 7) / 8 * 8, '\0');
  return bytes + body;
}

std::string text_body(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text + '\0';
}

TEST(DbusCall, HasTheLengthsAndAlignmentsOfTheSpecification) {
  const std::string call = device_allow_call("a.scope", {{195, 255}, {511, 0}});
  EXPECT_EQ(call.substr(0, 4), std::string("l\1\0\1", 4));
  EXPECT_EQ(number_at(call, 8), 2U);  // serial
  const std::size_t fields = number_at(call, 12);
  const std::size_t body_at = (16 + fields + 7) / 8 * 8;
  ASSERT_EQ(call.size(), body_at + number_at(call, 4));

  const std::string body = call.substr(body_at);
  EXPECT_EQ(number_at(body, 0), 7U);
  EXPECT_EQ(body.substr(4, 8), std::string("a.scope\0", 8));
  EXPECT_EQ(number_at(body, 12), 1U);                // runtime
  EXPECT_EQ(number_at(body, 16), body.size() - 24);  // the properties, after 4 bytes of padding
  EXPECT_EQ(body.substr(28, 12), std::string("DeviceAllow\0", 12));
  EXPECT_EQ(body.substr(40, 7), std::string("\5a(ss)\0", 7));
  EXPECT_EQ(number_at(body, 48), body.size() - 56);  // the devices
  EXPECT_EQ(number_at(body, 56), 17U);
  EXPECT_EQ(body.substr(60, 18), std::string("/dev/char/195:255\0", 18));
  EXPECT_EQ(number_at(body, 80), 2U);
  EXPECT_EQ(body.substr(84, 3), std::string("rw\0", 3));
  EXPECT_EQ(number_at(body, 88), 15U);
  EXPECT_EQ(body.substr(92, 16), std::string("/dev/char/511:0\0", 16));
}

TEST(DbusCall, NamesTheUnitInTheFormOfObjectPaths) {
  const std::string call = control_group_call("7-a_b.scope");
  EXPECT_EQ(number_at(call, 8), 1U);  // serial
  const std::size_t body_at = (16 + number_at(call, 12) + 7) / 8 * 8;
  ASSERT_EQ(call.size(), body_at + number_at(call, 4));
  // The first field: path, of type `o`.
  EXPECT_EQ(call.substr(16, 4), std::string("\1\1o\0", 4));
  const std::string path = "/org/freedesktop/systemd1/unit/_37_2da_5fb_2escope";
  EXPECT_EQ(number_at(call, 20), path.size());
  EXPECT_EQ(call.substr(24, path.size() + 1), path + '\0');
  const std::string body = call.substr(body_at);
  EXPECT_EQ(number_at(body, 0), 30U);
  EXPECT_EQ(body.substr(4, 31), std::string("org.freedesktop.systemd1.Scope\0", 31));
  EXPECT_EQ(number_at(body, 36), 12U);
  EXPECT_EQ(body.substr(40), std::string("ControlGroup\0", 13));
}

TEST(DbusCall, OfUnitsAndJobsNameTheirObjectAndMember) {
  const std::string state = active_state_call("k3s-agent.service");
  EXPECT_THAT(state, HasSubstr("/org/freedesktop/systemd1/unit/k3s_2dagent_2eservice"));
  EXPECT_THAT(state, HasSubstr("ActiveState"));
  const std::string restart = restart_call("k3s-agent.service");
  EXPECT_THAT(restart, HasSubstr("RestartUnit"));
  EXPECT_THAT(restart, HasSubstr("k3s-agent.service"));
  EXPECT_THAT(restart, HasSubstr("replace"));
  EXPECT_THAT(job_state_call("/org/freedesktop/systemd1/job/7"),
              HasSubstr("/org/freedesktop/systemd1/job/7"));
}

TEST(DbusReply, AnObjectPathIsInItsBody) {
  EXPECT_EQ(object_path_of(std::string("\2\0\0\0/a\0", 7)), "/a");
  EXPECT_EQ(object_path_of(std::string("\3\0\0\0/a\0", 7)), std::nullopt);
  EXPECT_EQ(object_path_of(""), std::nullopt);
}

TEST(DbusReply, AReturnIsSuccess) {
  const DbusInput input = read_dbus_reply(message(2, "") + "more");
  ASSERT_TRUE(input.reply);
  EXPECT_FALSE(input.reply->is_error);
  EXPECT_EQ(input.reply->size, message(2, "").size());
}

TEST(DbusReply, TheTextOfAVariantIsInItsBody) {
  const std::string body = std::string("\1s\0\0", 4) + text_body("/a.slice/b.scope");
  const DbusInput input = read_dbus_reply(message(4, "signal") + message(2, body, 9));
  ASSERT_TRUE(input.reply);
  EXPECT_EQ(text_of_variant(input.reply->body), "/a.slice/b.scope");
  EXPECT_EQ(text_of_variant(std::string("\1s\0\0", 4) + text_body("")), "");
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_EQ(text_of_variant(body.substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(text_of_variant(body + "x"), std::nullopt);
  EXPECT_EQ(text_of_variant(std::string("\1o\0\0", 4) + text_body("/a")), std::nullopt);
}

TEST(DbusReply, AnErrorBringsItsText) {
  const DbusInput input = read_dbus_reply(message(3, text_body("Unit a.scope not found.")));
  ASSERT_TRUE(input.reply);
  EXPECT_TRUE(input.reply->is_error);
  EXPECT_EQ(input.reply->error, "Unit a.scope not found.");
}

TEST(DbusReply, SignalsBeforeItArePassedOver) {
  EXPECT_TRUE(read_dbus_reply(message(4, "abc", 13) + message(2, "")).reply);
}

TEST(DbusReply, EveryPartOfAnAnswerIsWaitedFor) {
  const std::string whole = message(3, text_body("text"), 20);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const DbusInput input = read_dbus_reply(whole.substr(0, size));
    EXPECT_FALSE(input.reply || input.is_malformed) << size;
  }
  EXPECT_TRUE(read_dbus_reply(whole).reply);
}

TEST(DbusReply, WhatIsNoMessageIsMalformed) {
  EXPECT_TRUE(read_dbus_reply(std::string(64, 'B')).is_malformed);
  std::string huge = message(2, "");
  huge[7] = '\x7f';
  EXPECT_TRUE(read_dbus_reply(huge).is_malformed);
  huge = message(2, "");
  huge[15] = '\x7f';
  EXPECT_TRUE(read_dbus_reply(huge).is_malformed);
}

TEST(DbusReply, AnErrorWhoseTextLiesAboutItsLengthHasNone) {
  std::string body = text_body("text");
  body[0] = '\x40';
  const DbusInput input = read_dbus_reply(message(3, body));
  ASSERT_TRUE(input.reply);
  EXPECT_EQ(input.reply->error, "");
  EXPECT_EQ(read_dbus_reply(message(3, "")).reply->error, "");
}

}  // namespace
}  // namespace nvhook
