// SPDX-License-Identifier: Apache-2.0
// Frames and messages on the socket of NRI, in pieces of any size and with lengths of strangers.
#include "nri/nri_frames.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace std::string_literals;

TEST(NriFrames, AMessageIsAHeaderOfTenBytesInAFrameOfEight) {
  EXPECT_EQ(to_frames({.connection = kRuntimeConnection, .call = 3, .type = 1, .body = "abc"}),
            "\0\0\0\2\0\0\0\x0d\0\0\0\3\0\0\0\3\1\0abc"s);
}

TEST(NriFrames, ALongMessageIsInFramesThatTtrpcReadsAtOnce) {
  const NriMessage message{.call = 1, .type = kCallResponse, .body = std::string(10000, 'x')};
  const std::string frames = to_frames(message);
  EXPECT_EQ(frames.size(), 10000 + 10 + 3 * 8);
  EXPECT_EQ(frames.substr(4, 4), "\0\0\x10\0"s);
  NriReader reader;
  reader.add(frames);
  EXPECT_EQ(reader.next(), message);
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST(NriFrames, MessagesArePutTogetherFromSingleBytes) {
  const NriMessage first{.connection = kRuntimeConnection, .call = 1, .type = 2, .body = "one"};
  const NriMessage second{.call = 7, .body = ""};
  NriReader reader;
  std::vector<NriMessage> read;
  for (const char byte : to_frames(first) + to_frames(second)) {
    reader.add({&byte, 1});
    while (auto message = reader.next()) read.push_back(*std::move(message));
  }
  EXPECT_THAT(read, testing::ElementsAre(first, second));
}

TEST(NriFrames, AMessageMayEndInAnotherFrameThanItBegins) {
  NriReader reader;
  reader.add("\0\0\0\1\0\0\0\x0b\0\0\0\2\0\0\0\1\1\0a"s);
  EXPECT_EQ(reader.next(), std::nullopt);
  reader.add("\0\0\0\1\0\0\0\1b"s);
  EXPECT_EQ(reader.next()->body, "ab");
}

TEST(NriFrames, OtherConnectionsArePassedOver) {
  NriReader reader;
  reader.add("\0\0\0\x09\0\0\0\3xyz"s + to_frames({.call = 5, .body = "b"}));
  EXPECT_EQ(reader.next()->call, 5);
}

TEST(NriFrames, ALengthThatNoMessageHasIsRefusedBeforeItsBytesCome) {
  NriReader reader;
  EXPECT_THAT([&] { reader.add("\0\0\0\1\x7f\0\0\0"s); },
              fails_with(Code::internal, "a frame of 2130706432 bytes"));
  NriReader other;
  other.add("\0\0\0\1\0\0\0\x0a\0\x50\0\0\0\0\0\1\1\0"s);
  EXPECT_THAT([&] { static_cast<void>(other.next()); },
              fails_with(Code::internal, "a message of 5242880 bytes"));
}

}  // namespace
}  // namespace nvhook
