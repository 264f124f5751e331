// SPDX-License-Identifier: Apache-2.0
// CDI specifications as JSON, and which device a name means.
#include "cdi/cdi_spec.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cdi/cdi_entries.hpp"
#include "os/device_number.hpp"
#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

CdiSpec whole() {
  CdiEdits edits{.environment = {"A=b"},
                 .nodes = {{.path = "/dev/a",
                            .host_path = "/host/a",
                            .number = DeviceNumber{195, 0},
                            .permissions = "rw"},
                           {.path = "/dev/b"}},
                 .mounts = {{"/h", "/c", {"ro", "bind"}}},
                 .hooks = {{"createRuntime", "/bin/h", {"h", "x"}, {"PATH=/"}}},
                 .groups = {44}};
  return {.version = "0.5.0",
          .kind = "vendor.com/class",
          .annotations = {{kAllowInBuilds, "true"}},
          .edits = edits,
          .devices = {{.name = "0", .annotations = {{"a.b/c", ""}}, .edits = edits},
                      {.name = "empty"}}};
}

TEST(CdiSpec, ComesBackFromItsJson) { EXPECT_EQ(parse_cdi_spec(to_json(whole())), whole()); }

TEST(CdiSpec, FieldsOfLaterVersionsAreNotLookedAt) {
  const CdiSpec spec = parse_cdi_spec(R"({"cdiVersion":"1.1.0","kind":"a/b","later":{"x":"y"},
    "containerEdits":{"netDevices":[{}]},"devices":[{"name":"x","containerEdits":null}]})");
  const CdiSpec expected{.version = "1.1.0", .kind = "a/b", .devices = {{.name = "x"}}};
  EXPECT_EQ(spec, expected);
}

// Engines read JSON and YAML by one parser, for which `autoallow: true` is the text `true`.
TEST(CdiSpec, AnnotationsAreTextHoweverTheyAreWritten) {
  const CdiSpec spec = parse_cdi_spec(R"({"cdiVersion":"0.6.0","kind":"a/b",
    "annotations":{"a":true,"b":7,"c":"d"},"devices":[{"name":"x","annotations":{"e":"f"}},
                                                      {"name":"y","annotations":null}]})");
  EXPECT_EQ(spec.annotations, (CdiAnnotations{{"a", "true"}, {"b", "7"}, {"c", "d"}}));
  EXPECT_EQ(spec.devices.at(0).annotations, (CdiAnnotations{{"e", "f"}}));
  EXPECT_EQ(spec.devices.at(1).annotations, CdiAnnotations{});
}

TEST(CdiSpec, AnnotationsNeedVersion060) {
  CdiSpec spec{.devices = {{.name = "a"}, {.name = "b"}}};
  EXPECT_EQ(required_cdi_version(spec), "0.3.0");
  spec.devices[1].annotations = {{"x", "y"}};
  EXPECT_EQ(required_cdi_version(spec), "0.6.0");
  spec.devices[1].annotations.clear();
  spec.annotations = {{"x", "y"}};
  EXPECT_EQ(required_cdi_version(spec), "0.6.0");
}

TEST(CdiSpec, AMajorNumberOfZeroIsNone) {
  const CdiSpec spec = parse_cdi_spec(R"({"cdiVersion":"0.5.0","kind":"a/b","devices":[{"name":"x",
    "containerEdits":{"deviceNodes":[{"path":"/a","major":0,"minor":3},{"path":"/b","major":5}]}}]})");
  EXPECT_EQ(spec.devices.at(0).edits.nodes.at(0).number, std::nullopt);
  EXPECT_EQ(spec.devices.at(0).edits.nodes.at(1).number, (DeviceNumber{5, 0}));
}

TEST(CdiSpec, WhatNoEngineTakesIsRefused) {
  const std::string devices = R"("devices":[{"name":"x"}])";
  const std::string start = R"({"cdiVersion":"0.5.0","kind":"a/b",)";
  const auto edits = [&](const std::string& text) {
    return start + R"("containerEdits":)" + text + "," + devices + "}";
  };
  for (const std::string& text : {std::string("{"),
                                  std::string("[]"),
                                  std::string("{} {}"),
                                  std::string("{x}"),
                                  R"({"kind":"a/b",)" + devices + "}",
                                  R"({"cdiVersion":"0.5.0",)" + devices + "}",
                                  R"({"cdiVersion":1,"kind":"a/b",)" + devices + "}",
                                  R"({"cdiVersion":"0.5.0","kind":"gpu",)" + devices + "}",
                                  start + R"("devices":[]})",
                                  start + R"("devices":{}})",
                                  start + R"("devices":[{}]})",
                                  start + R"("annotations":[],)" + devices + "}",
                                  start + R"("annotations":{"x":{}},)" + devices + "}",
                                  start + R"("devices":[1]})",
                                  start + R"("devices":[{"name":"x"},{"name":"x"}]})",
                                  edits("[]"),
                                  edits(R"({"env":[1]})"),
                                  edits(R"({"mounts":[{"hostPath":"/x"}]})"),
                                  edits(R"({"hooks":[{"path":"/x"}]})"),
                                  edits(R"({"deviceNodes":[{"path":"/x","major":-1}]})"),
                                  edits(R"({"deviceNodes":[{"path":"/x","minor":4294967296}]})")}) {
    EXPECT_THAT([&] { static_cast<void>(parse_cdi_spec(text)); },
                fails_with(Code::config_invalid, "not a CDI specification"))
        << text;
  }
}

TEST(CdiSpec, KindsAreThoseOfTheSpecification) {
  for (const char* good : {"nvidia.com/gpu", "a/b", "k8s.device-plugin.nvidia.com/gpu", "a_b/c-d"})
    EXPECT_TRUE(is_cdi_kind(good)) << good;
  for (const char* bad : {"", "/", "a/", "/b", "a/b/c", "1a/b", "a./b", "a/b.c", "a/-b", "ä/b"})
    EXPECT_FALSE(is_cdi_kind(bad)) << bad;
}

TEST(CdiSpec, BytesThatAreNotUtf8AreNotWritten) {
  CdiSpec spec = whole();
  spec.edits.mounts[0].host_path = "/\xff";
  EXPECT_THAT([&] { static_cast<void>(to_json(spec)); }, fails_with(Code::internal, "CDI"));
}

CdiFile file(const std::string& path, unsigned priority, std::vector<std::string> names) {
  CdiSpec spec{.version = "0.5.0", .kind = "a/b"};
  for (std::string& name : names) spec.devices.push_back({.name = std::move(name)});
  return {.path = path, .priority = priority, .spec = spec};
}

TEST(CdiEntries, ALaterDirectoryHidesAndTheSameOneConflicts) {
  using State = CdiEntryState;
  const std::vector<CdiEntry> expected{
      {"a/b=0", "/etc/1", State::hidden, "/run/3"},
      {"a/b=1", "/etc/1", State::conflict, "/etc/2"},
      {"a/b=1", "/etc/2", State::conflict, "/etc/1"},
      {"a/b=2", "/etc/2", State::usable, ""},
      {"a/b=0", "/run/3", State::usable, ""},
  };
  EXPECT_EQ(cdi_entries({file("/etc/1", 0, {"0", "1"}),
                         file("/etc/2", 0, {"1", "2"}),
                         {.path = "/etc/broken", .error = "no"},
                         file("/run/3", 1, {"0"})}),
            expected);
}

TEST(CdiEntries, AConflictThatIsHiddenIsNone) {
  const auto entries =
      cdi_entries({file("/etc/1", 0, {"0"}), file("/run/2", 1, {"0"}), file("/etc/3", 0, {"0"})});
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].state, CdiEntryState::hidden);
  EXPECT_EQ(entries[1].state, CdiEntryState::usable);
  EXPECT_EQ(entries[2].state, CdiEntryState::hidden);
  EXPECT_EQ(entries[0].other_file, "/run/2");
}

/// A million of them would take minutes.
TEST(CdiSpec, AnObjectHasNoThousandsOfMembers) {
  const auto with_members = [](int count) {
    std::string text = R"({"cdiVersion": "0.5.0", "kind": "a.b/c", "devices": [{"name": "x"}])";
    for (int i = 0; i < count; ++i) text += ", \"k" + std::to_string(i) + "\": {\"a\": [{}]}";
    return text + "}";
  };
  EXPECT_EQ(parse_cdi_spec(with_members(900)).kind, "a.b/c");
  EXPECT_THAT([&] { static_cast<void>(parse_cdi_spec(with_members(1000))); },
              fails_with(Code::config_invalid, "more than 1000 members"));
}

}  // namespace
}  // namespace nvhook
