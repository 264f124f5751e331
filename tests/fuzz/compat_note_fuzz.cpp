// SPDX-License-Identifier: Apache-2.0
// Fuzzes the text of the note in CUDA compatibility libraries, and the decision based on it.
#include "fuzz/fuzz.hpp"
#include "image/cuda_compat.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const auto note = parse_compat_note(fuzz::text_of(data, size));
  if (!note) return 0;
  fuzz::require(note->drivers.size() <= 256 && note->brands.size() <= 256, "lists have bounds");
  fuzz::require(!note->cuda.str().empty() || !note->drivers.empty(), "a note says something");
  for (const char* driver : {"550.54.15", "9999.1"}) {
    const CompatDecision decision = decide_cuda_compat(
        {.driver = *Version::parse("560.28"), .note = *note}, *Version::parse(driver),
        {"NVIDIA A100-SXM4-40GB", "NVIDIA GeForce RTX 4090"});
    fuzz::require(!decision.reason.empty(), "a decision has a reason");
  }
  return 0;
}
