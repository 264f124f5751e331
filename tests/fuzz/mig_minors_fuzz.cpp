// SPDX-License-Identifier: Apache-2.0
// Fuzzes /proc/driver/nvidia-caps/mig-minors.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "host/facts/proc_text.hpp"

namespace {

std::string line_of(const nvhook::MigCapability& capability) {
  using Role = nvhook::MigCapability::Role;
  const std::string minor = " " + std::to_string(capability.minor) + "\n";
  if (capability.role == Role::config) return "config" + minor;
  if (capability.role == Role::monitor) return "monitor" + minor;
  std::string name = "gpu" + std::to_string(capability.gpu_minor) + "/gi" +
                     std::to_string(capability.gpu_instance);
  if (capability.compute_instance) name += "/ci" + std::to_string(*capability.compute_instance);
  return name + "/access" + minor;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const auto capabilities = parse_mig_minors(text);
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  fuzz::require(capabilities.size() <= lines, "at most one of a line");
  std::string again;
  for (const MigCapability& capability : capabilities) again += line_of(capability);
  fuzz::require(parse_mig_minors(again) == capabilities, "lines are read as they are written");
  return 0;
}
