// SPDX-License-Identifier: Apache-2.0
// What is reported of a specification that no longer fits the host.
#include "cdi/cdi_findings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cdi/cdi_plan.hpp"
#include "os/device_number.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

CdiSpec spec_of(const Inventory& inventory, CdiMode mode = CdiMode::full) {
  return to_cdi(inventory, {.library_directory = ContainerPath("/usr/lib64")}, {},
                {.mode = mode,
                 .naming = {.by_uuid = false},
                 .capabilities = {Capability::utility},
                 .hook = "/usr/bin/oci-nvidia-hook"});
}

/// Facts that say that everything named in `spec` exists.
CdiPaths all_there(const CdiSpec& spec, const Inventory& inventory) {
  CdiPaths paths;
  for (const std::string& path : host_paths(spec))
    paths[path] = {.exists = true, .executable = true};
  for (const DeviceNode& node : inventory.nodes) paths[node.file.path.str()].number = node.number;
  return paths;
}

std::vector<std::string> findings(const CdiSpec& spec, const Inventory& now,
                                  const CdiPaths& paths) {
  std::vector<std::string> texts;
  for (const CdiFinding& finding : check_cdi(spec, now, paths)) {
    texts.push_back((finding.is_broken ? "broken: " : "lacking: ") + finding.text);
  }
  return texts;
}

std::vector<std::string> findings_on(const CdiSpec& spec, const Inventory& now) {
  return findings(spec, now, all_there(spec, now));
}

TEST(CdiFindings, NoneForTheHostThatItWasMadeFor) {
  EXPECT_THAT(findings_on(spec_of(test::host()), test::host()), IsEmpty());
  EXPECT_THAT(findings_on(spec_of(test::host(), CdiMode::thin), test::host()), IsEmpty());
}

TEST(CdiFindings, AVersionThatIsTooLowForWhatIsUsed) {
  CdiSpec spec = spec_of(test::host());
  spec.annotations = {{"a", "b"}};
  EXPECT_THAT(findings_on(spec, test::host()),
              ElementsAre("broken: engines refuse it: cdiVersion is 0.5.0, and it uses what needs "
                          "0.6.0"));
  for (const char* version : {"0.6.0", "0.10.0", "1.1.0"}) {
    spec.version = version;
    EXPECT_THAT(findings_on(spec, test::host()), IsEmpty()) << version;
  }
}

TEST(CdiFindings, FilesAndHooksThatAreGone) {
  const CdiSpec spec = spec_of(test::host());
  CdiPaths paths = all_there(spec, test::host());
  paths["/usr/lib/nvidia/current/nvidia-smi-535"].exists = false;
  paths["/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.535.1"].exists = false;
  paths["/usr/bin/oci-nvidia-hook"].executable = false;
  paths.erase("/dev/nvidia2");
  EXPECT_THAT(
      findings(spec, test::host(), paths),
      ElementsAre("broken: gone from the host: `/usr/lib/nvidia/current/nvidia-smi-535` and 1 more",
                  "broken: the hook `/usr/bin/oci-nvidia-hook` is no program",
                  "broken: gone from the host: device node `/dev/nvidia2`"));
}

TEST(CdiFindings, LibrariesOfAnotherDriver) {
  Inventory now = test::host();
  now.driver = *Version::parse("550.54.15");
  CdiSpec spec = spec_of(test::host());
  spec.edits.mounts.push_back({"/lib/libnvidia-egl-gbm.so.1.1.0", "/x", {}});
  EXPECT_THAT(findings_on(spec, now),
              ElementsAre("broken: of driver 535.1, and 550.54.15 is loaded: "
                          "`/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.535.1`"));
}

TEST(CdiFindings, NumbersOfNodes) {
  CdiSpec spec = spec_of(test::host());
  spec.edits.nodes.at(0).number = DeviceNumber{195, 200};
  CdiPaths paths = all_there(spec, test::host());
  EXPECT_THAT(findings(spec, test::host(), paths),
              ElementsAre("broken: `/dev/nvidiactl` is device 195:200 there, and 195:255 now"));
  spec = spec_of(test::host());
  paths["/dev/nvidiactl"].number = DeviceNumber{195, 1};
  paths["/dev/nvidia2"].number = std::nullopt;
  EXPECT_THAT(
      findings(spec, test::host(), paths),
      ElementsAre("broken: `/dev/nvidiactl` on the host is device 195:1, and the driver's is "
                  "195:255: remove that node and run `oci-nvidia-hook create-device-nodes`",
                  "broken: `/dev/nvidia2` is no device node"));
}

TEST(CdiFindings, GpusThatAreGoneOrHaveAnotherNode) {
  Inventory now = test::host();
  now.gpus.pop_back();
  EXPECT_THAT(findings_on(spec_of(test::host()), now),
              ElementsAre("broken: `1` is gone: this host has no such GPU"));
  now = test::host();
  std::swap(now.gpus[0].minor, now.gpus[1].minor);
  EXPECT_THAT(findings_on(spec_of(test::host()), now),
              ElementsAre("broken: `0` gives /dev/nvidia2, and its node is /dev/nvidia0 now",
                          "broken: `1` gives /dev/nvidia0, and its node is /dev/nvidia2 now"));
}

TEST(CdiFindings, GpusWithoutAName) {
  Inventory before = test::host();
  before.gpus.pop_back();
  EXPECT_THAT(
      findings_on(spec_of(before), test::host()),
      ElementsAre("lacking: `all` lacks /dev/nvidia0", "lacking: GPU 1 (GPU-b) has no name in it"));
}

TEST(CdiFindings, OfAnotherKindGpusAreNotExpected) {
  const CdiSpec spec{.version = "0.5.0", .kind = "nvidia.com/gds", .devices = {{.name = "all"}}};
  EXPECT_THAT(findings_on(spec, test::host()), IsEmpty());
  CdiSpec gpus = spec;
  gpus.kind = "nvidia.com/gpu";
  EXPECT_THAT(findings_on(gpus, test::host()), ElementsAre("lacking: `all` lacks /dev/nvidia0, "
                                                           "/dev/nvidia2"));
}

}  // namespace
}  // namespace nvhook
