// SPDX-License-Identifier: Apache-2.0
// Fuzzes /proc/<pid>/cgroup, mountinfo and devices.list, one part of the input each.
#include <algorithm>

#include "cgroup/cgroup_text.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "fuzz/fuzz.hpp"
#include "text/text.hpp"

namespace {

bool leaves(const std::string& path) {
  const auto names = nvhook::split(path, '/');
  return !path.starts_with('/') || std::find(names.begin(), names.end(), "..") != names.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const auto texts = fuzz::parts(fuzz::text_of(data, size), 3);
  const auto listed = listed_device_cgroups(texts[0]);
  const auto found = find_device_cgroups(texts[0], texts[1]);
  fuzz::require(listed.size() <= 2 && found.size() <= listed.size(), "of each version at most one");
  for (const DeviceCgroup& cgroup : found) {
    fuzz::require(!leaves(cgroup.directory), "no way leads out of the hierarchy");
    if (const auto scope = parent_scope(cgroup.directory)) {
      fuzz::require(cgroup.directory.starts_with(*scope + "/"), "a scope is the parent");
    }
  }
  if (const auto scope = container_scope(texts[0])) {
    fuzz::require(scope->unit.ends_with(".scope") && scope->unit.find('/') == std::string::npos,
                  "a scope is a unit's name");
    fuzz::require(
        scope->control_group.starts_with('/') && scope->control_group.ends_with(scope->unit),
        "its cgroup has its name");
  }
  const std::string missing = missing_device_access(texts[2], {195, 255});
  fuzz::require(missing.empty() || missing == "r" || missing == "w" || missing == "rw",
                "reading, writing, both");
  const std::string completed = std::string(texts[2]) + "\nc 195:255 " + missing;
  const bool was_enough = missing != "rw" || missing_device_access(completed, {195, 255}).empty();
  fuzz::require(was_enough, "a rule for both is enough");
  return 0;
}
