// SPDX-License-Identifier: Apache-2.0
// Tests which hook directories are read, and the drop-in files of Podman and CRI-O.
#include "command/engines/hooks_dir_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;

TEST(HooksDirs, TheLastFileThatSaysItCounts) {
  EXPECT_THAT(hooks_dirs_of({}, kPodmanKeys), ElementsAre("/usr/share/containers/oci/hooks.d"));
  EXPECT_THAT(hooks_dirs_of({{"a", "[engine]\nhooks_dir = [\"/a\", \"/b\"]\n"},
                             {"b", "[engine]\nhooks_dir = [\"/c\"]\n"},
                             {"c", "[engine]\nruntime = \"crun\"\n"}},
                            kPodmanKeys),
              ElementsAre("/c"));
  EXPECT_THAT(hooks_dirs_of({{"a", "[crio.runtime]\nhooks_dir = []\n"}}, kCrioKeys), ElementsAre());
}

TEST(HooksDirs, ALaterFileMayAppend) {
  EXPECT_THAT(hooks_dirs_of({{"a", "[engine]\nhooks_dir = [\"/a\"]\n"},
                             {"b", "[engine]\nhooks_dir = [\"/b\", {append=true}]\n"}},
                            kPodmanKeys),
              ElementsAre("/a", "/b"));
}

TEST(HooksDirs, AFileThatIsNoTomlIsNamed) {
  EXPECT_THAT(
      [] {
        (void)hooks_dirs_of({{"/etc/c.conf", "[engine\n"}}, kPodmanKeys);
      },
      fails_with(Code::config_invalid, "/etc/c.conf:1:"));
}

TEST(DropIn, IsWrittenForEachEngine) {
  const DropIn drop_in{.hooks_dirs = {"/a\"b", "/c"}, .runtime = "/usr/bin/r", .as_default = true};
  EXPECT_EQ(to_text(drop_in, kPodmanKeys),
            R"(# Written by `oci-nvidia setup podman`, and taken away by it:
#   oci-nvidia setup podman --undo

[engine]
hooks_dir = ["/a\"b", "/c"]
runtime = "nvidia"

[engine.runtimes]
nvidia = ["/usr/bin/r"]
)");
  EXPECT_EQ(
      to_text({.runtime = "/usr/bin/r", .runtime_settings = {"runtime_type = \"oci\""}}, kCrioKeys),
      R"(# Written by `oci-nvidia setup crio`, and taken away by it:
#   oci-nvidia setup crio --undo

[crio.runtime.runtimes.nvidia]
runtime_path = "/usr/bin/r"
runtime_type = "oci"
)");
}

TEST(DropIn, IsReadAsItWasWritten) {
  const DropIn drop_in{.hooks_dirs = {"/a\"b", "/c"}, .runtime = "/usr/bin/r", .as_default = true};
  for (const DropInKeys& keys : {kPodmanKeys, kCrioKeys}) {
    const DropIn read = parse_drop_in({"f", to_text(drop_in, keys)}, keys);
    EXPECT_EQ(read.hooks_dirs, drop_in.hooks_dirs);
    EXPECT_EQ(read.runtime, drop_in.runtime);
    EXPECT_TRUE(read.as_default);
    EXPECT_TRUE(parse_drop_in({"f", to_text({}, keys)}, keys).is_empty());
  }
}

TEST(DropIn, OfSomebodyElseIsNotTouched) {
  EXPECT_THAT(
      [] {
        (void)parse_drop_in({"f.conf", "[engine]\n"}, kPodmanKeys);
      },
      fails_with(Code::config_invalid, "f.conf is there, and setup did not write it"));
}

TEST(DropIn, ARuntimeThatIsNotOursIsFound) {
  const NamedText ours{"a", "[engine.runtimes]\nnvidia = [\"/x/nvidia-container-runtime\"]\n"};
  const NamedText other{"b", "[engine.runtimes]\nnvidia = [\"/opt/mine\"]\n"};
  EXPECT_EQ(other_runtime({ours}, kPodmanKeys), std::nullopt);
  EXPECT_EQ(other_runtime({ours, other}, kPodmanKeys), "b");
  EXPECT_EQ(
      other_runtime({{"c", "[crio.runtime.runtimes.nvidia]\nruntime_path = \"/o\"\n"}}, kCrioKeys),
      "c");
}

}  // namespace
}  // namespace nvhook
