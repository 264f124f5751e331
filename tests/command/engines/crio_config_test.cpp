// SPDX-License-Identifier: Apache-2.0
// Tests what the runtime `nvidia` of CRI-O takes over from the default runtime.
#include "command/engines/crio_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// In the form of CRI-O's own packages.
const NamedText kPackaged{"/etc/crio/crio.conf.d/10-crio.conf", R"([crio.runtime]
default_runtime = "crun"

[crio.runtime.runtimes.crun]
runtime_path = "/usr/libexec/crio/crun"
runtime_root = "/run/crun"
monitor_path = "/usr/libexec/crio/conmon"
monitor_env = ["PATH=/bin"]
allowed_annotations = ["io.containers.trace-syscall"]
default_annotations = {"a.b" = "c"}

[crio.runtime.runtimes.runc]
runtime_path = "/usr/libexec/crio/runc"
runtime_root = "/run/runc"
)"};

TEST(CrioConfig, ARuntimeIsMonitoredAsTheDefaultOneIs) {
  EXPECT_THAT(
      crio_runtime_settings({kPackaged}),
      ElementsAre("allowed_annotations = [ \"io.containers.trace-syscall\" ]",
                  "default_annotations = { \"a.b\" = \"c\" }", "monitor_env = [ \"PATH=/bin\" ]",
                  "monitor_path = \"/usr/libexec/crio/conmon\"", "runtime_root = \"/run/crun\""));
}

TEST(CrioConfig, TheLastTableAndTheLastDefaultCount) {
  const NamedText runc{"20", "[crio.runtime]\ndefault_runtime = \"runc\"\n"};
  EXPECT_THAT(crio_runtime_settings({kPackaged, runc}),
              ElementsAre("runtime_root = \"/run/runc\""));
  const NamedText table{"30", "[crio.runtime.runtimes.runc]\nmonitor_cgroup = \"pod\"\n"};
  EXPECT_THAT(crio_runtime_settings({kPackaged, runc, table}),
              ElementsAre("monitor_cgroup = \"pod\""));
}

TEST(CrioConfig, WithoutADefaultItIsThatOfCrio) {
  EXPECT_THAT(crio_runtime_settings({}), IsEmpty());
  const NamedText runc{"a", "[crio.runtime.runtimes.runc]\nruntime_root = \"/r\"\n"};
  EXPECT_THAT(crio_runtime_settings({runc}), ElementsAre("runtime_root = \"/r\""));
  const NamedText mine{"b", "[crio.runtime]\ndefault_runtime = \"mine\"\n"};
  EXPECT_THAT(crio_runtime_settings({runc, mine}), IsEmpty());
  const NamedText vm{"c", "[crio.runtime.runtimes.mine]\nruntime_type = \"vm\"\nx = 1\n"};
  EXPECT_THAT(crio_runtime_settings({mine, vm}), IsEmpty()) << "a shim of virtual machines";
}

TEST(CrioConfig, ConmonIsLookedForWhereNothingNamesIt) {
  const NamedText nvidia{"99", "[crio.runtime.runtimes.nvidia]\nruntime_path = \"/r\"\n"};
  const NamedText pod{"99", "[crio.runtime.runtimes.nvidia]\nruntime_type = \"pod\"\n"};
  const NamedText named{"99", "[crio.runtime.runtimes.nvidia]\nmonitor_path = \"/c\"\n"};
  const NamedText for_all{"a", "[crio.runtime]\nconmon = \"/c\"\n"};
  EXPECT_TRUE(needs_conmon_on_path({kPackaged, nvidia}, "nvidia"));
  EXPECT_FALSE(needs_conmon_on_path({kPackaged, nvidia}, "crun"));
  EXPECT_FALSE(needs_conmon_on_path({kPackaged, pod}, "nvidia"));
  EXPECT_FALSE(needs_conmon_on_path({kPackaged, named}, "nvidia"));
  EXPECT_FALSE(needs_conmon_on_path({for_all, nvidia}, "nvidia"));
  EXPECT_FALSE(needs_conmon_on_path({kPackaged}, "nvidia"));
}

TEST(CrioConfig, AFileThatIsNoTomlIsNamed) {
  EXPECT_THAT(
      [] {
        (void)crio_runtime_settings({{"/etc/x.conf", "[crio\n"}});
      },
      fails_with(Code::config_invalid, "/etc/x.conf:1:"));
}

}  // namespace
}  // namespace nvhook
