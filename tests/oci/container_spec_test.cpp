// SPDX-License-Identifier: Apache-2.0
// Tests parsing config.json, as engines write it and malformed.
#include "oci/container_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/device_number.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

/// A valid spec with this `process`.
std::string with_process(const std::string& process) {
  return R"({"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":)" + process + "}";
}

std::string with_root(const std::string& root) {
  return R"({"ociVersion":"1.0.2","process":{},"root":)" + root + "}";
}

TEST(ContainerSpec, HasTheFieldsThatDecide) {
  const ContainerSpec spec = parse_spec(R"({
    "ociVersion": "1.0.2-dev", "hostname": "c1", "unknown": {"field": [1, 2]},
    "process": {"args": ["sh"], "env": ["PATH=/bin", "NVIDIA_VISIBLE_DEVICES=all"],
                "capabilities": {"bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"], "effective": []}},
    "root": {"path": "/var/lib/rootfs", "readonly": true},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
               {"destination": "/dev/pts"}]
  })");
  const ContainerSpec expected{
      .root = "/var/lib/rootfs",
      .environment = {{"PATH", "/bin"}, {"NVIDIA_VISIBLE_DEVICES", "all"}},
      .root_read_only = true,
      .mounts = {{.source = "proc", .destination = "/proc", .kind = SpecMount::Kind::kernel},
                 {.destination = "/dev/pts"}},
      .privileged = true};
  EXPECT_EQ(spec, expected);
}

TEST(ContainerSpec, NeedsNoEnvironmentNorMountsNorCapabilities) {
  const ContainerSpec spec = parse_spec(with_process("{}"));
  EXPECT_EQ(spec, ContainerSpec{.root = "rootfs"});
}

TEST(ContainerSpec, TakesNullForAbsence) {
  const ContainerSpec spec =
      parse_spec(R"({"ociVersion":"1.0.2","root":{"path":"rootfs"},"mounts":null,)"
                 R"("process":{"env":null,"capabilities":{"bounding":null}}})");
  EXPECT_EQ(spec, ContainerSpec{.root = "rootfs"});
}

TEST(ContainerSpec, LastOfDuplicateVariablesWins) {
  const ContainerSpec spec = parse_spec(with_process(R"({"env":["A=1","B=x","A=2"]})"));
  EXPECT_THAT(spec.environment, ElementsAre(Pair("A", "2"), Pair("B", "x")));
}

TEST(ContainerSpec, VariableIsSplitAtItsFirstEqualsSign) {
  const ContainerSpec spec =
      parse_spec(with_process(R"({"env":["NVIDIA_REQUIRE_CUDA=cuda>=9.0"]})"));
  EXPECT_THAT(spec.environment, ElementsAre(Pair("NVIDIA_REQUIRE_CUDA", "cuda>=9.0")));
}

TEST(ContainerSpec, VariableWithoutEqualsSignIsEmpty) {
  const ContainerSpec spec = parse_spec(with_process(R"({"env":["CUDA_VERSION"]})"));
  EXPECT_THAT(spec.environment, ElementsAre(Pair("CUDA_VERSION", "")));
}

TEST(ContainerSpec, OddVariablesAreData) {
  const ContainerSpec spec = parse_spec(with_process(R"({"env":["","=x","A=\u001b[2J\nb"]})"));
  EXPECT_THAT(spec.environment, ElementsAre(Pair("", "x"), Pair("A", "\x1b[2J\nb")));
}

TEST(ContainerSpec, ReadsAHundredThousandVariables) {
  std::string list = R"("BIG=)" + std::string(8U << 20U, 'x') + "\"";
  for (int i = 0; i < 100'000; ++i) list += ",\"NAME" + std::to_string(i) + "=v\"";
  EXPECT_EQ(parse_spec(with_process("{\"env\":[" + list + "]}")).environment.size(), 100'001U);
}

struct Privilege {
  const char* name;
  const char* capabilities;
  bool privileged;
};
class Privileged : public ::testing::TestWithParam<Privilege> {};
TEST_P(Privileged, IsCapSysAdminInTheBoundingSet) {
  const auto spec =
      parse_spec(with_process("{\"capabilities\":" + std::string(GetParam().capabilities) + "}"));
  EXPECT_EQ(spec.privileged, GetParam().privileged);
}
INSTANTIATE_TEST_SUITE_P(
    Capabilities, Privileged,
    ::testing::Values(Privilege{"Bounding", R"({"bounding":["CAP_SYS_ADMIN"]})", true},
                      Privilege{"NotBounding", R"({"bounding":["CAP_SYS_CHROOT"]})", false},
                      Privilege{"EffectiveOnly", R"({"effective":["CAP_SYS_ADMIN"]})", false},
                      Privilege{"OtherCase", R"({"bounding":["cap_sys_admin"]})", false},
                      Privilege{"PlainListBeforeRc5", R"(["CAP_SYS_ADMIN"])", true},
                      Privilege{"PlainListWithout", R"(["CAP_CHOWN"])", false},
                      Privilege{"EmptyList", "[]", false}, Privilege{"EmptyObject", "{}", false}),
    [](const auto& row) { return std::string(row.param.name); });

struct Bad {
  const char* name;
  std::string json;
  const char* words;
};
class InvalidSpec : public ::testing::TestWithParam<Bad> {};
TEST_P(InvalidSpec, IsRefused) {
  EXPECT_THAT([] { static_cast<void>(parse_spec(GetParam().json)); },
              fails_with(Code::spec_invalid, GetParam().words));
}
std::string name_of(const ::testing::TestParamInfo<Bad>& row) { return row.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Documents, InvalidSpec,
    ::testing::Values(
        Bad{"Empty", "", "not one whole JSON object"},
        Bad{"List", "[]", "not one whole JSON object"},
        Bad{"TwoDocuments", with_process("{}") + "{}", "not one whole JSON object"},
        Bad{"Garbage", "{x}", "could not decode OCI spec: parse error"},
        Bad{"NoCommaBehindWhatIsSkipped", R"({"linux":{}"ociVersion":"1"})", "parse error"},
        Bad{"DeepNesting", "{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}",
            "nested too deeply"},
        Bad{"MillionBrackets",
            "{\"a\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}",
            "nested too deeply"},
        Bad{"NoVersion", R"({"process":{},"root":{"path":"r"}})", "Version is empty in OCI spec"},
        Bad{"NullVersion", R"({"ociVersion":null,"process":{},"root":{"path":"r"}})",
            "Version is empty in OCI spec"},
        Bad{"NoProcess", R"({"ociVersion":"1","root":{"path":"r"}})",
            "Process is empty in OCI spec"},
        Bad{"NoRoot", R"({"ociVersion":"1","process":{}})", "Root is empty in OCI spec"}),
    name_of);
INSTANTIATE_TEST_SUITE_P(
    Types, InvalidSpec,
    ::testing::Values(
        Bad{"Version", R"({"ociVersion":1,"process":{},"root":{"path":"r"}})",
            "`ociVersion` is of type number, not string"},
        Bad{"Process", with_process("[]"), "`process` is of type array, not object"},
        Bad{"Environment", with_process(R"({"env":{}})"),
            "`process.env` is of type object, not array"},
        Bad{"Variable", with_process(R"({"env":[1]})"),
            "`process.env` holds a value of type number"},
        Bad{"Capabilities", with_process(R"({"capabilities":"CAP_SYS_ADMIN"})"),
            "could not decode Process.Capabilities in OCI spec"},
        Bad{"Bounding", with_process(R"({"capabilities":{"bounding":"CAP_SYS_ADMIN"}})"),
            "`process.capabilities.bounding` is of type string, not array"},
        Bad{"Capability", with_process(R"({"capabilities":{"bounding":[21]}})"),
            "`process.capabilities` holds a value of type number"},
        Bad{"Root", with_root("\"rootfs\""), "`root` is of type string, not object"},
        Bad{"RootPath", with_root(R"({"path":1})"), "`root.path` is of type number, not string"},
        Bad{"Mounts", R"({"ociVersion":"1","process":{},"root":{"path":"r"},"mounts":{}})",
            "`mounts` is of type object, not array"},
        Bad{"Mount", R"({"ociVersion":"1","process":{},"root":{"path":"r"},"mounts":["/a"]})",
            "`mounts` holds a value of type string"},
        Bad{"MountSource",
            R"({"ociVersion":"1","process":{},"root":{"path":"r"},"mounts":[{"source":1}]})",
            "`mounts[].source` is of type number, not string"}),
    name_of);
INSTANTIATE_TEST_SUITE_P(
    Roots, InvalidSpec,
    ::testing::Values(Bad{"Missing", with_root("{}"), "`root.path` is empty"},
                      Bad{"Empty", with_root(R"({"path":""})"), "`root.path` is empty"},
                      Bad{"Nul", with_root(R"({"path":"/a\u0000"})"), "it holds a NUL"}),
    name_of);

TEST(ContainerSpec, RootIsBelowTheBundleUnlessItIsAbsolute) {
  EXPECT_EQ(rootfs_path({.root = "rootfs"}, "/bundle"), "/bundle/rootfs");
  EXPECT_EQ(rootfs_path({.root = "./rootfs"}, "/bundle"), "/bundle/./rootfs");
  EXPECT_EQ(rootfs_path({.root = "/var/lib/a..b"}, "/bundle"), "/var/lib/a..b");
}

TEST(ContainerSpec, RootThatIsTheHostsOrGoesUpIsRefused) {
  for (const char* root : {"/", "//", "/./", "/..", "//a/.././", "..", "../rootfs", "a/../b"}) {
    try {
      const std::string path = rootfs_path({.root = root}, "/bundle");
      FAIL() << root << " gives " << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::rootfs_invalid) << root;
    }
  }
}

TEST(ContainerSpec, BytesThatAreNotUtf8AreReplacedAsByGo) {
  const ContainerSpec spec = parse_spec(with_process("{\"env\":[\"A=x\xFFy\"]}"));
  EXPECT_EQ(spec.environment.at("A"), "x\xEF\xBF\xBDy");
}

TEST(ContainerSpec, SkipsWhatIsLargeWhereverItStands) {
  const ContainerSpec spec =
      parse_spec(R"({"annotations":{"root":{"path":"/"}},"ociVersion":"1.0.2","hostname":"linux",)"
                 R"("linux":{"seccomp":{"names":["a}\"","process"]}},)"
                 R"("process":{"env":["A=hooks","linux={}"]},"root":{"path":"rootfs"},)"
                 R"("hooks":{"prestart":[]}})");
  const ContainerSpec expected{.root = "rootfs", .environment = {{"A", "hooks"}, {"linux", "{}"}}};
  EXPECT_EQ(spec, expected);
}

TEST(ContainerSpec, CutAnywhereIsRefused) {
  const std::string whole = with_process(R"({"env":["A=\"b"],"capabilities":{"bounding":["X"]}})");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THAT([&] { static_cast<void>(parse_spec(whole.substr(0, length))); },
                fails_with(Code::spec_invalid, "could not decode OCI spec"))
        << length;
  }
}

std::string with_linux(const std::string& linux_object) {
  return R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{},"linux":)" + linux_object + "}";
}

TEST(LinuxSpec, HasTheLabelAndTheDevices) {
  const LinuxSpec spec = parse_linux_spec(with_linux(R"({
    "seccomp": {"syscalls": [{"names": ["mountLabel"]}]}, "mountLabel": "system_u:object_r:x:s0:c1",
    "devices": [{"path": "/dev/nvidiactl", "type": "c", "major": 195, "minor": 255}, {"type": "c"}],
    "resources": {"devices": [1]}})"));
  const LinuxSpec expected{.mount_label = "system_u:object_r:x:s0:c1",
                           .nodes = {{"/dev/nvidiactl", DeviceNumber{195, 255}}, {}}};
  EXPECT_EQ(spec, expected);
}

TEST(LinuxSpec, OnlyACharacterDeviceWithBothNumbersHasANumber) {
  const LinuxSpec spec = parse_linux_spec(with_linux(R"({"devices": [
    {"path": "/a", "type": "b", "major": 1, "minor": 2}, {"path": "/b", "type": "c", "major": 1},
    {"path": "/c", "type": "c", "major": -1, "minor": 2},
    {"path": "/d", "type": "c", "major": 4294967296, "minor": 2},
    {"path": "/e", "type": "c", "major": "1", "minor": 2},
    {"path": "/f", "type": "u", "major": 0, "minor": 4294967295}]})"));
  ASSERT_EQ(spec.nodes.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(spec.nodes[i].number, std::nullopt) << i;
  EXPECT_EQ(spec.nodes[5].number, (DeviceNumber{0, 4294967295U}));
}

TEST(LinuxSpec, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(parse_linux_spec(with_linux("null")), LinuxSpec());
  EXPECT_EQ(parse_linux_spec(with_linux("{}")), LinuxSpec());
  EXPECT_EQ(parse_linux_spec(with_linux(R"({"mountLabel":null,"devices":null})")), LinuxSpec());
  EXPECT_EQ(parse_linux_spec(with_process("{}")), LinuxSpec());
}

TEST(LinuxSpec, RefusesOtherTypes) {
  for (const char* text : {"[]", R"({"mountLabel":1})", R"({"devices":{}})", R"({"devices":[1]})",
                           R"({"devices":[{"path":2}]})", R"({"devices":[x]})"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_linux_spec(with_linux(text))); },
                fails_with(Code::spec_invalid, "could not decode OCI spec"))
        << text;
  }
}

TEST(Annotations, AreKeysAndStrings) {
  const auto with = [](const std::string& text) { return R"({"annotations":)" + text + "}"; };
  EXPECT_EQ(parse_annotations(with(R"({"cdi.k8s.io/a": "nvidia.com\/gpu=0", "b": ""})")),
            (Annotations{{"b", ""}, {"cdi.k8s.io/a", "nvidia.com/gpu=0"}}));
  EXPECT_EQ(parse_annotations(with("null")), Annotations());
  EXPECT_EQ(parse_annotations("{}"), Annotations());
  for (const char* text : {"[]", R"({"a":1})", R"("x")", R"({"a":null})"}) {
    EXPECT_THAT([&] { static_cast<void>(parse_annotations(with(text))); },
                fails_with(Code::spec_invalid, "could not decode OCI spec"))
        << text;
  }
}

struct ByEngine {
  const char* name;
  std::vector<std::string> mounts;
  std::vector<std::string> devices;
  bool expected;
};
class DriverByEngine : public ::testing::TestWithParam<ByEngine> {};
TEST_P(DriverByEngine, IsTold) {
  ContainerSpec spec;
  for (const std::string& path : GetParam().mounts) spec.mounts.push_back({.destination = path});
  LinuxSpec linux_spec;
  for (const std::string& path : GetParam().devices) linux_spec.nodes.push_back({.path = path});
  EXPECT_EQ(has_driver_by_engine(spec, linux_spec), GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Specs, DriverByEngine,
    ::testing::Values(
        ByEngine{"Cdi", {"/usr/lib64/libcuda.so.550.54"}, {"/dev/nvidiactl"}, true},
        ByEngine{"CdiOfUtilityAlone", {"/lib/libnvidia-ml.so.1"}, {"/dev/nvidiactl"}, true},
        ByEngine{"NodeByMount", {"/lib/libcuda.so.1", "/dev/nvidiactl"}, {}, true},
        ByEngine{"CdiOnWsl", {"/usr/lib/wsl/drivers/nv/libcuda.so.1.1"}, {"/dev/dxg"}, true},
        ByEngine{"WslWithoutADriver", {"/usr/lib/wsl"}, {"/dev/dxg"}, false},
        ByEngine{"Privileged", {"/proc"}, {"/dev/null", "/dev/nvidiactl"}, false},
        ByEngine{"LibraryByHand", {"/lib/libcuda.so.1"}, {"/dev/nvidia0"}, false},
        ByEngine{
            "LooksAlike", {"/libcuda.so.1/data", "/libcudart.so.12"}, {"/dev/nvidiactl"}, false},
        ByEngine{"Nothing", {}, {}, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ContainerSpec, TellsVolumesFromWhatTheRuntimeMakes) {
  using Kind = SpecMount::Kind;
  const std::pair<const char*, Kind> rows[] = {
      {R"({"type":"tmpfs"})", Kind::tmpfs},
      {R"({"type":"tmpfs","options":["nosuid","size=1k"]})", Kind::tmpfs},
      {R"({"type":"tmpfs","options":["bind"]})", Kind::volume},
      {R"({"type":"proc","options":["rbind","ro"]})", Kind::volume},
      {R"({"type":"cgroup2"})", Kind::kernel},
      {R"({"type":"overlay"})", Kind::volume},
      {R"({"type":"bind"})", Kind::volume},
      {R"({})", Kind::volume}};
  for (const auto& [mount, kind] : rows) {
    const ContainerSpec spec =
        parse_spec(R"({"ociVersion":"1","process":{},"root":{"path":"r"},"mounts":[)" +
                   std::string(mount) + "]}");
    EXPECT_EQ(spec.mounts.front().kind, kind) << mount;
  }
}

TEST(ContainerSpec, KnowsThatTheRootIsReadOnly) {
  const auto spec_of = [](const std::string& root) {
    return parse_spec(R"({"ociVersion":"1","process":{},"root":)" + root + "}");
  };
  EXPECT_TRUE(spec_of(R"({"path":"r","readonly":true})").root_read_only);
  EXPECT_FALSE(spec_of(R"({"path":"r","readonly":false})").root_read_only);
  EXPECT_FALSE(spec_of(R"({"path":"r"})").root_read_only);
}

}  // namespace
}  // namespace nvhook
