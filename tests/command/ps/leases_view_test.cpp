// SPDX-License-Identifier: Apache-2.0
// Leases beside the containers that have them, in the table, the document and the metrics.
#include "command/ps/leases_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/ps/prometheus_text.hpp"
#include "command/ps/ps_view.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::Not;

/// Two GPUs, the second with a MIG device. `web` has the first alone, a container that has ended
/// had the MIG device, and one without a name shares a GPU that was taken out.
Sample sample() {
  Sample found{.time = 1'000'000};
  found.devices = {{.name = "0", .gpu = 0, .uuid = "GPU-0", .pci = "0000:01:00.0"},
                   {.name = "1", .gpu = 1, .uuid = "GPU-1", .pci = "0000:02:00.0"},
                   {.name = "1:0", .gpu = 1, .is_mig = true, .gpu_instance = 7}};
  found.containers = {{.record = {.engine = "Docker", .id = "4f1c", .name = "web", .pid = 40},
                       .started = 1'000'000,
                       .devices = {{0, Permission::allowed}}}};
  found.leases = {
      {.lease = {.holder = {.container = "4f1c", .pid = 40},
                 .since = 1'000'000 - 120,
                 .devices = {{.gpu = "0000:01:00.0", .is_exclusive = true}}},
       .is_held = true},
      {.lease = {.holder = {.container = "a\x1b[2J", .pid = 41},
                 .since = 1'000'000 - 60,
                 .devices = {{.gpu = "0000:02:00.0",
                              .mig = LeasedDevice::Instance{.gpu = 7},
                              .is_exclusive = true}}}},
      {.lease = {.holder = {.pid = 42}, .since = 999'999, .devices = {{.gpu = "0000:03:00.0"}}},
       .is_held = true}};
  return found;
}

TEST(LeasesText, ShowsWhoHasWhatAndWhatIsFree) {
  EXPECT_EQ(leases_text(sample(), 0, Style()),
            "CONTAINER  GPU           FOR     PID  SINCE  STATE\n"
            "web        0             alone   40   2m     held\n"
            "a\\x1b[2J   1:0           alone   41   1m     ended: free\n"
            "unknown    0000:03:00.0  shared  42   1s     held\n");
}

TEST(LeasesText, SaysThatThereAreNone) {
  EXPECT_EQ(leases_text({}, 0, Style()), "No container has a lease.\n");
}

TEST(LeasesJson, HasAllOfThem) {
  const Json leases = leases_json(sample());
  ASSERT_EQ(leases.size(), 3U);
  EXPECT_EQ(leases[0].dump(),
            R"({"container":"4f1c","pid":40,"since":"1970-01-12T13:44:40Z","held":true,)"
            R"("devices":[{"device":"0","exclusive":true}]})");
  EXPECT_EQ(leases[1]["held"], false);
  EXPECT_EQ(sample_json(sample())["leases"], leases);
}

TEST(SampleText, MarksAContainerThatHasItsGpusAlone) {
  EXPECT_THAT(sample_text(sample(), 0, Style()), HasSubstr("leased, not in use"));
  Sample ended = sample();
  ended.leases[0].is_held = false;
  EXPECT_THAT(sample_text(ended, 0, Style()), Not(HasSubstr("leased")));
}

TEST(PrometheusText, HasTheLeasesThatAreHeld) {
  const std::string text = prometheus_text(sample());
  EXPECT_THAT(text, HasSubstr("oci_nvidia_lease{id=\"4f1c\",pid=\"40\",device=\"0\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("pid=\"42\",device=\"0000:03:00.0\"} 0\n"));
  EXPECT_THAT(text, Not(HasSubstr("pid=\"41\"")));
}

}  // namespace
}  // namespace nvhook
