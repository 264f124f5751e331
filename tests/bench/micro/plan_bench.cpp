// SPDX-License-Identifier: Apache-2.0
// Measures the decisions, from the environment to the plan.
#include <string>

#include "bench/micro/allocations.hpp"
#include "host/host_probe.hpp"
#include "plan/plan_json.hpp"
#include "plan/planner.hpp"
#include "support/hosts.hpp"

namespace nvhook::bench {
namespace {

ContainerSpec container(const std::string& devices, const std::string& capabilities) {
  return {.root = "rootfs",
          .environment = {{"NVIDIA_VISIBLE_DEVICES", devices},
                          {"NVIDIA_DRIVER_CAPABILITIES", capabilities},
                          {"PATH", "/usr/bin:/bin"}}};
}

/// Returns the inventory of a simulated host, as far as the request needs it.
Inventory inventory(const Request& request) {
  const test::FakeHost host = test::named_host("ubuntu");
  const auto root = open_root(host.tree().path().string());
  return probe_host({.system = *root, .driver = *root}, request);
}

void plan_of(benchmark::State& state, const ContainerSpec& spec) {
  const Config config;
  const Request request = *derive_request(spec, config).request;
  const Inventory host = inventory(request);
  const ContainerFacts facts{.library_directory = ContainerPath("/usr/lib64"),
                             .library32_directory = ContainerPath("/usr/lib32")};
  measure(state, [&] { return make_plan(request, host, facts, config); });
}

void no_request(benchmark::State& state) {
  const ContainerSpec spec{.root = "rootfs", .environment = {{"PATH", "/usr/bin:/bin"}}};
  measure(state, [&] { return derive_request(spec, {}); });
}
BENCHMARK(no_request);

void request(benchmark::State& state) {
  const ContainerSpec spec = container("0,1", "compute,utility");
  measure(state, [&] { return derive_request(spec, {}); });
}
BENCHMARK(request);

void plan_one_gpu(benchmark::State& state) { plan_of(state, container("0", "compute,utility")); }
BENCHMARK(plan_one_gpu);

void plan_everything(benchmark::State& state) { plan_of(state, container("all", "all")); }
BENCHMARK(plan_everything);

void plan_as_json(benchmark::State& state) {
  const Config config;
  const Request request = *derive_request(container("all", "all"), config).request;
  const Plan plan = make_plan(request, inventory(request), {}, config);
  measure(state, [&] { return to_json(plan, "/"); });
}
BENCHMARK(plan_as_json);

}  // namespace
}  // namespace nvhook::bench
