// SPDX-License-Identifier: Apache-2.0
// Looks at each transient scope of systemd and at the device filters of its cgroup.
#include <fcntl.h>

#include <algorithm>

#include "cgroup/bpf.hpp"
#include "cgroup/device_filter.hpp"
#include "cgroup/systemd/pinned_filter.hpp"
#include "cgroup/systemd/scope_drop_in.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "command/doctor/doctor_read.hpp"

namespace nvhook {
namespace {

bool has_rules_of_the_hook(bpf::ProgramId id) {
  const UniqueFd program = bpf::open_program(id);
  const auto instructions = program ? bpf::instructions_of(program.get()) : std::nullopt;
  if (!instructions) return false;
  // A hardened kernel hides them.
  if (instructions->empty() || has_blinded_constants(*instructions)) {
    return bpf::has_our_name(program.get());
  }
  return !granted_by_prologue(*instructions).empty();
}

bool is_extended(const RootDir& system, const std::string& control_group) {
  const UniqueFd cgroup = system.open("/sys/fs/cgroup" + control_group, O_RDONLY | O_DIRECTORY);
  const auto attached = cgroup ? bpf::attached_to(cgroup.get()) : std::nullopt;
  if (!attached) return false;
  const auto programs = attached->programs();
  return std::any_of(programs.begin(), programs.end(), has_rules_of_the_hook);
}

}  // namespace

std::vector<std::string> read_scopes_at_risk(const RootDir& system) {
  std::vector<std::string> found;
  const RootDir units(system.open(kTransientUnits, O_PATH | O_DIRECTORY));
  if (units.fd() < 0) return found;
  const auto scopes =
      units.list(".", [](std::string_view name) { return name.ends_with(".scope"); });
  for (const std::string& scope : scopes) {
    const std::string text = unit_text(units, scope, OwnDropIn::included);
    const auto file = pinned_device_filter(text);
    if (!file || file->starts_with(kPinDirectory)) continue;
    const auto control_group = control_group_by_slice(scope, text);
    if (control_group && is_extended(system, *control_group)) found.push_back(scope);
  }
  return found;
}

}  // namespace nvhook
