// SPDX-License-Identifier: Apache-2.0
// Which cgroup is the container's, by the names that Docker, Podman, Kubernetes and plain runtimes
// choose; and which is not.
#include "command/containers/container_cgroup.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

TEST(ParseCgroupsPath, IsTextOrNothing) {
  EXPECT_EQ(parse_cgroups_path(R"({"linux": {"cgroupsPath": "/docker/4f"}})"), "/docker/4f");
  for (const char* text : {"", "{", "[]", R"({"linux": 1})", R"({"linux": {"cgroupsPath": 1}})",
                           R"({"linux": []})", R"({"linux": null})", R"("linux")"}) {
    EXPECT_EQ(parse_cgroups_path(text), "") << text;
  }
}

std::string own(const std::string& path, const std::string& cgroups_path,
                const std::string& id = "4f") {
  return own_cgroups("0::" + path + "\n", cgroups_path, id).value_or("none");
}

TEST(OwnCgroups, AreNamedByThePath) {
  EXPECT_EQ(own("/docker/4f", "/docker/4f"), "0::/docker/4f\n");
  EXPECT_EQ(own("/kubepods/burstable/pod1/4f", "/kubepods/burstable/pod1/4f"),
            "0::/kubepods/burstable/pod1/4f\n");
  EXPECT_EQ(own("/user.slice/docker/4f", "docker/4f"), "0::/user.slice/docker/4f\n")
      << "relative to the runtime's own";
}

TEST(OwnCgroups, AreNamedByTheScope) {
  EXPECT_EQ(own("/system.slice/docker-4f.scope", "system.slice:docker:4f"),
            "0::/system.slice/docker-4f.scope\n");
  EXPECT_EQ(own("/a.slice/4f.scope", "a.slice::4f"), "0::/a.slice/4f.scope\n");
  EXPECT_EQ(own("/a.slice/a-b.slice", "a.slice::a-b.slice"), "0::/a.slice/a-b.slice\n");
  EXPECT_EQ(own("/machine.slice/libpod-4f.scope/container", "machine.slice:libpod:4f"),
            "0::/machine.slice/libpod-4f.scope/container\n")
      << "crun's";
  EXPECT_EQ(own("/system.slice:docker:4f", "system.slice:docker:4f"),
            "0::/system.slice:docker:4f\n")
      << "by a runtime without systemd";
}

TEST(OwnCgroups, AreNamedByTheIdIfThereIsNoPath) {
  EXPECT_EQ(own("/4f", ""), "0::/4f\n");
  EXPECT_EQ(own("/system.slice/runc-4f.scope", ""), "0::/system.slice/runc-4f.scope\n");
  EXPECT_EQ(own("/system.slice/crun-4f.scope/container", ""),
            "0::/system.slice/crun-4f.scope/container\n");
  EXPECT_FALSE(own_cgroups("0::/4f\n", "", ""));
}

TEST(OwnCgroups, EndWhereTheContainersOwnBegin) {
  EXPECT_EQ(own("/docker/4f/init.scope", "/docker/4f"), "0::/docker/4f\n");
  EXPECT_EQ(own("/docker/4f/x/docker/4f", "/docker/4f"), "0::/docker/4f\n");
  EXPECT_EQ(own("/a.slice/b-4f.scope/container/init.scope", "a.slice:b:4f"),
            "0::/a.slice/b-4f.scope/container\n");
  EXPECT_EQ(own("/docker/4f/container", "/docker/4f"), "0::/docker/4f\n") << "no scope";
}

TEST(OwnCgroups, AreNotAnothers) {
  for (const char* path : {"/docker/5e", "/docker/4f1", "/docker", "/", "/docker/x/4f",
                           "/docker/4f ", "/ docker/4f", "/docker-4f.scope"}) {
    EXPECT_EQ(own(path, "/docker/4f"), "none") << path;
  }
  EXPECT_EQ(own("/system.slice/docker-4f.scope.d", "system.slice:docker:4f"), "none");
}

TEST(OwnCgroups, AreChosenInEachHierarchy) {
  const std::string text =
      "12:devices:/docker/4f/x\n11:cpu,cpuacct:/docker/4f\n1:name=systemd:/init.scope\n"
      "0::/system.slice/docker.service\n\nnonsense\n";
  EXPECT_EQ(own_cgroups(text, "/docker/4f", "4f"),
            "12:devices:/docker/4f\n11:cpu,cpuacct:/docker/4f\n");
}

}  // namespace
}  // namespace nvhook
