// SPDX-License-Identifier: Apache-2.0
// probe_host on directory trees that look like hosts.
#include "host/host_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "os/device_number.hpp"
#include "support/fake_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;

const std::string kLibraries = test::for_this_machine("/usr/lib/x86_64-linux-gnu/");

test::FakeHost usual_host() {
  test::FakeHost host;
  host.library(kLibraries + "libnvidia-ml.so.999.88.77", "libnvidia-ml.so.1");
  return host;
}

Inventory probe(const test::FakeHost& host, CapabilitySet wanted = {Capability::utility}) {
  const auto root = open_root(host.tree().path());
  return probe_host({.system = *root, .driver = *root}, Request{.capabilities = wanted});
}

std::vector<std::string> paths(const Inventory& inventory, Abi abi = Abi::native) {
  std::vector<std::string> found;
  for (const DriverFile& file : inventory.files) {
    if (file.abi == abi) found.push_back(file.path.str());
  }
  return found;
}

testing::Matcher<Inventory> has_note(const std::string& text) {
  return Field(&Inventory::notes, Contains(Field(&Note::text, HasSubstr(text))));
}

TEST(HostProbe, GpusAreIndexedInPciOrderWhateverTheirMinors) {
  test::FakeHost host = usual_host();
  host.gpu("0000:0f:00.0", 0, "GPU-b")
      .gpu("0000:07:00.0", 5, "GPU-a")
      .gpu("0001:01:00.0", 1, "GPU-c");
  std::vector<std::pair<std::string, unsigned>> seen;
  for (const Gpu& gpu : probe(host).gpus) seen.emplace_back(gpu.uuid, gpu.minor);
  EXPECT_THAT(seen,
              ElementsAre(std::pair("GPU-a", 5U), std::pair("GPU-b", 0U), std::pair("GPU-c", 1U)));
}

TEST(HostProbe, AnExcludedGpuDoesNotCount) {
  test::FakeHost host = usual_host();
  host.gpu("0000:07:00.0", 0, "GPU-a", "GPU Excluded: Yes\n").gpu("0000:0f:00.0", 1, "GPU-b");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.gpus.size(), 1U);
  EXPECT_EQ(inventory.gpus[0].uuid, "GPU-b");
  EXPECT_EQ(inventory.gpus[0].index, 0U);
}

TEST(HostProbe, ALostGpuIsANoteAndTheOthersStay) {
  test::FakeHost host = usual_host();
  host.gpu("0000:07:00.0", 0, "GPU-a");
  host.tree().write("/proc/driver/nvidia/gpus/0000:0f:00.0/information", "");
  host.gpu("0000:47:00.0", 2, "GPU-c");
  const Inventory inventory = probe(host);
  ASSERT_EQ(inventory.gpus.size(), 2U);
  EXPECT_EQ(inventory.gpus[1].index, 2U) << "NVML counts it, so that the others keep their index";
  EXPECT_THAT(inventory, has_note("GPU 1 at 0000:0f:00.0"));
}

TEST(HostProbe, WithoutADriverTheMessageTellsWhyFromFacts) {
  test::TemporaryDirectory empty;
  const auto root = open_root(empty.path());
  const auto run = [&] {
    static_cast<void>(probe_host({.system = *root, .driver = *root},
                                 Request{.capabilities = {Capability::utility}}));
  };
  EXPECT_THAT(run, ThrowsMessage<Error>(AllOf(HasSubstr("driver not loaded"),
                                              HasSubstr("no NVIDIA device on the PCI bus"))));
  empty.write("/sys/bus/pci/devices/0000:07:00.0/vendor", "0x10de\n");
  EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr("though an NVIDIA device is on the PCI bus")));
  empty.directory("/sys/module/nouveau");
  EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr("nouveau")));
  empty.write("/sys/devices/soc0/family", "Tegra\n");
  EXPECT_THAT(run, ThrowsMessage<Error>(AllOf(HasSubstr("Tegra"), HasSubstr("driver not loaded"))));
}

/// Calls probe() and returns the error; fails the test if there is none.
Error failure_of(const test::FakeHost& host) {
  try {
    static_cast<void>(probe(host));
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(Code::internal, "");
}

struct TegraSign {
  const char* name;
  const char* path;
  std::string text;
};
class Tegra : public ::testing::TestWithParam<TegraSign> {};
TEST_P(Tegra, WithADriverOfItsOwnIsToldApart) {
  test::FakeHost host("540.4.0");
  host.tree().write(GetParam().path, GetParam().text);
  host.library(kLibraries + "nvidia/libnvidia-ml.so.1", "libnvidia-ml.so.1");
  const Error error = failure_of(host);
  EXPECT_EQ(error.code(), Code::driver_not_loaded);
  EXPECT_THAT(error.what(), HasSubstr("this is a Jetson or another Tegra system"));
  EXPECT_THAT(error.remedy(), HasSubstr("nvidia-ctk cdi generate --mode=csv"));
}
INSTANTIATE_TEST_SUITE_P(
    Signs, Tegra,
    ::testing::Values(TegraSign{"Family", "/sys/devices/soc0/family", "Tegra\n"},
                      TegraSign{"Release", "/etc/nv_tegra_release", "# R36 (release)\n"},
                      TegraSign{"DeviceTree", "/proc/device-tree/compatible",
                                std::string("nvidia,p3737-0000\0nvidia,tegra234\0", 34)}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(HostProbe, ATegraWithAGpuOnThePciBusIsServed) {
  test::FakeHost host = usual_host();
  host.tree().write("/sys/devices/soc0/family", "Tegra\n");
  host.gpu("0000:07:00.0", 0, "GPU-a");
  EXPECT_EQ(probe(host).gpus.size(), 1U);
}

TEST(HostProbe, ATegraWhoseGpuOnThePciBusHasNoDriverIsToldToLoadIt) {
  test::TemporaryDirectory tree;
  tree.write("/sys/devices/soc0/family", "Tegra\n");
  tree.write("/sys/bus/pci/devices/0000:07:00.0/vendor", "0x10de\n");
  tree.write("/sys/bus/pci/devices/0000:07:00.0/class", "0x030200\n");
  const auto root = open_root(tree.path());
  EXPECT_THAT([&] { static_cast<void>(probe_host({.system = *root, .driver = *root}, {})); },
              ThrowsMessage<Error>(
                  AllOf(HasSubstr("an NVIDIA device is on the PCI bus"), Not(HasSubstr("Tegra")))));
}

TEST(HostProbe, APrivateBuildIsNamedByItsVersionAlone) {
  test::FakeHost host = usual_host();
  host.tree().write("/proc/driver/nvidia/version",
                    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05-custom.16  Tue\n"
                    "GCC version:  gcc version 12.2.0\n");
  const Error error = failure_of(host);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("private build, `580.95.05-custom.16`"),
                                  Not(HasSubstr("\\x0a")), Not(HasSubstr("GCC"))));
  EXPECT_THAT(error.remedy(),
              AllOf(HasSubstr("install a released driver"), Not(HasSubstr("reload"))));
}

TEST(HostProbe, OfAVersionFileWithoutAVersionTheFirstLineIsShown) {
  test::FakeHost host = usual_host();
  host.tree().write("/proc/driver/nvidia/version", "NVRM version: none\nGCC version: 12.2.0\n");
  EXPECT_THAT(failure_of(host).what(),
              AllOf(HasSubstr("which is `NVRM version: none`"), Not(HasSubstr("\\x0a"))));
}

TEST(HostProbe, WslWithoutItsDeviceIsToldSo) {
  test::TemporaryDirectory tree;
  tree.write("/proc/sys/kernel/osrelease", "4.4.0-19041-Microsoft\n");
  const auto root = open_root(tree.path());
  EXPECT_THAT([&] { static_cast<void>(probe_host({.system = *root, .driver = *root}, {})); },
              ThrowsMessage<Error>(HasSubstr("this is WSL, and has no `/dev/dxg`")));
}

TEST(HostProbe, Wsl2WithoutNvidiasWindowsDriverIsToldSo) {
  test::TemporaryDirectory tree;
  tree.write("/dev/dxg");
  const auto root = open_root(tree.path());
  EXPECT_THAT([&] { static_cast<void>(probe_host({.system = *root, .driver = *root}, {})); },
              ThrowsMessage<Error>(AllOf(HasSubstr("no `libnvidia-ml.so.1` below `/usr/lib/wsl`"),
                                         HasSubstr("Windows"))));
}

TEST(HostProbe, ALibraryWithoutAVersionIsNoMismatch) {
  for (const char* name : {"libnvidia-ml.so.1", "libnvidia-ml.so"}) {
    test::FakeHost host;
    host.library(kLibraries + name, "libnvidia-ml.so.1");
    const Error error = failure_of(host);
    EXPECT_EQ(error.code(), Code::driver_files_missing) << name;
    EXPECT_THAT(error.what(), HasSubstr("only `" + std::string(name) + "`, whose name does not"));
    EXPECT_THAT(error.remedy(), Not(HasSubstr("reboot"))) << name;
  }
}

TEST(HostProbe, LibrariesOfAnotherVersionAreAMismatchThatNamesBoth) {
  test::FakeHost host;
  host.library(kLibraries + "libnvidia-ml.so.111.22.33", "libnvidia-ml.so.1");
  EXPECT_THAT([&] { static_cast<void>(probe(host)); },
              ThrowsMessage<Error>(AllOf(HasSubstr("driver/library version mismatch"),
                                         HasSubstr("999.88.77"), HasSubstr("111.22.33"))));
}

TEST(HostProbe, NoLibrariesAtAllNameTheLibraryAndItsVersion) {
  EXPECT_THAT([] { static_cast<void>(probe(test::FakeHost())); },
              ThrowsMessage<Error>(HasSubstr("no `libnvidia-ml.so.999.88.77`")));
}

TEST(HostProbe, LinksOfTheCacheLeadThroughDebiansAlternativesToTheRealFile) {
  test::FakeHost host;
  const std::string real = kLibraries + "nvidia/current/libnvidia-ml.so.999.88.77";
  host.file(real, "libnvidia-ml.so.1")
      .listed("libnvidia-ml.so.1", kLibraries + "libnvidia-ml.so.1");
  host.tree().link(kLibraries + "libnvidia-ml.so.1", "/etc/alternatives/nvidia--libnvidia-ml.so.1");
  host.tree().link("/etc/alternatives/nvidia--libnvidia-ml.so.1", real);
  EXPECT_THAT(paths(probe(host)), ElementsAre(real));
}

TEST(HostProbe, ALinkThatLeavesTheDriverRootIsFollowedInsideIt) {
  test::FakeHost host = usual_host();
  host.listed("libcuda.so.1", "/usr/lib/libcuda.so.1");
  host.tree().link("/usr/lib/libcuda.so.1", "../../../../../../usr/lib/libcuda.so.999.88.77");
  host.file("/usr/lib/libcuda.so.999.88.77", "libcuda.so.1");
  EXPECT_THAT(paths(probe(host, {Capability::compute})), Contains("/usr/lib/libcuda.so.999.88.77"));
}

TEST(HostProbe, WithoutALoaderCacheTheWellKnownDirectoriesServe) {
  test::FakeHost host;
  host.file("/run/opengl-driver/lib/libnvidia-ml.so.999.88.77", "libnvidia-ml.so.1")
      .file("/usr/lib64/libcuda.so.999.88.77", "libcuda.so.1");
  EXPECT_THAT(paths(probe(host, {Capability::compute})),
              ::testing::UnorderedElementsAre("/run/opengl-driver/lib/libnvidia-ml.so.999.88.77",
                                              "/usr/lib64/libcuda.so.999.88.77"));
}

TEST(HostProbe, ALibraryThatTheCacheForgotIsFoundBesides) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libnvidia-nvvm.so.999.88.77", "libnvidia-nvvm.so.4");
  EXPECT_THAT(paths(probe(host, {Capability::compute})),
              Contains(kLibraries + "libnvidia-nvvm.so.999.88.77"));
}

TEST(HostProbe, OtherVersionsAndOtherCapabilitiesStayOut) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libcuda.so.111.22.33", "libcuda.so.1");
  host.library(kLibraries + "libnvidia-encode.so.999.88.77", "libnvidia-encode.so.1");
  EXPECT_THAT(paths(probe(host, {Capability::compute})),
              ElementsAre(kLibraries + "libnvidia-ml.so.999.88.77"));
}

TEST(HostProbe, ThirtyTwoBitLibrariesAreFoundWhenAskedFor) {
  test::FakeHost host = usual_host();
  const std::string path = "/usr/lib/i386-linux-gnu/libcuda.so.999.88.77";
  host.file(path, "libcuda.so.1", false).listed("libcuda.so.1", path, false);
  EXPECT_THAT(paths(probe(host, {Capability::compute, Capability::compat32}), Abi::compat32),
              ElementsAre(path));
  EXPECT_THAT(paths(probe(host, {Capability::compute}), Abi::compat32), IsEmpty());
}

TEST(HostProbe, AFileThatIsNoSharedObjectIsANote) {
  test::FakeHost host = usual_host();
  host.tree().write(kLibraries + "libcuda.so.999.88.77", "not an ELF object");
  host.listed("libcuda.so.1", kLibraries + "libcuda.so.999.88.77");
  const Inventory inventory = probe(host, {Capability::compute});
  EXPECT_THAT(paths(inventory), Not(Contains(HasSubstr("libcuda"))));
  EXPECT_THAT(inventory, has_note("not a shared object"));
}

TEST(HostProbe, ALibraryThatLiesAboutItsSonameIsANote) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libcuda.so.999.88.77", "libc.so.6")
      .listed("libcuda.so.1", kLibraries + "libcuda.so.999.88.77");
  const Inventory inventory = probe(host, {Capability::compute});
  EXPECT_THAT(paths(inventory), Not(Contains(HasSubstr("libcuda"))));
  EXPECT_THAT(inventory, has_note("its SONAME is libc.so.6"));
}

TEST(HostProbe, BinariesFirmwareAndEndpoints) {
  test::FakeHost host = usual_host();
  host.tree().write("/usr/lib/nvidia/current/nvidia-smi");
  host.tree().link("/usr/bin/nvidia-smi", "../lib/nvidia/current/nvidia-smi");
  host.tree().write("/usr/lib/firmware/nvidia/999.88.77/gsp_ga10x.bin");
  host.tree().write("/usr/lib/firmware/nvidia/999.88.77/README");
  host.tree().link("/lib", "usr/lib");
  host.tree().write("/run/nvidia-persistenced/socket");  // a file, not a socket
  host.tree().link("/var/run", "../run");
  host.tree().directory("/tmp/nvidia-mps");
  ASSERT_EQ(::chmod(host.tree().below("/tmp/nvidia-mps").c_str(), 0755), 0);
  ASSERT_EQ(::mkfifo(host.tree().below("/tmp/nvidia-mps/control").c_str(), 0666), 0);
  const Inventory inventory = probe(host, {Capability::utility, Capability::compute});
  EXPECT_THAT(paths(inventory),
              ::testing::UnorderedElementsAre(
                  "/usr/lib/nvidia/current/nvidia-smi", kLibraries + "libnvidia-ml.so.999.88.77",
                  "/usr/lib/firmware/nvidia/999.88.77/gsp_ga10x.bin", "/tmp/nvidia-mps"));
  EXPECT_THAT(inventory, has_note("not a socket"));
}

TEST(HostProbe, DeviceNumbersComeFromProcDevices) {
  test::FakeHost host = usual_host();
  host.gpu("0000:07:00.0", 3, "GPU-a");
  std::vector<DeviceNumber> numbers;
  for (const DeviceNode& node : probe(host).nodes) numbers.push_back(node.number);
  EXPECT_THAT(numbers,
              ElementsAre(DeviceNumber{195, 255}, DeviceNumber{511, 0}, DeviceNumber{511, 1},
                          DeviceNumber{195, 254}, DeviceNumber{195, 3}));
}

TEST(HostProbe, WhatTheKernelTellsNeedsNoLibraries) {
  test::FakeHost host;
  host.gpu("0000:07:00.0", 3, "GPU-a");
  const auto root = open_root(host.tree().path());
  const Inventory inventory =
      probe_kernel_driver({.system = *root, .driver = *root}, Request{.devices = AllDevices{}});
  EXPECT_EQ(inventory.driver.str(), "999.88.77");
  ASSERT_EQ(inventory.gpus.size(), 1U);
  EXPECT_EQ(inventory.gpus[0].uuid, "GPU-a");
  EXPECT_EQ(inventory.nodes.size(), 5U);
  EXPECT_THAT(inventory.files, IsEmpty());
}

TEST(HostProbe, TextsOfProcAreReadWithTheirModes) {
  const Inventory inventory = probe(usual_host());
  std::vector<std::string> names;
  for (const auto& text : inventory.proc_texts) names.push_back(text.name);
  EXPECT_THAT(names, ElementsAre("params", "version"));
}

}  // namespace
}  // namespace nvhook
