// SPDX-License-Identifier: Apache-2.0
// Tests marked blocks, LXC's configuration, and the diff that setup shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/engines/lxc_config.hpp"
#include "command/render/marked_text.hpp"
#include "command/render/unified_diff.hpp"
#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using Text = std::optional<std::string>;

TEST(MarkedText, ABlockGoesBeforeALineAndOut) {
  const std::string text = "a\nb\nc";
  for (const std::size_t at : {0UL, 1UL, 2UL, 3UL, 99UL}) {
    const std::string edited = with_block(text, at, {"new"});
    EXPECT_NE(edited.find("begin"), std::string::npos);
    EXPECT_EQ(without_blocks(edited, "f"), text) << edited;
  }
  EXPECT_EQ(with_block(text, 1, {"x"}),
            "a\n# oci-nvidia setup: begin\nx\n# oci-nvidia setup: end\nb\nc");
}

TEST(MarkedText, ALineThatIsReplacedComesBack) {
  for (const std::string text : {"a\n  b # c\nd\n", "a\n  b # c"}) {
    const std::string edited = with_replaced_line(text, 1, {"new"});
    EXPECT_EQ(edited.find("\n  b"), std::string::npos) << edited;
    EXPECT_EQ(without_blocks(edited, "f"), text) << edited;
  }
}

TEST(MarkedText, ABlockWithoutEndIsAnError) {
  EXPECT_THAT([] { (void)without_blocks("a\n# oci-nvidia setup: begin\nb\n", "f"); },
              fails_with(Code::config_invalid, "f:2:"));
}

TEST(LxcConfig, TheHookAndTheRequestAreAddedOnce) {
  const Text empty;
  EXPECT_EQ(with_lxc_hook("lxc.arch = amd64\n", true),
            "lxc.arch = amd64\n# oci-nvidia setup: begin\n"
            "lxc.hook.mount = /usr/share/lxc/hooks/nvidia\n"
            "lxc.environment = NVIDIA_VISIBLE_DEVICES=all\n"
            "lxc.environment = NVIDIA_DRIVER_CAPABILITIES=compute,utility\n"
            "# oci-nvidia setup: end\n");
  for (const Text& text : {empty, Text(""), Text("lxc.arch = amd64"), Text("a = b\n\n")}) {
    for (const bool all : {false, true}) {
      const std::string edited = with_lxc_hook(text, all);
      EXPECT_EQ(with_lxc_hook(edited, all), edited);
      EXPECT_EQ(without_lxc_hook(edited, "f"), text) << edited;
    }
  }
}

TEST(LxcConfig, WhatTheContainerSaysItselfStays) {
  const std::string text =
      "lxc.hook.mount=/usr/share/lxc/hooks/nvidia\nlxc.environment = NVIDIA_VISIBLE_DEVICES=0\n"
      "lxc.environment = NVIDIA_DRIVER_CAPABILITIES=all\n";
  EXPECT_EQ(with_lxc_hook(text, true), text);
  EXPECT_EQ(without_lxc_hook(text, "f"), text);
}

TEST(UnifiedDiff, IsThatOfDiffU) {
  EXPECT_EQ(unified_diff("/f", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n10\n"),
            "--- /f\n+++ /f\n@@ -2,8 +2,9 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n 9\n+10\n");
  EXPECT_EQ(unified_diff("/f", "a\nb", "a\nc\n"),
            "--- /f\n+++ /f\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n");
}

TEST(UnifiedDiff, FarChangesAreHunksOfTheirOwn) {
  std::string middle;
  for (char c = 'a'; c <= 'z'; ++c) middle += std::string(1, c) + "\n";
  const std::string diff = unified_diff("/f", "1\n" + middle + "2\n", "0\n" + middle + "3\n");
  EXPECT_THAT(diff, testing::HasSubstr("@@ -1,4 +1,4 @@\n-1\n+0\n a\n b\n c\n@@ -25,4 +25,4 @@\n"));
}

TEST(UnifiedDiff, OfAFileThatComesOrGoes) {
  EXPECT_EQ(unified_diff("/f", std::nullopt, "a\n"), "--- /dev/null\n+++ /f\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(unified_diff("/f", "a\n", std::nullopt), "--- /f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
  EXPECT_EQ(unified_diff("/f", "a\n", "a\n"), "");
}

TEST(UnifiedDiff, ShowsNoControlCharacters) {
  EXPECT_THAT(unified_diff("/f", "\x1b[2J\n", "\tb\n"), testing::EndsWith("-\\x1b[2J\n+\tb\n"));
}

}  // namespace
}  // namespace nvhook
