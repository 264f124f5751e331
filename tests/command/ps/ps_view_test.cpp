// SPDX-License-Identifier: Apache-2.0
// The table and the document for a sample, with hostile names.
#include "command/ps/ps_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/ps/sample_words.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::Not;

Sample sample() {
  Sample found{.time = 1'000'000};
  for (const char* name : {"0", "1", "2", "3"}) {
    const auto index = static_cast<unsigned>(found.devices.size());
    found.devices.push_back({.name = name, .gpu = index, .uuid = std::string("GPU-") + name});
  }
  found.devices.push_back(
      {.name = "3:0", .gpu = 3, .uuid = "MIG-a", .is_mig = true, .gpu_instance = 7});
  GpuContainer web{
      .record = {.engine = "Docker", .id = std::string(64, 'a'), .name = "web", .pid = 40},
      .cgroup = "/docker/" + std::string(64, 'a'),
      .started = 1'000'000 - 7500,
      .devices = {{0, Permission::allowed}, {1, Permission::denied}}};
  web.processes.push_back({.pid = 41,
                           .name = "python3",
                           .uid = 1000,
                           .user = "ann",
                           .started = 1'000'000 - 59,
                           .cgroup = web.cgroup,
                           .devices = {0},
                           .nodes = {{195, 0}, {195, 255}}});
  GpuContainer unknown{.record = {.pid = 50},
                       .cgroup = "/some.slice/new-engine.scope",
                       .started = 1'000'000 - 86'400 * 12,
                       .devices = {{4, Permission::allowed}}};
  found.containers = {std::move(web), std::move(unknown)};
  found.host_processes.push_back({.pid = 9,
                                  .name = "Xorg",
                                  .uid = 0,
                                  .user = "root",
                                  .login = "bob",
                                  .started = 1'000'000 - 61,
                                  .cgroup = "/user.slice/session-3.scope",
                                  .devices = {0, 1, 2, 3},
                                  .nodes = {}});
  return found;
}

TEST(SampleText, ShowsContainersTheirProcessesAndThoseOfTheHost) {
  EXPECT_EQ(sample_text(sample(), 0, Style()),
            "CONTAINER                     ENGINE   GPU  PID  USER        SINCE  COMMAND\n"
            "web                           Docker   0,1  40               2h5m   may not open 1\n"
            "                                       0    41   ann         59s    python3\n"
            "/some.slice/new-engine.scope  unknown  3:0  50               12d    not in use\n"
            "/user.slice/session-3.scope   host     0-3  9    root (bob)  1m     Xorg\n");
}

TEST(SampleText, FitsATerminal) {
  Sample wide = sample();
  wide.containers[1].cgroup = "/a/" + std::string(300, 'x') + "/end.scope";
  wide.containers[0].record.name = std::string(200, 'n');
  wide.containers[0].processes[0].name = std::string(15, '\x1b');
  const std::string text = sample_text(wide, 80, Style());
  for (const std::string_view line : split(text, '\n')) {
    std::size_t width = 0;
    for (const char c : line) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
    EXPECT_LE(width, 80U) << line;
  }
  EXPECT_THAT(text, HasSubstr("/end.scope"));
}

TEST(SampleText, ShowsNoControlCharacter) {
  Sample hostile = sample();
  hostile.containers[0].record.name = "a\x1b[2J\nb";
  hostile.containers[0].processes[0].name = "\x1b]0;x\x07\r\n";
  hostile.containers[0].processes[0].user = "u\x1b";
  hostile.containers[1].cgroup = "/c\x1b[31m\n";
  hostile.notes = {warning("n\x1b")};
  const std::string text = sample_text(hostile, 80, Style());
  EXPECT_EQ(text.find_first_of("\x1b\x07\r"), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("a\\x1b[2J\\x0ab"));
}

TEST(SampleText, SaysSoIfThereIsNothing) {
  EXPECT_EQ(sample_text({.notes = {warning("one")}}, 80, Style()),
            "No container has a GPU, and no process uses one.\n\none\n");
}

TEST(SampleJson, HasNamesOfDevicesAndTimes) {
  const Json document = sample_json(sample());
  EXPECT_EQ(document["time"], "1970-01-12T13:46:40Z");
  const Json& web = document["containers"][0];
  EXPECT_EQ(web["devices"].dump(), R"([{"device":"0","permission":"allowed"},)"
                                   R"({"device":"1","permission":"denied"}])");
  EXPECT_EQ(web["processes"][0].dump(),
            R"({"pid":41,"name":"python3","uid":1000,"user":"ann","login":"",)"
            R"("since":"1970-01-12T13:45:41Z","cgroup":"/docker/)" +
                std::string(64, 'a') + R"(","devices":["0"],"nodes":["195:0","195:255"]})");
  EXPECT_EQ(document["devices"][4]["gpu_instance"], 7);
  EXPECT_EQ(document["unreadable"]["processes"], 0);
}

TEST(SampleJson, OfOneSampleAfterTheOtherIsThatOfEachAlone) {
  const Sample first = sample();
  Sample renamed = first;
  renamed.containers[0].processes[0].name = "other";
  Sample without = renamed;
  without.containers.erase(without.containers.begin());
  Sample more = first;
  more.devices[0].name = "GPU 0";
  SampleJson json;
  for (const Sample& one : {first, renamed, without, first, more, more, Sample(), first}) {
    EXPECT_EQ(json.of(one).dump(), sample_json(one).dump());
  }
}

TEST(DeviceNames, JoinThreeAndMoreThatFollowEachOther) {
  const auto devices = sample().devices;
  EXPECT_EQ(device_names({0, 1}, devices), "0,1");
  EXPECT_EQ(device_names({0, 1, 2}, devices), "0-2");
  EXPECT_EQ(device_names({0, 2, 3, 4}, devices), "0,2,3,3:0");
  EXPECT_EQ(device_names({}, devices), "-");
}

TEST(AgeText, HasAtMostSixCharacters) {
  EXPECT_EQ(age_text(-5), "0s");
  EXPECT_EQ(age_text(59), "59s");
  EXPECT_EQ(age_text(3599), "59m");
  EXPECT_EQ(age_text(3600), "1h");
  EXPECT_EQ(age_text(86399), "23h59m");
  EXPECT_EQ(age_text(99 * 86400 + 86399), "99d23h");
  EXPECT_EQ(age_text(100 * 86400), "100d");
}

}  // namespace
}  // namespace nvhook
