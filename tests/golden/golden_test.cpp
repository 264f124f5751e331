// SPDX-License-Identifier: Apache-2.0
// Golden plans: config.json + config.toml on a named host and image → the plan as JSON. Adding a
// case is adding a folder with `case` (lines `host NAME`, `image NAME`), config.json, optionally
// config.toml, and expected-plan.json, which a run with UPDATE_GOLDEN=1 writes; its diff is the
// review.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/config.hpp"
#include "core/container_spec.hpp"
#include "core/cuda_compat.hpp"
#include "core/plan_json.hpp"
#include "core/planner.hpp"
#include "core/request.hpp"
#include "support/hosts.hpp"
#include "system/container_probe.hpp"
#include "system/host_probe.hpp"

namespace nvhook {
namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string plan_of(const fs::path& folder) {
  std::string host_name;
  std::string image_name;
  std::istringstream lines(read_text(folder / "case"));
  for (std::string key, value; lines >> key >> value;)
    (key == "host" ? host_name : image_name) = value;
  const test::FakeHost host = test::named_host(host_name);
  const test::TemporaryDirectory image = test::named_image(image_name);
  const Config config = parse_config(read_text(folder / "config.toml"), "config.toml").config;
  const ContainerSpec spec = parse_spec(read_text(folder / "config.json"));
  const RequestResult result = derive_request(spec, config);
  if (!result.request) return "no GPU container\n";
  const auto root = open_root(host.tree().path().string());
  const auto driver = open_root(host.tree().path().string() + config.driver_root);
  const auto rootfs = open_root(image.path());
  const Inventory inventory = probe_host(
      {.system = *root, .driver = *driver, .library_search_path = config.library_search_path},
      *result.request);
  const ContainerFacts container =
      probe_container(*rootfs, {.compat = wants_cuda_compat(*result.request, config)});
  return to_json(make_plan(*result.request, inventory, container, config), config.driver_root) +
         "\n";
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(TEST_DATA_DIR) / "golden")) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Golden : public ::testing::TestWithParam<std::string> {};

TEST_P(Golden, PlanIsTheExpectedOne) {
  const fs::path folder = fs::path(TEST_DATA_DIR) / "golden" / GetParam();
  const std::string plan = plan_of(folder);
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(folder / "expected-plan.json") << plan;
    return;
  }
  EXPECT_EQ(plan, read_text(folder / "expected-plan.json"));
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, ::testing::ValuesIn(case_names()),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace nvhook
