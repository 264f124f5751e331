// SPDX-License-Identifier: Apache-2.0
// Which container a cgroup's name stands for, of all engines.
#include "command/ps/cgroup_name.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

const std::string kId(64, 'a');
const std::string kOther(64, 'b');

TEST(CgroupName, IsRecognisedForEachEngine) {
  struct Case {
    std::string own;
    std::string engine;
  };
  for (const Case& one :
       {Case{"/docker/" + kId, "Docker"}, Case{"/system.slice/docker-" + kId + ".scope", "Docker"},
        Case{"/machine.slice/libpod-" + kId + ".scope", "Podman"},
        Case{"/machine.slice/libpod-" + kId + ".scope/container", "Podman"},
        Case{"/libpod_parent/libpod-" + kId, "Podman"},
        Case{"/kubepods.slice/kubepods-pod1.slice/crio-" + kId + ".scope", "CRI-O"},
        Case{"/kubepods/pod1/" + kId, ""},
        Case{"/kubepods.slice/cri-containerd-" + kId + ".scope", "containerd"},
        Case{"/some.slice/new-engine-" + kId + ".scope", ""}}) {
    const CgroupName expected{.engine = one.engine, .id = kId, .path = one.own};
    EXPECT_EQ(name_container(one.own), expected) << one.own;
    EXPECT_EQ(name_container(one.own + "/init.scope"), expected) << one.own;
  }
  EXPECT_EQ(name_container("/lxc.payload.web/x"),
            (CgroupName{.engine = "LXC", .id = "web", .path = "/lxc.payload.web"}));
}

TEST(CgroupName, OfTheOutermostCounts) {
  const auto name = name_container("/docker/" + kId + "/docker/" + kOther);
  ASSERT_TRUE(name);
  EXPECT_EQ(name->id, kId);
}

TEST(CgroupName, OfTheHostIsNone) {
  for (const std::string& path : {std::string("/"), std::string("/system.slice/ssh.service"),
                                  std::string(), "/machine.slice/libpod-conmon-" + kId + ".scope",
                                  "/x/" + kId + "0", "/x/y" + kId, "/x/" + std::string(64, 'g')}) {
    EXPECT_EQ(name_container(path), std::nullopt) << path;
  }
}

TEST(DeviceCgroupPath, IsThatOfTheDeviceControllerIfItHasOne) {
  EXPECT_EQ(device_cgroup_path("5:cpu,devices:/docker/a\n0::/x\n"), "/docker/a");
  EXPECT_EQ(device_cgroup_path("5:devices:/\n0::/x:y\n"), "/x:y");
  EXPECT_EQ(device_cgroup_path("0::/\n"), "/");
  EXPECT_EQ(device_cgroup_path("nonsense"), "/");
}

}  // namespace
}  // namespace nvhook
