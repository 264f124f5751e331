// SPDX-License-Identifier: Apache-2.0
// Tests the record of what an installer has done to a node.
#include "command/node/node_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

const NodeRecord kRecord{.owner = "gpu/installer",
                         .generation = 7,
                         .version = "1.2.3",
                         .directory = "/usr/local/x",
                         .programs = {"a", "b"},
                         .files = {"/etc/x/config.toml"},
                         .engine = "k3s",
                         .engine_config = "/a/99.toml",
                         .engine_imports = "/a/config.toml",
                         .restart_is_due = true,
                         .made = {"/usr/local/x"}};

TEST(NodeRecord, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_node_record(to_text(kRecord), "node.json"), kRecord);
  EXPECT_EQ(parse_node_record(to_text(NodeRecord()), "node.json"), NodeRecord());
}

TEST(NodeRecord, OfAnotherVersionKeepsDefaultsAndPassesOverTheRest) {
  EXPECT_EQ(parse_node_record(R"({"owner": "a/b", "new": 1})", "node.json"),
            NodeRecord{.owner = "a/b"});
}

TEST(NodeRecord, ThatIsNoneIsRefused) {
  for (const char* text : {"", "{", "[]", R"({"generation": "x"})", R"({"made": [1]})"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_node_record(text, "/var/node.json")); },
                ThrowsMessage<Error>(HasSubstr("parse `/var/node.json`")))
        << text;
  }
}

}  // namespace
}  // namespace nvhook
