// SPDX-License-Identifier: Apache-2.0
// Fuzzes CDI specifications in YAML and JSON, which any tool may have written.
#include <nlohmann/json.hpp>

#include "cdi/cdi_root.hpp"
#include "cdi/cdi_spec.hpp"
#include "command/cdi/yaml_document.hpp"
#include "command/cdi/yaml_text.hpp"
#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const auto json = fuzz::attempt([&] { return yaml_to_json(text); });
  if (json) {
    fuzz::require(nlohmann::json::accept(*json), "YAML becomes JSON");
    static_cast<void>(fuzz::attempt([&] { return parse_cdi_spec(*json); }));
  }
  const auto spec = fuzz::attempt([&] { return parse_cdi_spec(text); });
  if (!spec) return 0;
  fuzz::require(is_cdi_kind(spec->kind), "a specification has a kind");
  fuzz::require(!spec->devices.empty(), "a specification has devices");
  const auto written = fuzz::attempt([&] { return to_json(*spec); });
  if (written) {
    fuzz::require(parse_cdi_spec(*written) == *spec, "what is written is read as it was");
    fuzz::require(parse_cdi_spec(yaml_to_json(json_to_yaml(*written))) == *spec,
                  "what is written in YAML is read as it was");
    const std::string moved = with_other_root(*written, {.from = "/", .to = "/host"});
    fuzz::require(parse_cdi_spec(moved).devices.size() == spec->devices.size(),
                  "with another root it is a specification, too");
  }
  return 0;
}
