// SPDX-License-Identifier: Apache-2.0
// Fuzzes lists of driver capabilities, from an image and from config.toml.
#include "config/capability.hpp"
#include "fuzz/fuzz.hpp"
#include "request/request.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string text(fuzz::text_of(data, size));
  for (const std::string_view word : split_list(text, ',')) {
    if (const auto one = parse_capability(word))
      fuzz::require(to_string(*one) == word, "a capability has one name");
  }
  ContainerSpec spec{.root = "rootfs"};
  spec.environment = {{"NVIDIA_VISIBLE_DEVICES", "all"}, {"NVIDIA_DRIVER_CAPABILITIES", text}};
  Config config;
  config.supported_capabilities = {Capability::compute, Capability::utility, Capability::video};
  const auto result = fuzz::attempt([&] { return derive_request(spec, config); });
  if (!result || !result->request) return 0;
  const CapabilitySet given = result->request->capabilities;
  fuzz::require((given & config.supported_capabilities) == given,
                "only what is supported is given");
  const std::string written = to_string(given);
  CapabilitySet again;
  for (const std::string_view word : split_list(written, ','))
    again.insert(*parse_capability(word));
  fuzz::require(again == given, "a set is read as it is written");
  return 0;
}
