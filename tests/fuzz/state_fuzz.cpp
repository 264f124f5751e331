// SPDX-License-Identifier: Apache-2.0
// Fuzzes the container state that a runtime writes to the hook.
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "oci/container_state.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  auto state = fuzz::attempt([&] { return parse_state(fuzz::text_of(data, size)); });
  if (!state) return 0;
  fuzz::require(state->pid >= 0, "a pid is never negative");
  state->ignored = 0;
  const nlohmann::json again{{"id", state->id}, {"pid", state->pid}, {"bundle", state->bundle}};
  fuzz::require(parse_state(again.dump()) == *state, "a state is read as it is written");
  return 0;
}
