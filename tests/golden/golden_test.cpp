// SPDX-License-Identifier: Apache-2.0
// Golden plans: config.json and config.toml on a named host and image → the plan as JSON.
//
// README.md tells how to add one. Each plan is also split into what config.json can say and what is
// left to the hook; together they must be the whole plan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "config/config.hpp"
#include "host/host_probe.hpp"
#include "image/container_probe.hpp"
#include "oci/container_spec.hpp"
#include "plan/plan_json.hpp"
#include "plan/planner.hpp"
#include "plan/spec_edit.hpp"
#include "request/request.hpp"
#include "support/described_host.hpp"
#include "support/golden_case.hpp"
#include "support/hosts.hpp"
#include "support/plan_lines.hpp"

namespace nvhook {
namespace {

struct Case {
  std::string spec = {};
  Config config = {};
  std::optional<Plan> plan = {};  ///< nullopt: not a GPU container
};

Case run_case(const test::GoldenCase& given) {
  const test::FakeHost host = test::golden_host(given.host);
  const test::TemporaryDirectory image = test::named_image(given.image);
  Case result{.spec = given.spec, .config = parse_config(given.config, "config.toml").config};
  const Config& config = result.config;
  const RequestResult request = derive_request(parse_spec(result.spec), config);
  if (!request.request) return result;
  const auto root = open_root(host.tree().path().string());
  const auto driver = open_root(host.tree().path().string() + config.driver_root);
  const auto rootfs = open_root(image.path());
  const Inventory inventory = probe_host(
      {.system = *root, .driver = *driver, .library_search_path = config.library_search_path},
      *request.request);
  const ContainerFacts container =
      probe_container(*rootfs, image_query(*request.request, inventory, config));
  result.plan = make_plan(*request.request, inventory, container, config);
  return result;
}

std::string text_of(const Case& result) {
  if (!result.plan) return "no GPU container\n";
  return to_json(*result.plan, result.config.driver_root) + "\n";
}

class GoldenJson : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenJson, PlanIsTheExpectedOne) {
  const test::GoldenCase given(GetParam());
  const std::string plan = text_of(run_case(given));
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(given.folder / "expected-plan.json") << plan;
    return;
  }
  EXPECT_EQ(plan, test::expected_plan(given.folder));
}

class GoldenLines : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenLines, PlanHasTheExpectedOnes) {
  const test::GoldenCase given(GetParam());
  const Case one = run_case(given);
  ASSERT_TRUE(one.plan);
  const std::string lines = test::plan_lines(*one.plan);
  const auto file = given.folder / "expected-plan.txt";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(file) << lines;
    return;
  }
  EXPECT_EQ(lines, test::sorted_lines(test::for_this_machine(test::read_text(file))));
}

class Golden : public ::testing::TestWithParam<std::string> {};

using Json = nlohmann::json;

/// As an engine writes it: /dev belongs to the container, and only the allowed devices can be used.
std::string as_of_an_engine(const std::string& spec) {
  Json json = Json::parse(spec);
  json["mounts"].push_back({{"destination", "/dev"}, {"type", "tmpfs"}, {"source", "tmpfs"}});
  json["linux"]["resources"]["devices"].push_back({{"allow", false}, {"access", "rwm"}});
  return json.dump(2);
}

std::vector<std::string> texts_of(const Json& list, const char* name, std::size_t from) {
  std::vector<std::string> texts;
  for (std::size_t i = from; i < list.size(); ++i) texts.push_back(list[i][name]);
  return texts;
}

/// Lists all device nodes of the plan, as if they had been found on the host.
SpecEdit edit_of(const Case& one) {
  SpecEdit edit{.driver_root = one.config.driver_root, .hook = "/h", .hook_arguments = {"h"}};
  for (const BindMount& mount : one.plan->mounts) {
    if (mount.device) edit.nodes[mount.target] = {};
  }
  return edit;
}

TEST_P(Golden, RuntimeAndHookDoEachStepOnce) {
  const Case one = run_case(test::GoldenCase(GetParam()));
  if (!one.plan) return;
  const std::string before = as_of_an_engine(one.spec);
  const std::string after = edit_spec(before, *one.plan, edit_of(one));
  EXPECT_EQ(edit_spec(after, *one.plan, edit_of(one)), after);
  const Plan rest = remaining_plan(*one.plan, after, one.config.driver_root);

  const Json old = Json::parse(before);
  const Json json = Json::parse(after);
  std::vector<std::string> places = texts_of(json["mounts"], "destination", old["mounts"].size());
  const Json devices = json["linux"].value("devices", Json::array());
  const std::size_t known = old["linux"].value("devices", Json::array()).size();
  for (const std::string& path : texts_of(devices, "path", known)) places.push_back(path);
  for (const BindMount& mount : rest.mounts) places.push_back(mount.target.str());
  std::vector<std::string> wanted;
  for (const BindMount& mount : one.plan->mounts) wanted.push_back(mount.target.str());
  EXPECT_THAT(places, ::testing::UnorderedElementsAreArray(wanted));
  for (const BindMount& mount : rest.mounts) {
    EXPECT_FALSE(mount.device || is_for_spec(mount, *one.plan)) << mount.target.str();
  }
  EXPECT_TRUE(rest.device_rules.empty());
  EXPECT_EQ(rest.rules_of_runtime, one.plan->device_rules);
  EXPECT_EQ(json["linux"]["resources"]["devices"].size(),
            old["linux"]["resources"]["devices"].size() + one.plan->device_rules.size());
  EXPECT_EQ(rest.tmpfs, one.plan->tmpfs);
  EXPECT_EQ(rest.loader_entries, one.plan->loader_entries);
  EXPECT_EQ(rest.loader_path, one.plan->loader_path);
  EXPECT_EQ(rest.symlinks.size(), one.plan->symlinks.size());
}

std::string name_of(const ::testing::TestParamInfo<std::string>& row) { return row.param; }

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(test::golden_case_names()), name_of);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenJson,
                         ::testing::ValuesIn(test::golden_case_names("expected-plan.json")),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenLines,
                         ::testing::ValuesIn(test::golden_case_names("expected-plan.txt")),
                         name_of);

}  // namespace
}  // namespace nvhook
