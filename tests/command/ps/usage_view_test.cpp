// SPDX-License-Identifier: Apache-2.0
// Memory and utilisation beside containers and processes.
#include "command/ps/usage_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/ps/prometheus_text.hpp"
#include "command/ps/ps_view.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kGiB = 1UL << 30U;

/// A container with two processes on two GPUs, of which the second has a MIG device.
Sample sample() {
  Sample found{.time = 1'000'000};
  found.devices = {{.name = "0", .gpu = 0, .uuid = "GPU-0", .model = "A100", .pci = "0000:01:00.0"},
                   {.name = "1", .gpu = 1, .uuid = "GPU-1", .model = "A100", .pci = "0000:02:00.0"},
                   {.name = "1:0", .gpu = 1, .uuid = "MIG-a", .is_mig = true, .gpu_instance = 7}};
  GpuContainer web{.record = {.engine = "Docker", .id = "4f1c", .name = "web", .pid = 40},
                   .started = 1'000'000,
                   .devices = {{0, Permission::allowed}}};
  web.processes = {{.pid = 41, .name = "a", .started = 1'000'000, .devices = {0}},
                   {.pid = 42, .name = "b", .started = 1'000'000, .devices = {0}}};
  found.containers = {web};
  found.usage = GpuUsage{
      .devices = {{.pci = "0000:01:00.0",
                   .memory_used = 3 * kGiB,
                   .memory_total = 40 * kGiB,
                   .busy = 60,
                   .processes = {{.pid = 41, .memory = kGiB, .busy = 60},
                                 {.pid = 42, .memory = 512 << 20U}}},
                  {.pci = "0000:02:00.0", .processes = {{.pid = 41, .memory = kGiB, .busy = 20}}},
                  {.pci = "0000:02:00.0",
                   .mig = DeviceUsage::Instance{.gpu = 7},
                   .memory_used = 1,
                   .memory_total = kGiB}}};
  return found;
}

TEST(UsageText, HasAColumnForEachAndATableOfTheDevices) {
  EXPECT_EQ(sample_text(sample(), 0, Style()),
            "CONTAINER  ENGINE  GPU  MEMORY     BUSY  PID  USER  SINCE  COMMAND\n"
            "web        Docker  0    2.5 GiB    60 %  40         0s\n"
            "                   0    2.0 GiB    60 %  41         0s     a\n"
            "                   0    512.0 MiB  -     42         0s     b\n"
            "\n"
            "GPU  MEMORY   OF        BUSY  MODEL\n"
            "0    3.0 GiB  40.0 GiB  60 %  A100\n"
            "1    -        -         -     A100\n"
            "1:0  0.0 KiB  1.0 GiB   -\n");
}

TEST(UsageText, IsNotThereIfNobodyAsked) {
  Sample without = sample();
  without.usage.reset();
  EXPECT_THAT(sample_text(without, 0, Style()), Not(HasSubstr("MEMORY")));
  EXPECT_THAT(sample_json(without).dump(), Not(HasSubstr("usage")));
  EXPECT_THAT(prometheus_text(without), Not(HasSubstr("memory")));
}

TEST(UsageText, OfMemoryHasNoMoreThanFourDigits) {
  EXPECT_EQ(memory_text(std::nullopt), "-");
  EXPECT_EQ(memory_text(0), "0.0 KiB");
  EXPECT_EQ(memory_text(1023 << 10U), "1023.0 KiB");
  EXPECT_EQ(memory_text(1536 << 10U), "1.5 MiB");
  EXPECT_EQ(memory_text(18446744073709551615ULL), "16777215.9 TiB");
}

TEST(UsageJson, IsThatOfEachDeviceAndProcess) {
  const Json document = sample_json(sample());
  EXPECT_EQ(document["devices"][0]["usage"].dump(),
            R"({"memory_used":3221225472,"memory_total":42949672960,"busy":60})");
  EXPECT_EQ(document["devices"][1]["usage"]["memory_used"], nullptr);
  EXPECT_EQ(document["containers"][0]["processes"][0]["usage"].dump(),
            R"({"memory":2147483648,"busy":60})");
}

TEST(PrometheusText, HasMemoryAndUtilisation) {
  const std::string text = prometheus_text(sample());
  EXPECT_THAT(text, HasSubstr("oci_nvidia_device_memory_used_bytes{device=\"0\",uuid=\"GPU-0\"} "
                              "3221225472\n"));
  EXPECT_THAT(text, HasSubstr("oci_nvidia_device_busy_percent{device=\"0\",uuid=\"GPU-0\"} 60\n"));
  EXPECT_THAT(text, HasSubstr("oci_nvidia_container_memory_bytes{engine=\"Docker\",id=\"4f1c\""));
}

}  // namespace
}  // namespace nvhook
