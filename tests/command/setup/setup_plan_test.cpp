// SPDX-License-Identifier: Apache-2.0
// Tests what `oci-nvidia setup` plans for an engine, from the files of a host.
#include "command/setup/setup_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SetupPlans : public testing::Test {
 protected:
  SetupPlans() { program("/usr/bin/nvidia-container-runtime"); }

  void program(const std::string& path, const std::string& content = "#!") const {
    host_.write(path, content);
    ::chmod((host_.path().string() + path).c_str(), 0755);
  }
  [[nodiscard]] RootDir root() const { return *open_root(host_.path().string()); }

  test::TemporaryDirectory host_;
};

class ContainerdPlan : public SetupPlans {
 protected:
  [[nodiscard]] SetupPlan plan(const SetupRequest& request = {}) const {
    return plan_containerd(request, root());
  }
  [[nodiscard]] std::string after() const { return plan().changes.front().after.value_or(""); }
};

constexpr const char* kImports = "version = 2\nimports = [\"/etc/containerd/conf.d/*.toml\"]\n";
constexpr const char* kImported =
    "version = 2\n"
    "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.nvidia.options]\n"
    "BinaryName = \"/usr/bin/nvidia-container-runtime\"\n";

TEST_F(ContainerdPlan, ANewFileHasTheVersionOfTheInstalledContainerd) {
  EXPECT_THAT(after(), HasSubstr("version = 2\n"));
  program("/usr/bin/containerd", "io.containerd.cri.v1");
  EXPECT_THAT(after(), HasSubstr("version = 3\n"));
  program("/usr/bin/containerd", "io.containerd.cri.v1 io.containerd.server.v1");
  EXPECT_THAT(after(), HasSubstr("version = 4\n"));
  host_.write("/etc/containerd/config.toml", "version = 2\n");
  EXPECT_THAT(after(), HasSubstr("version = 2\n")) << "an existing file keeps its own";
}

TEST_F(ContainerdPlan, ARuntimeThatIsImportedIsNotAddedOnceMore) {
  host_.write("/etc/containerd/config.toml", kImports);
  EXPECT_THAT(after(), HasSubstr("runtimes.nvidia"));
  host_.write("/etc/containerd/conf.d/99-nvidia.toml", kImported);
  const SetupPlan found = plan();
  EXPECT_FALSE(found.changes.front().is_needed());
  EXPECT_THAT(found.found, ElementsAre(HasSubstr("/etc/containerd/conf.d/99-nvidia.toml")));
  EXPECT_THAT(found.activation, IsEmpty());
  EXPECT_THAT(found.lacking, IsEmpty());
  EXPECT_THAT(plan({.runtime = true, .set_default = true}).lacking,
              ElementsAre(HasSubstr("default_runtime_name in /etc/containerd/conf.d/99-nvidia")));
}

TEST_F(ContainerdPlan, AManagerOfCgroupsThatIsImportedIsSeen) {
  host_.write("/etc/containerd/config.toml", kImports);
  host_.write("/etc/containerd/conf.d/kubernetes.toml",
              "version = 2\n"
              "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n"
              "SystemdCgroup = true\n");
  EXPECT_THAT(after(), HasSubstr("SystemdCgroup = true"));
}

TEST_F(ContainerdPlan, ADropInOfAHigherVersionIsNamed) {
  host_.write("/etc/containerd/config.toml", kImports);
  host_.write("/etc/containerd/conf.d/nri.toml", "version = 3\n");
  EXPECT_THAT(plan().lacking, ElementsAre(HasSubstr("conf.d/nri.toml has version 3")));
}

TEST_F(ContainerdPlan, AFileOfItsOwnHasTheVersionOfTheOneThatImportsIt) {
  host_.write("/c/config.toml",
              "version = 3\nimports = [\"/c/config.d/*.toml\"]\n"
              "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.runc.options]\n"
              "SystemdCgroup = true\n");
  SetupRequest request{.config_file = "/c/config.d/99.toml", .imported_by = "/c/config.toml"};
  SetupPlan made = plan(request);
  const std::string text = made.changes.front().after.value_or("");
  for (const char* part :
       {"version = 3\n", "cri.v1.runtime\".containerd.runtimes.nvidia]", "SystemdCgroup = true"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  host_.write("/c/config.d/99.toml", text);
  EXPECT_FALSE(plan(request).changes.front().is_needed()) << "a second run";
  request.undo = true;
  EXPECT_EQ(plan(request).changes.front().after, std::nullopt);
}

TEST_F(ContainerdPlan, EveryModeHasAHandlerIfThatIsAskedFor) {
  const std::string text = plan({.all_modes = true}).changes.front().after.value_or("");
  for (const char* part :
       {"runtimes.nvidia.options]\n  BinaryName = \"/usr/bin/nvidia-container-runtime\"",
        "runtimes.nvidia-cdi.options]\n  BinaryName = \"/usr/bin/nvidia-container-runtime.cdi\"",
        "nvidia-legacy.options]\n  BinaryName = \"/usr/bin/nvidia-container-runtime.legacy\""}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

class PodmanPlan : public SetupPlans {
 protected:
  PodmanPlan() { host_.write("/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json", "{}"); }
  [[nodiscard]] FileChange change(const SetupRequest& request = {}) const {
    return plan_podman(request, root()).changes.front();
  }
  [[nodiscard]] std::string after() const { return change().after.value_or(""); }
};

TEST_F(PodmanPlan, TheUsualDirectoryIsNamed) {
  EXPECT_THAT(after(),
              HasSubstr("[engine]\nhooks_dir = [\"/usr/share/containers/oci/hooks.d\"]\n"));
  host_.write("/etc/containers/containers.conf",
              "[engine]\nhooks_dir = [\"/usr/share/containers/oci/hooks.d\"]\n");
  EXPECT_EQ(after(), "") << "it is named already";
}

TEST_F(PodmanPlan, TheAdministratorsOwnDefinitionIsRead) {
  host_.write("/etc/containers/oci/hooks.d/oci-nvidia-hook.json", "{}");
  EXPECT_THAT(after(), HasSubstr("hooks_dir = [\"/usr/share/containers/oci/hooks.d\", "
                                 "\"/etc/containers/oci/hooks.d\"]\n"));
  host_.write("/etc/containers/containers.conf.d/10-mine.conf",
              "[engine]\nhooks_dir = [\"/mine\"]\n");
  EXPECT_THAT(after(), HasSubstr("hooks_dir = [\"/mine\", \"/usr/share/containers/oci/hooks.d\", "
                                 "\"/etc/containers/oci/hooks.d\"]\n"));
  host_.write("/etc/containers/containers.conf.d/20-mine.conf",
              "[engine]\nhooks_dir = [\"/etc/containers/oci/hooks.d\"]\n");
  EXPECT_EQ(after(), "") << "alone, it is enough";
}

TEST_F(PodmanPlan, ASecondRunChangesNothingAndUndoTakesOutAll) {
  host_.write("/etc/containers/containers.conf.d/99-oci-nvidia.conf", after());
  EXPECT_FALSE(change().is_needed());
  EXPECT_EQ(change({.undo = true}).after, std::nullopt);
}

class CrioPlan : public SetupPlans {
 protected:
  CrioPlan() { host_.write("/usr/share/containers/oci/hooks.d/oci-nvidia-hook.json", "{}"); }
  [[nodiscard]] SetupPlan plan(bool runtime = true) const {
    return plan_crio({.runtime = runtime}, root());
  }
  [[nodiscard]] std::string after() const { return plan().changes.front().after.value_or(""); }
};

constexpr const char* kPackaged =
    "[crio.runtime]\ndefault_runtime = \"crun\"\n[crio.runtime.runtimes.crun]\n"
    "runtime_root = \"/run/crun\"\nmonitor_path = \"/usr/libexec/crio/conmon\"\n";

TEST_F(CrioPlan, TheRuntimeHasWhatCrioNeedsToStart) {
  host_.write("/etc/crio/crio.conf.d/10-crio.conf", kPackaged);
  EXPECT_THAT(after(), HasSubstr("[crio.runtime.runtimes.nvidia]\n"
                                 "runtime_path = \"/usr/bin/nvidia-container-runtime\"\n"
                                 "monitor_path = \"/usr/libexec/crio/conmon\"\n"
                                 "runtime_root = \"/run/crun\"\n"
                                 "runtime_type = \"oci\"\n"));
  EXPECT_THAT(plan().lacking, IsEmpty());
}

TEST_F(CrioPlan, AHandlerAloneNeedsNoDefinitionOfTheHook) {
  host_.write("/etc/crio/crio.conf", "[crio.runtime]\nhooks_dir = [\"/nowhere\"]\n");
  const SetupPlan made =
      plan_crio({.runtime = true, .all_modes = true, .handler_alone = true}, root());
  const std::string text = made.changes.front().after.value_or("");
  EXPECT_THAT(text, Not(HasSubstr("hooks_dir")));
  EXPECT_THAT(text, HasSubstr("[crio.runtime.runtimes.nvidia-cdi]\nruntime_path = "
                              "\"/usr/bin/nvidia-container-runtime.cdi\"\n"));
}

TEST_F(CrioPlan, ADirectoryForPodmanAloneIsNotRead) {
  host_.write("/etc/containers/oci/hooks.d/oci-nvidia-hook.json", "{}");
  EXPECT_EQ(plan(false).changes.front().after, std::nullopt);
}

TEST_F(CrioPlan, ADropInOfAnOlderSetupGetsWhatItLacks) {
  host_.write("/etc/crio/crio.conf.d/10-crio.conf", kPackaged);
  host_.write("/etc/crio/crio.conf.d/99-oci-nvidia.conf",
              "# Written by `oci-nvidia setup crio`, and taken away by it:\n"
              "[crio.runtime.runtimes.nvidia]\n"
              "runtime_path = \"/usr/bin/nvidia-container-runtime\"\nruntime_type = \"oci\"\n");
  EXPECT_THAT(plan(false).changes.front().after.value_or(""), HasSubstr("monitor_path"));
}

TEST_F(CrioPlan, ConmonIsFoundOrLacking) {
  EXPECT_THAT(plan().lacking, ElementsAre(HasSubstr("conmon is not in the directories")));
  EXPECT_THAT(plan(false).lacking, IsEmpty()) << "no runtime, no conmon for it";
  program("/usr/libexec/crio/conmon");
  EXPECT_THAT(after(), HasSubstr("monitor_path = \"/usr/libexec/crio/conmon\"\n"));
  program("/usr/bin/conmon");
  EXPECT_THAT(after(), Not(HasSubstr("monitor_path")));
  EXPECT_THAT(plan().lacking, IsEmpty());
}

}  // namespace
}  // namespace nvhook
