// SPDX-License-Identifier: Apache-2.0
// A specification with another root directory in its paths.
#include "cdi/cdi_root.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSpec = R"({
  "cdiVersion": "0.3.0", "kind": "nvidia.com/gpu", "unknown": {"path": "/host/x"},
  "containerEdits": {
    "env": ["A=/host/b"],
    "deviceNodes": [{"path": "/dev/nvidiactl", "hostPath": "/host/dev/nvidiactl", "fileMode": 438}],
    "mounts": [{"hostPath": "/host/usr/lib/a.so", "containerPath": "/usr/lib/a.so", "type": "x"},
               {"hostPath": "/hostile/b", "containerPath": "/usr/library/b"}],
    "hooks": [
      {"hookName": "createContainer", "path": "/host/usr/bin/nvidia-cdi-hook",
       "args": ["nvidia-cdi-hook", "create-symlinks", "--link", "../a.so::/usr/lib/b.so",
                "--link=/usr/lib/a::/usr/lib/c", "--folder", "/usr/lib"]},
      {"hookName": "createRuntime", "path": "/host/usr/bin/x", "args": ["x", "-config=/host/etc/c"]},
      {"hookName": "startContainer", "path": "/usr/lib/y", "args": ["/usr/lib/z"]}]},
  "devices": [{"name": "gpu0", "more": [1], "containerEdits": {
    "deviceNodes": [{"path": "/usr/lib/node"}]}}]
})";

TEST(CdiRoot, PathsAreMovedOnTheBoundariesOfComponents) {
  const RootChange change{.from = "/a/b/", .to = "/c"};
  EXPECT_EQ(moved("/a/b", change), "/c");
  EXPECT_EQ(moved("/a/b/d", change), "/c/d");
  EXPECT_EQ(moved("/a/bc", change), "/a/bc");
  EXPECT_EQ(moved("/x/a/b", change), "/x/a/b");
  EXPECT_EQ(moved("a/b", change), "a/b");
  EXPECT_EQ(moved("/a/b/d", {.from = "/a/b", .to = "/"}), "/d");
  EXPECT_EQ(moved("/a", {.from = "/", .to = "/host"}), "/host/a");
  EXPECT_EQ(moved("/", {.from = "/", .to = "/host"}), "/host");
}

TEST(CdiRoot, OfTheHost) {
  Json expected = Json::parse(kSpec);
  Json& edits = expected["containerEdits"];
  edits["deviceNodes"][0]["hostPath"] = "/dev/nvidiactl";
  edits["mounts"][0]["hostPath"] = "/usr/lib/a.so";
  edits["hooks"][0]["path"] = "/usr/bin/nvidia-cdi-hook";
  edits["hooks"][1]["path"] = "/usr/bin/x";
  edits["hooks"][1]["args"][1] = "-config=/etc/c";
  expected["cdiVersion"] = "0.5.0";  // hostPath, which the file had, needs it
  EXPECT_EQ(Json::parse(with_other_root(kSpec, {.from = "/host", .to = "/"})), expected);
}

TEST(CdiRoot, OfTheContainer) {
  Json expected = Json::parse(kSpec);
  Json& edits = expected["containerEdits"];
  edits["mounts"][0]["containerPath"] = "/lib64/a.so";
  edits["hooks"][0]["args"] = {
      "nvidia-cdi-hook",           "create-symlinks", "--link", "../a.so::/lib64/b.so",
      "--link=/lib64/a::/lib64/c", "--folder",        "/lib64"};
  edits["hooks"][2]["path"] = "/lib64/y";
  edits["hooks"][2]["args"][0] = "/lib64/z";
  // The node on the host stays the one that it was.
  expected["devices"][0]["containerEdits"]["deviceNodes"][0] = {{"path", "/lib64/node"},
                                                                {"hostPath", "/usr/lib/node"}};
  expected["cdiVersion"] = "0.5.0";
  const RootChange change{.side = RootOf::container, .from = "/usr/lib", .to = "/lib64"};
  EXPECT_EQ(Json::parse(with_other_root(kSpec, change)), expected);
}

TEST(CdiRoot, ANodeWithOnePathGetsOneOfTheHost) {
  const char* const spec = R"({"cdiVersion": "0.3.0", "kind": "a.b/c", "devices": [
      {"name": "x", "containerEdits": {"deviceNodes": [{"path": "/dev/n"}]}}]})";
  const Json document = Json::parse(with_other_root(spec, {.from = "/dev", .to = "/host/dev"}));
  EXPECT_EQ(document["devices"][0]["containerEdits"]["deviceNodes"][0],
            (Json{{"path", "/dev/n"}, {"hostPath", "/host/dev/n"}}));
  EXPECT_EQ(document["cdiVersion"], "0.5.0");
}

TEST(CdiRoot, WhatIsNoSpecificationIsRefused) {
  for (const char* const text : {"{}", "[]", "{\"cdiVersion\": 1}"}) {
    EXPECT_THAT([&] { static_cast<void>(with_other_root(text, {.from = "/a", .to = "/b"})); },
                fails_with(Code::config_invalid, "not a CDI specification"));
  }
}

}  // namespace
}  // namespace nvhook
