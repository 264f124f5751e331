// SPDX-License-Identifier: Apache-2.0
// The output of `info` and `list`, byte for byte.
#include "nvidia_cli/cli_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using test::host;
using test::node;

Version version(std::string_view text) { return Version::parse(text).value(); }

// ---- info

Inventory h100() {
  return {.driver = version("550.54.15"),
          .cuda = version("12.4"),
          .gpus = {{.index = 0,
                    .minor = 0,
                    .uuid = "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
                    .pci = "0000:3b:00.0",
                    .model = "NVIDIA H100 80GB HBM3"}}};
}

DriverDetails told_of_h100() {
  return {.driver = version("550.54.15"),
          .cuda = version("12.4"),
          .gpus = {{.pci = "0000:3b:00.0",
                    .uuid = "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
                    .compute_capability = version("9.0"),
                    .brand = "Nvidia"}}};
}

TEST(Info, IsTheReferencesText) {
  EXPECT_EQ(info_text(h100(), told_of_h100(), InfoFormat::text),
            "NVRM version:   550.54.15\n"
            "CUDA version:   12.4\n"
            "\n"
            "Device Index:   0\n"
            "Device Minor:   0\n"
            "Model:          NVIDIA H100 80GB HBM3\n"
            "Brand:          Nvidia\n"
            "GPU UUID:       GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\n"
            "Bus Location:   00000000:3b:00.0\n"
            "Architecture:   9.0\n");
}

TEST(Info, IsTheReferencesCsv) {
  EXPECT_EQ(
      info_text(h100(), told_of_h100(), InfoFormat::csv),
      "NVRM version,CUDA version\n"
      "550.54.15,12.4\n"
      "\n"
      "Device Index,Device Minor,Model,Brand,GPU UUID,Bus Location,Architecture\n"
      "0,0,NVIDIA H100 80GB HBM3,Nvidia,GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx,00000000:3b:00.0,"
      "9.0\n");
}

TEST(Info, HasABlankLineBeforeEveryGpuAndNoneAfterTheLast) {
  Inventory two = h100();
  two.gpus.push_back(
      {.index = 1, .minor = 5, .uuid = "GPU-b", .pci = "000a:bd:1f.0", .model = "M"});
  const std::string text = info_text(two, told_of_h100(), InfoFormat::text);
  EXPECT_THAT(text, ::testing::EndsWith("Architecture:   9.0\n"
                                        "\n"
                                        "Device Index:   1\n"
                                        "Device Minor:   5\n"
                                        "Model:          M\n"
                                        "Brand:          Unknown\n"
                                        "GPU UUID:       GPU-b\n"
                                        "Bus Location:   0000000a:bd:1f.0\n"
                                        "Architecture:   Unknown\n"));
}

TEST(Info, OfAHostWithoutGpuIsTheDriverAlone) {
  EXPECT_EQ(
      info_text({.driver = version("550.54.15"), .cuda = version("12.4")}, {}, InfoFormat::text),
      "NVRM version:   550.54.15\nCUDA version:   12.4\n");
}

TEST(Info, TakesTheCudaVersionOfAnUnknownBranchFromTheDriver) {
  Inventory inventory = h100();
  inventory.cuda.reset();
  EXPECT_THAT(info_text(inventory, {.cuda = version("14.2")}, InfoFormat::csv),
              ::testing::StartsWith("NVRM version,CUDA version\n550.54.15,14.2\n"));
}

// ---- list

constexpr ListSections kEverything{.devices = true,
                                   .libraries = true,
                                   .binaries = true,
                                   .ipcs = true,
                                   .firmwares = true,
                                   .compat32 = true};

std::string list(const ListSections& sections, const Request& request = {.devices = AllDevices{}},
                 const Inventory& inventory = host()) {
  return list_text(inventory, request, sections);
}

TEST(List, OfEverythingIsInTheReferencesOrder) {
  EXPECT_EQ(list(kEverything),
            "/dev/nvidiactl\n"
            "/dev/nvidia-uvm\n"
            "/dev/nvidia-modeset\n"
            "/dev/nvidia2\n"
            "/dev/nvidia0\n"
            "/usr/lib/nvidia/current/nvidia-smi-535\n"
            "/usr/lib/x86_64-linux-gnu/nvidia/current/libnvidia-ml.so.535.1\n"
            "/usr/lib/x86_64-linux-gnu/libcuda.so.535.1\n"
            "/usr/lib/x86_64-linux-gnu/libnvidia-encode.so.535.1\n"
            "/usr/lib/x86_64-linux-gnu/libGLX_nvidia.so.535.1\n"
            "/usr/lib/x86_64-linux-gnu/libnvidia-tls.so.535.1\n"
            "/usr/lib/i386-linux-gnu/libcuda.so.535.1\n"
            "/run/nvidia-persistenced/socket\n"
            "/lib/firmware/nvidia/535.1/gsp_ga10x.bin\n");
}

struct Section {
  const char* name;
  ListSections sections;
  const char* text;
};
class ListSection : public ::testing::TestWithParam<Section> {};
TEST_P(ListSection, IsAlone) { EXPECT_EQ(list(GetParam().sections), GetParam().text); }
INSTANTIATE_TEST_SUITE_P(
    Each, ListSection,
    ::testing::Values(
        Section{"Nothing", {}, ""},
        Section{"Binaries", {.binaries = true}, "/usr/lib/nvidia/current/nvidia-smi-535\n"},
        Section{"Ipcs", {.ipcs = true}, "/run/nvidia-persistenced/socket\n"},
        Section{"Firmwares", {.firmwares = true}, "/lib/firmware/nvidia/535.1/gsp_ga10x.bin\n"},
        Section{"Compat32WithoutLibraries", {.compat32 = true}, ""}),
    [](const auto& row) { return row.param.name; });

TEST(List, HasTheSelectedGpusInIndexOrderAndTheControlNodesInAnyCase) {
  const ListSections devices{.devices = true};
  const std::string control = "/dev/nvidiactl\n/dev/nvidia-uvm\n/dev/nvidia-modeset\n";
  EXPECT_EQ(list(devices, {.devices = DeviceNames{"1"}}), control + "/dev/nvidia0\n");
  EXPECT_EQ(list(devices, {.devices = NoDevices{}}), control);
  EXPECT_THROW(static_cast<void>(list(devices, {.devices = DeviceNames{"2"}})), Error);
}

TEST(List, LeavesOutWhatItIsToldTo) {
  EXPECT_EQ(list({.ipcs = true, .firmwares = true},
                 {.devices = AllDevices{}, .left_out = {.firmware = true, .persistenced = true}}),
            "");
}

/// GPU 1, minor 0, has one GPU instance with two compute instances.
Inventory mig_host() {
  using Role = MigCapability::Role;
  Inventory inventory = host();
  inventory.files.clear();
  inventory.nodes.clear();
  inventory.has_mig_capabilities = true;
  inventory.nvidia_caps_major = 239;
  inventory.mig_devices = {{.gpu_minor = 0, .gpu_instance = 7, .compute_instance = 0},
                           {.gpu_minor = 0, .gpu_instance = 7, .compute_instance = 1}};
  const auto instance = [](unsigned gpu, std::optional<unsigned> compute, unsigned minor) {
    return MigCapability{.role = Role::instance,
                         .gpu_minor = gpu,
                         .gpu_instance = 7,
                         .compute_instance = compute,
                         .minor = minor};
  };
  inventory.mig_capabilities = {{.role = Role::config, .minor = 1},
                                {.role = Role::monitor, .minor = 2},
                                instance(0, std::nullopt, 66),
                                instance(0, 0, 67),
                                instance(0, 1, 68),
                                instance(2, std::nullopt, 336)};
  return inventory;
}

TEST(List, HasTheFilesAndTheNodesOfEveryMigDevice) {
  const std::string capabilities = "/proc/driver/nvidia/capabilities/gpu0/mig/gi7/";
  EXPECT_EQ(list({.devices = true}, {.devices = DeviceNames{"1"}}, mig_host()),
            "/dev/nvidiactl\n/dev/nvidia0\n");
  EXPECT_EQ(list({.devices = true}, {.devices = AllDevices{}}, mig_host()),
            "/dev/nvidiactl\n/dev/nvidia2\n/dev/nvidia0\n" + capabilities + "access\n" +
                capabilities +
                "ci0/access\n/dev/nvidia-caps/nvidia-cap66\n/dev/nvidia-caps/nvidia-cap67\n" +
                capabilities + "access\n" + capabilities +
                "ci1/access\n/dev/nvidia-caps/nvidia-cap66\n/dev/nvidia-caps/nvidia-cap68\n");
}

TEST(List, OfADriverWithoutCapabilityNodesHasTheFilesOnly) {
  Inventory inventory = mig_host();
  inventory.nvidia_caps_major.reset();
  inventory.mig_devices.pop_back();
  EXPECT_EQ(list({.devices = true}, {.devices = AllDevices{}}, inventory),
            "/dev/nvidiactl\n/dev/nvidia2\n/dev/nvidia0\n"
            "/proc/driver/nvidia/capabilities/gpu0/mig/gi7/access\n"
            "/proc/driver/nvidia/capabilities/gpu0/mig/gi7/ci0/access\n");
}

TEST(List, OfMigAdministrationHasNoMigDevice) {
  EXPECT_EQ(list({.devices = true}, {.devices = AllDevices{}, .mig_config = true}, mig_host()),
            "/dev/nvidiactl\n/dev/nvidia2\n/dev/nvidia0\n"
            "/proc/driver/nvidia/capabilities/mig/config\n"
            "/dev/nvidia-caps/nvidia-cap1\n"
            "/proc/driver/nvidia/capabilities/gpu2\n"
            "/dev/nvidia-caps\n"
            "/dev/nvidia-caps/nvidia-cap336\n"
            "/proc/driver/nvidia/capabilities/gpu0\n"
            "/dev/nvidia-caps\n"
            "/dev/nvidia-caps/nvidia-cap66\n"
            "/dev/nvidia-caps/nvidia-cap67\n"
            "/dev/nvidia-caps/nvidia-cap68\n");
  EXPECT_THAT(list({}, {.devices = AllDevices{}, .mig_monitor = true}, mig_host()),
              ::testing::StartsWith("/proc/driver/nvidia/capabilities/mig/monitor\n"
                                    "/dev/nvidia-caps/nvidia-cap2\n"));
}

TEST(List, HasImexChannelsAfterTheDevices) {
  Inventory inventory = mig_host();
  inventory.mig_devices.clear();
  EXPECT_EQ(
      list({.devices = true}, {.devices = DeviceNames{"0"}, .imex_channels = {0, 7}}, inventory),
      "/dev/nvidiactl\n/dev/nvidia2\n"
      "/dev/nvidia-caps-imex-channels/channel0\n"
      "/dev/nvidia-caps-imex-channels/channel7\n");
}

TEST(List, OfWslHasOneNodeAndTheDriverStore) {
  const std::string store = "/usr/lib/wsl/drivers/nv_dispi/";
  Inventory wsl{.is_wsl = true, .gpus = {{.index = 0, .uuid = "GPU-a"}}};
  const std::pair<const char*, const char*> files[] = {
      {"libcuda.so.1.1", "*.so*"}, {"nvidia-smi", "nvidia-smi"}, {"nvcubins.bin", "*.bin"}};
  for (const auto& [name, row] : files) {
    wsl.files.push_back({.kind = ComponentKind::wsl_store,
                         .component = find_component(ComponentKind::wsl_store, row),
                         .path = HostPath(store + name)});
  }
  wsl.nodes = {node(DeviceRole::dxg, "/dev/dxg", {10, 125})};
  EXPECT_EQ(list(kEverything, {.devices = AllDevices{}}, wsl),
            "/dev/dxg\n" + store + "nvidia-smi\n" + store + "libcuda.so.1.1\n");
}

}  // namespace
}  // namespace nvhook
