// SPDX-License-Identifier: Apache-2.0
// Fuzzes unit files and drop-ins of systemd.
#include "cgroup/systemd/scope_unit.hpp"
#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const bool restricts = restricts_devices(text);
  const std::string more = std::string(text) + "\n[Scope]\nDevicePolicy=strict\n";
  fuzz::require(!restricts || !text.empty(), "nothing restricts nothing");
  fuzz::require(restricts_devices(more), "a policy restricts, whatever comes before it");
  const auto control_group = control_group_by_slice("a.scope", text);
  fuzz::require(!control_group || (control_group->starts_with('/') &&
                                   control_group->find("//") == std::string::npos),
                "a control group is a path");
  return 0;
}
