// SPDX-License-Identifier: Apache-2.0
// The systemd scope of a container, what its unit files say, and the drop-in.
#include "cgroup/systemd/scope_unit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace nvhook {
namespace {

struct Case {
  std::string name;
  std::string cgroup;
  std::string unit;           // empty: no scope
  std::string control_group;  // the one that the unit must have
};

std::vector<Case> cases() {
  const std::string id = "docker-4f2ad8.scope";
  const std::string manager = "/user.slice/user-1000.slice/user@1000.service/user.slice/";
  return {
      {"Docker", "0::/system.slice/" + id + "\n", id, "/system.slice/" + id},
      {"Podman", "0::/machine.slice/libpod-9a.scope\n", "libpod-9a.scope",
       "/machine.slice/libpod-9a.scope"},
      {"PodmanBelowItsScope", "0::/machine.slice/libpod-9a.scope/container\n", "libpod-9a.scope",
       "/machine.slice/libpod-9a.scope"},
      {"Kubernetes", "0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-77.scope\n",
       "cri-containerd-77.scope", "/kubepods.slice/kubepods-pod1.slice/cri-containerd-77.scope"},
      {"CgroupV1",
       "5:cpu,cpuacct:/other.slice\n4:devices:/system.slice/" + id + "\n1:name=systemd:/x\n0::/\n",
       id, "/system.slice/" + id},
      {"CgroupV1WithControllersTogether", "4:blkio,devices:/system.slice/" + id + "\n", id,
       "/system.slice/" + id},
      {"CgroupV2OfAHybrid", "4:devices:/\n0::/system.slice/" + id + "\n", id,
       "/system.slice/" + id},
      {"ColonsInTheName", "0::/system.slice/a:b.scope\n", "a:b.scope", "/system.slice/a:b.scope"},
      {"EscapedName", "0::/system.slice/_cgroup.a.scope\n", "cgroup.a.scope",
       "/system.slice/_cgroup.a.scope"},
      {"EscapedUnderscore", "0::/system.slice/__a.scope\n", "_a.scope", "/system.slice/__a.scope"},
      {"ScopeAtTheRoot", "0::/init.scope\n", "init.scope", "/init.scope"},
      {"ScopeInAScope", "0::/a.slice/outer.scope/inner.scope\n", "inner.scope",
       "/a.slice/outer.scope/inner.scope"},
      // Named like another container's scope: the control group differs.
      {"NamedLikeAScope", "0::/attacker/" + id + "\n", id, "/attacker/" + id},
      {"BelowWhatIsNamedLikeAScope", "0::/attacker/" + id + "/x\n", id, "/attacker/" + id},
      {"NamedLikeAnEscapedScope", "0::/system.slice/_" + id + "\n", id, "/system.slice/_" + id},
      {"NoScopeAtAll", "0::/docker/4f2ad8\n", "", ""},
      {"OtherControllersOnly", "3:cpu:/system.slice/" + id + "\n", "", ""},
      {"Service", "0::/system.slice/containerd.service\n", "", ""},
      {"BelowAService", "0::/system.slice/podman.service/container\n", "", ""},
      {"FarBelowAScope", "0::/system.slice/lxc.scope/docker/4f\n", "", ""},
      {"UserManager", "0::" + manager + "libpod-9a.scope\n", "", ""},
      {"UserManagerAndBelow", "0::" + manager + "libpod-9a.scope/container\n", "", ""},
      {"LoginSession", "0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope",
       "/user.slice/user-1000.slice/session-2.scope"},
      {"NoName", "0::/system.slice/.scope\n", "", ""},
      {"NothingButSlashes", "0::///\n", "", ""},
      {"Root", "0::/\n", "", ""},
      {"NotAPath", "0::a.scope\n", "", ""},
      {"NoLines", "", "", ""},
      // A name is one component, whatever the path: it cannot leave systemd's directory.
      {"DoubleSlash", "0::/system.slice//a.scope/\n", "a.scope", "/system.slice/a.scope"},
      {"UpAndDown", "0::/../../etc/a.scope/..\n", "a.scope", "/../../etc/a.scope"},
      {"DotsAsAName", "0::/../...scope\n", "...scope", "/../...scope"},
      {"EscapeOfNothing", "0::/_.scope\n", "", ""},
  };
}

class ContainerScope : public ::testing::TestWithParam<Case> {};

TEST_P(ContainerScope, IsTheEndOfTheCgroup) {
  std::optional<NamedScope> expected;
  if (!GetParam().unit.empty()) {
    expected = {.unit = GetParam().unit, .control_group = GetParam().control_group};
  }
  EXPECT_EQ(container_scope(GetParam().cgroup), expected);
}

TEST_P(ContainerScope, IsASingleName) {
  const auto scope = container_scope(GetParam().cgroup);
  if (!scope) return;
  EXPECT_EQ(scope->unit.find('/'), std::string::npos);
  EXPECT_THAT(scope->unit,
              ::testing::AllOf(::testing::EndsWith(".scope"), ::testing::Ne(".scope")));
}

INSTANTIATE_TEST_SUITE_P(Cgroups, ContainerScope, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

std::string group_of(const std::string& unit_text, const std::string& unit = "a.scope") {
  return control_group_by_slice(unit, unit_text).value_or("none");
}

TEST(ControlGroupBySlice, HasADirectoryForEachPartOfTheSlicesName) {
  EXPECT_EQ(group_of("[Scope]\nSlice=machine.slice\n"), "/machine.slice/a.scope");
  EXPECT_EQ(group_of("[Scope]\nSlice = kubepods-burstable-pod1.slice\n"),
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/a.scope");
  EXPECT_EQ(group_of("Slice=-.slice\n"), "/a.scope");
}

TEST(ControlGroupBySlice, IsInTheSystemSliceUnlessToldOtherwise) {
  EXPECT_EQ(group_of("[Scope]\nDelegate=yes\n"), "/system.slice/a.scope");
}

TEST(ControlGroupBySlice, TheLastSliceCounts) {
  EXPECT_EQ(group_of("Slice=a.slice\n[Scope]\nSlice=b.slice\n"), "/b.slice/a.scope");
}

TEST(ControlGroupBySlice, NamesThatSystemdMarksAreMarked) {
  EXPECT_EQ(group_of("Slice=_a.slice\n", "cgroup.b.scope"), "/__a.slice/_cgroup.b.scope");
}

TEST(ControlGroupBySlice, IsNoneForWhatIsNoSlice) {
  for (const char* slice : {"", ".slice", "a", "a.service", "-a.slice", "a-.slice", "a--b.slice",
                            "../a.slice", "a/b.slice"}) {
    EXPECT_EQ(group_of("Slice=" + std::string(slice) + "\n"), "none") << slice;
  }
}

TEST(AllowsDevices, LinesForEachDevice) {
  const std::vector<DeviceNumber> devices = {{195, 2}, {195, 255}};
  const std::string both = "DeviceAllow=/dev/char/195:2 rw\nDeviceAllow=/dev/char/195:255 rwm\n";
  EXPECT_TRUE(allows_devices("[Scope]\nDeviceAllow=\n" + both, devices));
  EXPECT_FALSE(allows_devices("[Scope]\n" + both + "DeviceAllow=\n", devices));
  EXPECT_FALSE(allows_devices("[Scope]\nDeviceAllow=/dev/char/195:2 rw\n", devices));
  EXPECT_FALSE(allows_devices("[Scope]\nDeviceAllow=/dev/char/195:2 r\n", {{195, 2}}));
  EXPECT_FALSE(allows_devices("[Scope]\nDeviceAllow=char-nvidia\n", {{195, 2}}));
}

TEST(RestrictsDevices, AListWithEntriesDoes) {
  EXPECT_TRUE(restricts_devices("[Scope]\nDeviceAllow=\nDeviceAllow=char-pts rwm\n"));
  EXPECT_TRUE(restricts_devices("[Scope]\n DeviceAllow = /dev/null rw"));
}

TEST(RestrictsDevices, APolicyOtherThanAutoDoes) {
  EXPECT_TRUE(restricts_devices("[Scope]\nDevicePolicy=strict\n"));
  EXPECT_TRUE(restricts_devices("[Scope]\nDevicePolicy=closed\n"));
}

// Written by runc for a container that may use every device.
TEST(RestrictsDevices, AnEmptyListAndTheAutoPolicyDoNot) {
  EXPECT_FALSE(restricts_devices("[Scope]\nDeviceAllow=\n"));
  EXPECT_FALSE(restricts_devices("[Scope]\nDevicePolicy=auto\n"));
}

TEST(RestrictsDevices, OtherTextDoesNot) {
  EXPECT_FALSE(restricts_devices(""));
  EXPECT_FALSE(restricts_devices("[Scope]\nSlice=system.slice\nDelegate=yes\n"));
  EXPECT_FALSE(restricts_devices("#DeviceAllow=/dev/null rw\n; DevicePolicy=strict\n"));
  EXPECT_FALSE(restricts_devices("IODeviceWeight=/dev/sda 10\nDevicePolicy\n"));
}

TEST(DeviceAllowDropIn, ListsDevicesByNumber) {
  const std::string text =
      device_allow_drop_in({{.major = 195, .minor = 255}, {.major = 511, .minor = 0}});
  EXPECT_THAT(text, ::testing::EndsWith("[Scope]\n"
                                        "DeviceAllow=/dev/char/195:255 rw\n"
                                        "DeviceAllow=/dev/char/511:0 rw\n"));
  EXPECT_THAT(text, ::testing::StartsWith("# Made by oci-nvidia-hook"));
}

// An empty assignment would remove what the runtime allowed.
TEST(DeviceAllowDropIn, NeverEmptiesTheList) {
  EXPECT_THAT(device_allow_drop_in({{.major = 195, .minor = 0}}),
              ::testing::Not(::testing::HasSubstr("DeviceAllow=\n")));
}

// Written by systemd for a scope of crun 1.28.
const std::string kPinned =
    "[Scope]\nDevicePolicy=auto\nBPFProgram=\nBPFProgram=device:/sys/fs/bpf/crun/a_scope\n";

TEST(PinnedDeviceFilter, IsTheFileThatSystemdAttaches) {
  EXPECT_EQ(pinned_device_filter(kPinned), "/sys/fs/bpf/crun/a_scope");
  EXPECT_FALSE(restricts_devices(kPinned));
}

TEST(PinnedDeviceFilter, IsTheLastOne) {
  EXPECT_EQ(pinned_device_filter(kPinned + "BPFProgram = device:/sys/fs/bpf/b\n"), "/sys/fs/bpf/b");
  EXPECT_EQ(pinned_device_filter(kPinned + "BPFProgram=\n"), std::nullopt);
}

TEST(PinnedDeviceFilter, IsNoProgramOfAnotherKind) {
  EXPECT_EQ(pinned_device_filter("[Scope]\nBPFProgram=egress:/sys/fs/bpf/e\n"), std::nullopt);
  EXPECT_EQ(pinned_device_filter("#BPFProgram=device:/sys/fs/bpf/e\n"), std::nullopt);
  EXPECT_EQ(pinned_device_filter(""), std::nullopt);
}

TEST(PinnedFilterDropIn, TakesThePlaceOfTheRuntimesFilter) {
  EXPECT_THAT(pinned_filter_drop_in(kPinned, "/sys/fs/bpf/oci-nvidia-hook/a_scope"),
              ::testing::EndsWith("[Scope]\n"
                                  "BPFProgram=\n"
                                  "BPFProgram=device:/sys/fs/bpf/oci-nvidia-hook/a_scope\n"));
}

TEST(PinnedFilterDropIn, KeepsProgramsOfOtherKinds) {
  const std::string unit = kPinned + "BPFProgram=egress:/sys/fs/bpf/e\n";
  EXPECT_THAT(pinned_filter_drop_in(unit, "/p"),
              ::testing::EndsWith("BPFProgram=\nBPFProgram=egress:/sys/fs/bpf/e\n"
                                  "BPFProgram=device:/p\n"));
}

TEST(PinName, HasNoDotAndIsOfOneScopeAlone) {
  EXPECT_EQ(pin_name("libpod-4f.1.scope"), "libpod-4f+1+scope");
  EXPECT_NE(pin_name("a.b.scope"), pin_name("a_b.scope"));
}

}  // namespace
}  // namespace nvhook
