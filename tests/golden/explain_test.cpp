// SPDX-License-Identifier: Apache-2.0
// Tests that `oci-nvidia explain --bundle` shows the hook's plan for every golden case.
#include "command/explain/explain.hpp"

#include <gtest/gtest.h>

#include <boost/program_options.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "command/shell/command_line.hpp"
#include "support/described_host.hpp"
#include "support/golden_case.hpp"
#include "support/hosts.hpp"

namespace nvhook {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

class ExplainGolden : public ::testing::TestWithParam<std::string> {
 protected:
  /// Returns what the command prints about the case's container on the case's host.
  Json explain() {
    const test::FakeHost host = test::golden_host(case_.host);
    const test::TemporaryDirectory image = test::named_image(case_.image);
    const test::TemporaryDirectory bundle;
    Json spec = Json::parse(case_.spec);
    spec["root"]["path"] = image.path();
    std::ofstream(fs::path(bundle.path()) / "config.json") << spec;
    // The version of the cases' driver belongs to no branch, so its CUDA version would have to be
    // asked for.
    std::ofstream(fs::path(bundle.path()) / "config.toml") << "disable-require = true\n"
                                                           << case_.config;
    const auto system = open_root(host.tree().path().string());
    const CallerContext caller = read_caller();
    std::ostringstream out;
    CommandContext context{.caller = caller,
                           .system = *system,
                           .config_file = std::string(bundle.path()) + "/config.toml",
                           .json = true,
                           .out = out,
                           .err = out};
    const CommandLine line =
        parse_command_line({"explain", "--bundle", std::string(bundle.path())}, all_commands());
    outcome_ = line.command->run(line.values, context);
    return Json::parse(out.str());
  }

  test::GoldenCase case_{GetParam()};
  Outcome outcome_ = Outcome::broken;
};

TEST_P(ExplainGolden, PlanIsTheHooks) {
  const std::string expected = test::expected_plan(case_.folder);
  const Json explained = explain();
  EXPECT_EQ(outcome_, Outcome::good) << explained.dump(1);
  if (!expected.starts_with('{')) {
    EXPECT_TRUE(explained["plan"].is_null());
    EXPECT_EQ(explained["duty"], "none");
    EXPECT_FALSE(explained["no_request"].is_null());
    return;
  }
  EXPECT_EQ(explained["plan"], Json::parse(expected));
  EXPECT_EQ(explained["duty"], "hook");
  for (const Json& step : explained["plan"]["steps"]) {
    const bool is_for_loader = step["op"] == "loaderCache" || step["op"] == "loaderPath";
    EXPECT_TRUE(is_for_loader || !step["reason"].get<std::string>().empty()) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ExplainGolden,
                         ::testing::ValuesIn(test::golden_case_names("expected-plan.json")),
                         [](const auto& one) { return one.param; });

}  // namespace
}  // namespace nvhook
