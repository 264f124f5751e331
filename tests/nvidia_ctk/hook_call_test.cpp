// SPDX-License-Identifier: Apache-2.0
// Command lines as NVIDIA's specifications of 1.16 to 1.20 write them, and malformed ones.
#include "nvidia_ctk/hook_call.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

HookCall call_of(const std::vector<std::string>& words) { return parse_hook_call(words).call; }

auto is_refused(const std::string& words) {
  return ThrowsMessage<HookUsageError>(HasSubstr(words));
}

TEST(HookCall, LinksAreTakenInEverySpellingAndOnce) {
  const HookCall expected = CreateSymlinks{
      {{"libcuda.so.1", "/usr/lib/libcuda.so"}, {"../card1", "/dev/dri/by-path/pci-card"}}};
  EXPECT_EQ(call_of({"create-symlinks", "--link", "libcuda.so.1::/usr/lib/libcuda.so", "--link",
                     "../card1::/dev/dri/by-path/pci-card"}),
            expected);
  EXPECT_EQ(call_of({"create-symlinks",
                     "--link=libcuda.so.1::/usr/lib/libcuda.so,../card1::dev/dri/by-path/pci-card",
                     "-link", "libcuda.so.1::/usr/lib/../lib//libcuda.so"}),
            expected);
}

TEST(HookCall, ALinkIsATargetAndAPath) {
  for (const char* text : {"", "a", "a::", "::/b", "a::b::c", "a::/", "a::.."}) {
    EXPECT_THAT(
        [&] {
          static_cast<void>(call_of({"create-symlinks", "--link", text}));
        },
        is_refused("TARGET::LINK"))
        << text;
  }
}

TEST(HookCall, OptionsOfEarlierReleasesMeanNothing) {
  const auto line = parse_hook_call({"create-symlinks", "--csv-filename", "/etc/l4t.csv",
                                     "--host-root=/driver", "--link", "a::/b"});
  EXPECT_EQ(line.call, HookCall(CreateSymlinks{{{"a", "/b"}}}));
  EXPECT_THAT(line.without_effect,
              ElementsAre(HasSubstr("--csv-filename: Tegra"), HasSubstr("--host-root: ")));
}

TEST(HookCall, FoldersAreAListAndLdconfigIsNotNeeded) {
  const auto line =
      parse_hook_call({"update-ldcache", "--ldconfig-path", "/sbin/ldconfig.real", "--folder",
                       "/usr/lib64", "--folder=/usr/lib/vdpau, /opt/lib"});
  EXPECT_EQ(line.call, HookCall(UpdateLoaderCache{{"/usr/lib64", "/usr/lib/vdpau", "/opt/lib"}}));
  EXPECT_THAT(line.without_effect, ElementsAre(HasSubstr("--ldconfig-path")));
  EXPECT_EQ(call_of({"update-ldcache"}), HookCall(UpdateLoaderCache{}));
  EXPECT_EQ(call_of({"create-soname-symlinks", "--folder", "/a"}),
            HookCall(UpdateLoaderCache{.folders = {"/a"}, .links_only = true}));
}

TEST(HookCall, CompatibilityHasVersionsAndADirectory) {
  EXPECT_EQ(call_of({"enable-cuda-compat", "--host-driver-version=535.309.01"}),
            HookCall(EnableCudaCompat{.driver_version = "535.309.01"}));
  EXPECT_EQ(call_of({"enable-cuda-compat", "--host-cuda-version", "13.1",
                     "--cuda-compat-container-root=/usr/local/cuda/compat_orin"}),
            HookCall(EnableCudaCompat{.cuda_version = "13.1",
                                      .directory = "/usr/local/cuda/compat_orin"}));
  EXPECT_EQ(call_of({"cuda-compat"}), HookCall(EnableCudaCompat{}));
}

TEST(HookCall, HooksWithoutOptions) {
  EXPECT_EQ(call_of({"disable-device-node-modification"}), HookCall(DisableNodeModification{}));
  EXPECT_EQ(call_of({"update-application-profile"}), HookCall(UpdateApplicationProfile{}));
  EXPECT_EQ(call_of({"noop", "word"}), HookCall(NoHook{}));
}

TEST(HookCall, AModeIsOctalAndNeverSetsAnIdentity) {
  EXPECT_EQ(call_of({"chmod", "--mode", "755", "--path", "/dev/dri", "--path", "/dev/nvidia-caps"}),
            HookCall(ChangeModes{0755, {"/dev/dri", "/dev/nvidia-caps"}}));
  for (const char* mode : {"", "8", "u+x", "4755", "2755", "77777777777", "-1"}) {
    EXPECT_THAT(
        [&] {
          static_cast<void>(call_of({"chmod", "--mode", mode}));
        },
        is_refused("octal number up to 1777"))
        << mode;
  }
  EXPECT_THAT(
      [] {
        static_cast<void>(call_of({"chmod", "--mode=755", "--path="}));
      },
      is_refused("--path names an empty path"));
}

/// A newer specification must not keep a container from starting.
TEST(HookCall, AnUnknownHookIsAWarningWhateverItsOptionsAre) {
  EXPECT_EQ(call_of({"apply-cuda-memory-limits", "--gpu-id=GPU-1", "--new"}),
            HookCall(NoHook{"unsupported CDI hook `apply-cuda-memory-limits`: it is left out"}));
  EXPECT_EQ(call_of({}), HookCall(NoHook{"no CDI hook is named"}));
}

TEST(HookCall, UnknownAndUnfinishedOptionsAreRefused) {
  EXPECT_THAT(
      [] {
        static_cast<void>(call_of({"update-ldcache", "--foldr", "/a"}));
      },
      is_refused("update-ldcache has no option `--foldr`"));
  EXPECT_THAT(
      [] {
        static_cast<void>(call_of({"update-ldcache", "--folder"}));
      },
      is_refused("`--folder` lacks a value"));
  EXPECT_THAT(
      [] {
        static_cast<void>(call_of({"--wrong", "noop"}));
      },
      is_refused("unknown option `wrong`"));
  EXPECT_THAT(
      [] {
        static_cast<void>(call_of({"--debug=maybe", "noop"}));
      },
      is_refused("--debug is true or false"));
}

TEST(HookCall, GlobalOptionsMayStandBeforeAndBehindTheHook) {
  EXPECT_EQ(parse_hook_call({"--debug", "noop"}).debug, true);
  EXPECT_EQ(parse_hook_call({"-d=false", "noop"}).debug, false);
  EXPECT_EQ(parse_hook_call({"noop"}).debug, std::nullopt);
  EXPECT_TRUE(parse_hook_call({"noop", "--quiet"}).quiet);
  EXPECT_EQ(parse_hook_call({"--version"}).answer, HookCommandLine::Answer::version);
  EXPECT_EQ(parse_hook_call({"chmod", "--help"}).answer, HookCommandLine::Answer::help);
  EXPECT_EQ(parse_hook_call({"noop", "--container-spec", "/tmp/state"}).state_file, "/tmp/state");
  EXPECT_EQ(parse_hook_call({"noop", "--container-spec=-"}).state_file, "");
}

TEST(HookCall, TheHelpNamesEveryHookAndOption) {
  const std::string text = hook_usage("nvidia-cdi-hook");
  for (const char* word : {"create-symlinks", "--link TARGET::LINK", "update-ldcache",
                           "enable-cuda-compat", "chmod", "noop", "--ldconfig-path"}) {
    EXPECT_THAT(text, HasSubstr(word));
  }
}

}  // namespace
}  // namespace nvhook
