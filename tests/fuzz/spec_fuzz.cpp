// SPDX-License-Identifier: Apache-2.0
// Fuzzes config.json, which the image and its user influence.
#include "fuzz/fuzz.hpp"
#include "oci/container_spec.hpp"
#include "plan/spec_hooks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view json = fuzz::text_of(data, size);
  const auto spec = fuzz::attempt([&] { return parse_spec(json); });
  const auto linux_spec = fuzz::attempt([&] { return parse_linux_spec(json); });
  static_cast<void>(fuzz::attempt([&] { return parse_annotations(json); }));
  if (const auto hooks = fuzz::attempt([&] { return nvidia_cdi_hooks(json); })) {
    for (const SpecHook& hook : *hooks) {
      fuzz::require(!cdi_command(hook).empty(), "a hook of NVIDIA's form has a command");
    }
  }
  if (!spec) return 0;
  fuzz::require(!spec->root.empty(), "a specification has a root");
  for (const auto& [name, value] : spec->environment) {
    fuzz::require(name.find('=') == std::string::npos, "a name ends at the first `=`");
  }
  if (linux_spec && has_driver_by_engine(*spec, *linux_spec)) {
    fuzz::require(!spec->mounts.empty(),
                  "an engine that gives the driver gives its libraries by mounts");
  }
  return 0;
}
