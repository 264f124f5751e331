// SPDX-License-Identifier: Apache-2.0
// Measures parsing of each input text.
#include <nlohmann/json.hpp>
#include <string>

#include "bench/micro/allocations.hpp"
#include "config/config.hpp"
#include "host/facts/proc_text.hpp"
#include "oci/container_spec.hpp"
#include "oci/container_state.hpp"
#include "request/requirement.hpp"

namespace nvhook::bench {
namespace {

constexpr const char* kState =
    R"({"ociVersion":"1.0.2","id":"c0ffee","status":"creating","pid":4711,"bundle":"/run/bundle"})";

/// Returns a config.json as an engine writes it, with `variables` variables in its environment.
std::string spec_text(std::int64_t variables) {
  nlohmann::json environment = nlohmann::json::array({"PATH=/usr/bin:/bin", "HOME=/root"});
  for (std::int64_t i = 0; i < variables; ++i) {
    environment.push_back("VARIABLE_" + std::to_string(i) + "=a value of some length");
  }
  environment.push_back("NVIDIA_VISIBLE_DEVICES=0,1");
  nlohmann::json mounts = nlohmann::json::array();
  for (const char* target : {"/proc", "/dev", "/dev/pts", "/dev/shm", "/sys", "/sys/fs/cgroup"}) {
    mounts.push_back({{"destination", target},
                      {"type", "tmpfs"},
                      {"source", "tmpfs"},
                      {"options", {"nosuid", "noexec", "nodev"}}});
  }
  nlohmann::json names = nlohmann::json::array();
  for (int i = 0; i < 350; ++i) names.push_back("system_call_" + std::to_string(i));
  const nlohmann::json rules = {{{"names", names}, {"action", "SCMP_ACT_ALLOW"}}};
  return nlohmann::json{
      {"ociVersion", "1.0.2"},
      {"process", {{"args", {"sh"}}, {"cwd", "/"}, {"env", environment}}},
      {"root", {{"path", "rootfs"}}},
      {"mounts", mounts},
      {"linux", {{"seccomp", {{"defaultAction", "SCMP_ACT_ERRNO"}, {"syscalls", rules}}}}}}
      .dump();
}

constexpr const char* kConfig = R"(
disable-require = false
accept-nvidia-visible-devices-envvar-when-unprivileged = true
[nvidia-container-cli]
environment = []
ldcache = "/etc/ld.so.cache"
load-kmods = true
ldconfig = "@/sbin/ldconfig"
[nvidia-container-runtime]
log-level = "info"
runtimes = ["runc", "crun"]
mode = "auto"
)";

constexpr const char* kGpu =
    "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ:   \t\t 100\n"
    "GPU UUID: \t GPU-12345678-1234-1234-1234-123456780000\nVideo BIOS: \t 92.00.45.00.03\n"
    "Bus Type: \t PCIe\nBus Location: \t 0000:07:00.0\nDevice Minor: \t 2\nGPU Excluded:\t No\n";

std::string mig_minors(std::int64_t gpus) {
  std::string text = "config 1\nmonitor 2\n";
  for (std::int64_t gpu = 0; gpu < gpus; ++gpu) {
    for (std::int64_t instance = 0; instance < 15; ++instance) {
      const std::string name = "gpu" + std::to_string(gpu) + "/gi" + std::to_string(instance);
      text += name + "/access " + std::to_string(3 + gpu * 135 + instance * 9) + "\n";
      for (std::int64_t compute = 0; compute < 8; ++compute) {
        text += name + "/ci" + std::to_string(compute) + "/access " +
                std::to_string(4 + gpu * 135 + instance * 9 + compute) + "\n";
      }
    }
  }
  return text;
}

void state(benchmark::State& state) {
  measure(state, [] { return parse_state(kState); });
}
BENCHMARK(state);

void spec(benchmark::State& state) {
  const std::string text = spec_text(state.range(0));
  measure(state, [&] { return parse_spec(text); });
}
BENCHMARK(spec)->RangeMultiplier(10)->Range(10, 10000);

void linux_spec(benchmark::State& state) {
  const std::string text = spec_text(10);
  measure(state, [&] { return parse_linux_spec(text); });
}
BENCHMARK(linux_spec);

void config(benchmark::State& state) {
  measure(state, [] { return parse_config(kConfig, "config.toml"); });
}
BENCHMARK(config);

void requirement(benchmark::State& state) {
  const std::vector<Requirement> wanted{
      {.variable = "NVIDIA_REQUIRE_CUDA",
       .expression = "cuda>=12.0 brand=tesla,driver>=470,driver<471 brand=unknown,driver>=470,"
                     "driver<471 brand=nvidia,driver>=510,driver<511"}};
  const RequirementFacts facts{
      .driver = *Version::parse("535.309.01"), .cuda = Version::parse("12.2"), .brand = "tesla"};
  measure(state, [&] {
    check_requirements(wanted, facts);
    return undecided_facts(wanted, facts);
  });
}
BENCHMARK(requirement);

void gpu_information(benchmark::State& state) {
  measure(state, [] { return parse_gpu_information(kGpu, "0000:07:00.0"); });
}
BENCHMARK(gpu_information);

void mig_minors(benchmark::State& state) {
  const std::string text = mig_minors(state.range(0));
  measure(state, [&] { return parse_mig_minors(text); });
}
BENCHMARK(mig_minors)->Arg(1)->Arg(16);

}  // namespace
}  // namespace nvhook::bench
