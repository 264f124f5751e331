// SPDX-License-Identifier: Apache-2.0
// The metrics for a sample: no duplicates, labels that no name can break out of.
#include "command/ps/prometheus_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "text/text.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;

Sample sample() {
  Sample found{.time = 100};
  found.devices = {
      {.name = "0", .gpu = 0, .uuid = "GPU-a", .model = "A \"B\"", .pci = "0000:01:00.0"}};
  GpuContainer web{.record = {.engine = "Docker", .id = "1", .name = "web\n\"}\\"},
                   .cgroup = "/c",
                   .started = 50,
                   .devices = {{0, Permission::allowed}}};
  web.processes = {{.pid = 1, .devices = {0}}, {.pid = 2, .devices = {0}}, {.pid = 3}};
  found.containers = {web, web};  // two that nothing tells apart
  found.unreadable_processes = 7;
  return found;
}

TEST(PrometheusText, EscapesLabels) {
  EXPECT_THAT(prometheus_text(sample()),
              HasSubstr("oci_nvidia_container_device_processes{engine=\"Docker\",id=\"1\","
                        "name=\"web\\n\\\"}\\\\\",user=\"\",cgroup=\"/c\",device=\"0\","
                        "uuid=\"GPU-a\"} 4\n"));
}

TEST(PrometheusText, ReplacesBytesThatAreNotUtf8) {
  Sample broken = sample();
  broken.containers[0].cgroup = "/\xff";
  EXPECT_THAT(prometheus_text(broken), HasSubstr("cgroup=\"/\xEF\xBF\xBD\""));
}

TEST(PrometheusText, HasEachLineOnceAndEachFamilyAfterItsType) {
  const std::string text = prometheus_text(sample());
  std::set<std::string> seen;
  std::string family;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("# TYPE ")) family = split(line, ' ')[2];
    if (line.empty() || line.starts_with('#')) continue;
    EXPECT_TRUE(line.starts_with(family)) << line;
    EXPECT_TRUE(seen.emplace(line.substr(0, line.rfind(' '))).second) << line;
  }
  EXPECT_THAT(text, HasSubstr("oci_nvidia_unreadable_processes 7\n"));
  EXPECT_THAT(text, HasSubstr("oci_nvidia_host_device_processes{device=\"0\",uuid=\"GPU-a\"} 0\n"));
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace nvhook
