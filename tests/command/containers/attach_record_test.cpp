// SPDX-License-Identifier: Apache-2.0
// The record of what attach and detach changed: its text, and whom it is believed.
#include "command/containers/attach_record.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t kStart = 4711;

TEST(AttachRecord, IsReadAsItWasWritten) {
  const AttachedDevices attached{
      .devices = {"GPU-1", "MIG-2"}, .capabilities = "video", .search_path = {"/usr/lib64"}};
  EXPECT_EQ(parse_attach_record(to_text(attached, kStart), kStart), attached);
  EXPECT_EQ(parse_attach_record(to_text({}, kStart), kStart), AttachedDevices{});
}

TEST(AttachRecord, MayBeOfAVersionThatKnewNoSearchPath) {
  const char* text = R"({"version": 1, "start": 4711, "devices": ["GPU-1"], "capabilities": ""})";
  EXPECT_EQ(parse_attach_record(text, kStart), AttachedDevices{.devices = {"GPU-1"}});
}

TEST(AttachRecord, BelongsToOneProcess) {
  EXPECT_EQ(parse_attach_record(to_text({.devices = {"GPU-1"}}, kStart), kStart + 1), std::nullopt);
}

TEST(AttachRecord, OfAnotherFormIsNone) {
  for (const char* text : {"", "{", "[]", "7", R"({"version": 1, "start": 4711})",
                           R"({"version": 2, "start": 4711, "devices": [], "capabilities": ""})",
                           R"({"version": 1, "start": "4711", "devices": [], "capabilities": ""})",
                           R"({"version": 1, "start": 4711, "devices": [7], "capabilities": ""})",
                           R"({"version": 1, "start": 4711, "devices": {}, "capabilities": ""})",
                           R"({"version": 1, "start": 4711, "devices": [], "capabilities": "",
                               "search_path": 7})"}) {
    EXPECT_EQ(parse_attach_record(text, kStart), std::nullopt) << text;
  }
}

TEST(AttachRecord, NamesDevicesByWhatStaysRight) {
  const Gpu known{.index = 0, .minor = 2, .uuid = "GPU-a"};
  const Gpu unknown{.index = 1, .minor = 3};
  const SelectedDevices selected{
      .gpus = {known, unknown},
      .mig_devices = {
          {.gpu_minor = 2, .gpu_instance = 7, .compute_instance = 0, .uuid = "MIG-b"},
          {.gpu_minor = 2, .gpu_instance = 8, .compute_instance = 1},
          {.gpu_minor = 3, .gpu_instance = 7, .compute_instance = 0, .index = 4},
      }};
  EXPECT_THAT(lasting_names(selected), ElementsAre("GPU-a", "MIG-b", "MIG-GPU-a/8/1", "1", "1:4"));
}

}  // namespace
}  // namespace nvhook
