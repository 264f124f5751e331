// SPDX-License-Identifier: Apache-2.0
// Reads device lists of cgroup v1, device filters of cgroup v2 and systemd's drop-ins.
#include "command/containers/device_access.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "cgroup/bpf.hpp"
#include "cgroup/cgroup_text.hpp"
#include "cgroup/device_filter.hpp"
#include "cgroup/filter_verdict.hpp"
#include "cgroup/systemd/scope_drop_in.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "os/device_number.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxText = 1UL << 20U;

void look_at_list(const std::string& directory, const std::vector<DeviceNumber>& devices,
                  const RootDir& system, DeviceAccess& access) {
  const auto list = system.read(directory + "/devices.list", kMaxText);
  if (!list) {
    access.told.push_back(directory + ": its device list cannot be read (" + errno_text(errno) +
                          ")");
    return;
  }
  for (const DeviceNumber& device : devices) {
    if (!missing_device_access(*list, device).empty()) access.denied.push_back(device);
  }
  const std::size_t rules = split_list(*list, '\n').size();
  access.told.push_back(directory + ": a device list (cgroup v1) with " + std::to_string(rules) +
                        (rules == 1 ? " rule" : " rules"));
}

/// Empty if they are not known.
BpfProgram instructions_of(bpf::ProgramId id, const std::vector<DeviceNumber>& devices,
                           const FilterGuesses& guesses) {
  const UniqueFd program = bpf::open_program(id);
  return program ? read_filter(program.get(), guesses, devices).instructions : BpfProgram();
}

/// Reduces `granted` to the devices that all filters so far and this one have rules for.
void narrow(std::optional<std::vector<DeviceNumber>>& granted, std::vector<DeviceNumber> more) {
  std::sort(more.begin(), more.end());
  if (!granted) {
    granted = std::move(more);
    return;
  }
  std::vector<DeviceNumber> both;
  std::set_intersection(granted->begin(), granted->end(), more.begin(), more.end(),
                        std::back_inserter(both));
  granted = std::move(both);
}

std::string rules_in_words(std::size_t granted, bool is_hidden) {
  if (is_hidden) return ", not all of which the kernel shows (net.core.bpf_jit_harden)";
  if (granted == 0) return ", of the runtime alone, which lets it use the devices in config.json";
  return ", with rules of the hook for " + std::to_string(granted) +
         (granted == 1 ? " device" : " devices");
}

void look_at_filters(const std::string& directory, const std::vector<DeviceNumber>& devices,
                     const RootDir& system, const FilterGuesses& guesses, DeviceAccess& access) {
  const UniqueFd cgroup = system.open(directory, O_RDONLY | O_DIRECTORY);
  const auto attached = cgroup ? bpf::attached_to(cgroup.get()) : std::nullopt;
  if (!attached) {
    access.told.push_back(directory + ": its device filters cannot be seen (" + errno_text(errno) +
                          ")");
    return;
  }
  const std::size_t count = attached->programs().size();
  bool is_hidden = false;
  std::optional<std::vector<DeviceNumber>> granted;
  for (const bpf::ProgramId id : attached->programs()) {
    const BpfProgram program = instructions_of(id, devices, guesses);
    is_hidden = is_hidden || program.empty();
    narrow(granted, granted_by_prologue(program));
    for (const DeviceNumber& device : devices) {
      if (lets_use(program, device) == false) access.denied.push_back(device);
    }
  }
  access.told.push_back(
      directory + ": " +
      (count == 0 ? "no device filter (cgroup v2): nothing is restricted there"
                  : std::to_string(count) + (count == 1 ? " device filter" : " device filters") +
                        " (cgroup v2)" + rules_in_words(granted->size(), is_hidden)));
}

void look_at_systemd(const std::string& cgroup, const RootDir& system, DeviceAccess& access) {
  const auto scope = container_scope(cgroup);
  if (!scope) return;
  const std::string file = kTransientUnits + ("/" + scope->unit);
  const std::string directory = file + ".d";
  // A scope of the same name may have another cgroup, so that is compared.
  const auto unit = system.read(file, kMaxText);
  if (!unit || control_group_by_slice(scope->unit, *unit) != scope->control_group) return;
  const RootDir units(system.open(kTransientUnits, O_PATH | O_DIRECTORY));
  if (units.fd() >= 0) {
    const std::string all = unit_text(units, scope->unit, OwnDropIn::included);
    access.filter_file = pinned_device_filter(all).value_or("");
  }
  if (!access.filter_file.empty()) {
    access.told.push_back("systemd: takes the device filter from " + access.filter_file +
                          " at daemon-reload");
  }
  for (const std::string& name : system.list(directory)) {
    const auto text = system.read(directory + "/" + name, kMaxText);
    if (text && text->find("DeviceAllow=") != std::string::npos) {
      access.told.push_back("systemd: " + directory + "/" + name + " allows devices");
    }
  }
}

}  // namespace

DeviceAccess look_at_devices(const std::string& cgroup, const std::vector<DeviceNumber>& devices,
                             const RootDir& system, const FilterGuesses& guesses) {
  DeviceAccess access;
  const std::string mountinfo = system.read("/proc/self/mountinfo", kMaxText << 4U).value_or("");
  for (const DeviceCgroup& each : find_device_cgroups(cgroup, mountinfo)) {
    if (each.version == DeviceCgroup::Version::v1) {
      look_at_list(each.directory, devices, system, access);
      continue;
    }
    look_at_filters(each.directory, devices, system, guesses, access);
    // crun's systemd driver puts the container below the scope; systemd's own filter is at the
    // scope.
    if (const auto scope = parent_scope(each.directory)) {
      look_at_filters(*scope, devices, system, guesses, access);
    }
  }
  if (access.told.empty()) access.told.emplace_back("no device cgroup of it is in sight");
  look_at_systemd(cgroup, system, access);
  return access;
}

}  // namespace nvhook
