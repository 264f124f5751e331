// SPDX-License-Identifier: Apache-2.0
// Reads what runtimes and systemd made their filters of.
#include "cgroup/systemd/filter_guesses.hpp"

#include <fcntl.h>

#include <iterator>
#include <utility>

#include "cgroup/filter_rules.hpp"
#include "cgroup/runtime_filters.hpp"
#include "cgroup/systemd/scope_drop_in.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "cgroup/systemd/systemd_filters.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxDevices = 1UL << 16U;  // of /proc/devices

std::vector<BpfProgram> by_runtimes(std::string_view config_json) {
  try {
    if (!config_json.empty()) return runtime_filters(filter_rules_of(config_json));
  } catch (const Error&) {
    // A config.json that the runtime read differently leads to no guess.
  }
  return {};
}

void append_by_systemd(std::vector<BpfProgram>& programs, std::string_view cgroup,
                       const RootDir& system, const std::vector<DeviceNumber>& told) {
  const auto scope = container_scope(cgroup);
  const RootDir units(scope ? system.open(kTransientUnits, O_PATH | O_DIRECTORY) : UniqueFd());
  if (units.fd() < 0) return;
  const std::string devices = system.read("/proc/devices", kMaxDevices).value_or("");
  for (const OwnDropIn own : {OwnDropIn::left_out, OwnDropIn::included}) {
    const std::string text = unit_text(units, scope->unit, own);
    for (const std::string& each : {text, without_devices(text, told)}) {
      auto more = systemd_filters(each, devices);
      std::move(more.begin(), more.end(), std::back_inserter(programs));
    }
  }
}

}  // namespace

FilterGuesses filter_guesses(std::string_view config_json, std::string cgroup,
                             const RootDir& system, std::vector<DeviceNumber> devices) {
  FilterGuesses guesses{
      .programs = [config_json, cgroup = std::move(cgroup), &system, devices = std::move(devices)] {
        std::vector<BpfProgram> programs = by_runtimes(config_json);
        append_by_systemd(programs, cgroup, system, devices);
        return programs;
      }};
  if (config_json.empty()) {
    guesses.none_is_right = "config.json, of which the runtime made it, is not known here";
  }
  return guesses;
}

}  // namespace nvhook
