// SPDX-License-Identifier: Apache-2.0
// The plan's JSON form, which --dry-run prints.
#include "plan/plan_json.hpp"

#include <gtest/gtest.h>

#include "os/device_number.hpp"

namespace nvhook {
namespace {

TEST(PlanJson, HasOneStepPerLineOfThePlanInOrder) {
  const Plan plan{
      .tmpfs = {{.target = ContainerPath("/proc/driver/nvidia"),
                 .entries = {{.path = "params", .content = "secret"}},
                 .reason = "r0"}},
      .mounts = {{.source = {.root = HostRoot::driver, .path = HostPath("/dev/nvidia0")},
                  .type = SourceType::character_device,
                  .device = DeviceNumber{195, 0},
                  .target = ContainerPath("/dev/nvidia0"),
                  .attributes = {.read_only = true, .no_dev = false, .no_exec = true},
                  .reason = "r1"}},
      .symlinks = {{.link = ContainerPath("/l"), .target = "t", .replace = true, .reason = "r2"}},
      .loader_entries = {{.soname = "s", .path = ContainerPath("/s")}},
      .device_rules = {{.device = {195, 0}, .reason = "r3"}},
      .notes = {info("n")}};
  EXPECT_EQ(to_json(plan, "/run/nvidia/driver"), R"({
 "version": 1,
 "steps": [
  {
   "op": "tmpfs",
   "target": "/proc/driver/nvidia",
   "entries": [
    "params"
   ],
   "reason": "r0"
  },
  {
   "op": "bind",
   "type": "device",
   "source": "/run/nvidia/driver/dev/nvidia0",
   "target": "/dev/nvidia0",
   "flags": [
    "ro",
    "nosuid",
    "noexec"
   ],
   "device": "c 195:0",
   "reason": "r1"
  },
  {
   "op": "symlink",
   "link": "/l",
   "target": "t",
   "replace": true,
   "reason": "r2"
  },
  {
   "op": "loaderCache",
   "libraries": [
    {
     "soname": "s",
     "path": "/s",
     "abi": "native"
    }
   ]
  },
  {
   "op": "allowDevice",
   "device": "c 195:0",
   "access": "rw",
   "reason": "r3"
  }
 ],
 "notes": [
  "n"
 ]
})");
}

TEST(PlanJson, BytesThatAreNoUtf8AreReplaced) {
  const Plan plan{.notes = {info("\xff")}};
  EXPECT_NE(to_json(plan, "/").find("\\ufffd"), std::string::npos);
}

}  // namespace
}  // namespace nvhook
