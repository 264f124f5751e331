// SPDX-License-Identifier: Apache-2.0
// A container of each golden case has the same driver if the engine gives it the same GPUs by CDI.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <tuple>

#include "cdi/cdi_plan.hpp"
#include "host/host_probe.hpp"
#include "image/container_probe.hpp"
#include "plan/container_task.hpp"
#include "plan/planner.hpp"
#include "plan/spec_edit.hpp"
#include "request/request.hpp"
#include "support/described_host.hpp"
#include "support/golden_case.hpp"
#include "support/hosts.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;
using ::testing::IsSupersetOf;

class Doors : public ::testing::TestWithParam<std::tuple<std::string, CdiMode>> {
 protected:
  void SetUp() override {
    request_ = derive_request(parse_spec(case_.spec), config_).request;
    if (!request_) GTEST_SKIP() << "no GPU container";
    const bool is_of_cdi = request_->features == Features() && request_->imex_channels.empty() &&
                           !request_->mig_config && !request_->mig_monitor &&
                           !std::holds_alternative<NoDevices>(request_->devices);
    if (!is_of_cdi) GTEST_SKIP() << "asks for what devices of GPUs by CDI do not give";
    config_.no_cgroups = false;  // an engine grants devices whatever the file says
  }

  [[nodiscard]] Plan plan_for(const Request& request) const {
    const Inventory inventory = inventory_for(request);
    return make_plan(request, inventory,
                     probe_container(*rootfs_, image_query(request, inventory, config_)), config_);
  }

  [[nodiscard]] Inventory inventory_for(const Request& request) const {
    return probe_host({.system = *system_,
                       .driver = *driver_,
                       .library_search_path = config_.library_search_path},
                      request);
  }

  /// The specification of this host, with the capabilities of the request.
  [[nodiscard]] CdiSpec specification() const {
    Request request = *request_;
    request.devices = AllDevices{};
    const Inventory inventory = inventory_for(request);
    return to_cdi(inventory, probe_container(*driver_, image_query(request, inventory, config_)),
                  config_,
                  {.mode = std::get<CdiMode>(GetParam()),
                   .capabilities = request.capabilities,
                   .hook = "/usr/bin/oci-nvidia-hook"});
  }

  /// What an engine writes for the devices of `cdi` that the request selects.
  [[nodiscard]] std::string config_json(const CdiSpec& cdi, const Plan& wanted) const {
    Json json = Json::parse(case_.spec);
    json["process"]["env"] = {"NVIDIA_VISIBLE_DEVICES=void"};
    Json& rules = json["linux"]["resources"]["devices"];
    rules.push_back({{"allow", false}, {"access", "rwm"}});
    for (const CdiMount& mount : cdi.edits.mounts) {
      json["mounts"].push_back({{"destination", mount.container_path},
                                {"type", "bind"},
                                {"source", mount.host_path},
                                {"options", mount.options}});
    }
    for (const BindMount& mount : wanted.mounts) {
      if (!mount.device) continue;
      json["linux"]["devices"].push_back({{"path", mount.target.str()},
                                          {"type", "c"},
                                          {"major", mount.device->major},
                                          {"minor", mount.device->minor}});
      rules.push_back({{"allow", true},
                       {"type", "c"},
                       {"major", mount.device->major},
                       {"minor", mount.device->minor},
                       {"access", "rw"}});
    }
    return json.dump();
  }

  test::GoldenCase case_{std::get<std::string>(GetParam())};
  Config config_ = parse_config(case_.config, "config.toml").config;
  test::FakeHost host_ = test::golden_host(case_.host);
  test::TemporaryDirectory image_ = test::named_image(case_.image);
  std::optional<RootDir> system_ = open_root(host_.tree().path().string());
  std::optional<RootDir> driver_ = open_root(host_.tree().path().string() + config_.driver_root);
  std::optional<RootDir> rootfs_ = open_root(image_.path());
  std::optional<Request> request_ = {};
};

std::set<std::string> targets_of(const Plan& plan) {
  std::set<std::string> targets;
  for (const BindMount& mount : plan.mounts) targets.insert(mount.target.str());
  return targets;
}

TEST_P(Doors, CdiGivesWhatTheHookGives) {
  const Plan wanted = plan_for(*request_);
  const CdiSpec cdi = specification();
  const std::string json = config_json(cdi, wanted);
  const ContainerTask task =
      derive_cdi_task(json, parse_spec(json), request_->capabilities, config_);
  ASSERT_TRUE(task.request.request);
  const Plan whole = plan_for(*task.request.request);
  const Plan rest = remaining_plan(plan_within_rules(whole, json), json, config_.driver_root);

  std::set<std::string> there = targets_of(rest);
  for (const BindMount& mount : wanted.mounts) {
    if (mount.device) there.insert(mount.target.str());  // the engine's
  }
  std::set<std::string> libraries;
  for (const CdiMount& mount : cdi.edits.mounts) {
    there.insert(mount.container_path);
    if (mount.container_path.find(".so") != std::string::npos) {
      libraries.insert(mount.container_path);
    }
  }
  const std::set<std::string> expected = targets_of(wanted);
  EXPECT_THAT(there, IsSupersetOf(expected));
  for (const std::string& target : there) {
    // An engine has them where the host has them; the hook also where the image's loader looks.
    if (!libraries.contains(target)) {
      EXPECT_TRUE(expected.contains(target)) << target;
    }
  }
  EXPECT_EQ(rest.tmpfs, wanted.tmpfs);
  EXPECT_EQ(rest.loader_entries, wanted.loader_entries);
  EXPECT_EQ(rest.loader_path, wanted.loader_path);
  EXPECT_EQ(rest.symlinks.size(), wanted.symlinks.size());
}

INSTANTIATE_TEST_SUITE_P(Cases, Doors,
                         ::testing::Combine(::testing::ValuesIn(test::golden_case_names()),
                                            ::testing::Values(CdiMode::full, CdiMode::thin)),
                         [](const auto& row) {
                           return std::get<std::string>(row.param) +
                                  (std::get<CdiMode>(row.param) == CdiMode::full ? "Full" : "Thin");
                         });

}  // namespace
}  // namespace nvhook
