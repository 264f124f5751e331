// SPDX-License-Identifier: Apache-2.0
// Fuzzes NVIDIA_REQUIRE_* expressions: a fact that is reported as irrelevant must not matter.
#include "fuzz/fuzz.hpp"
#include "request/requirement.hpp"
#include "text/text.hpp"

namespace {

using namespace nvhook;

/// Returns the code of the error; nullopt if the requirements hold.
std::optional<Code> outcome(const std::vector<Requirement>& requirements,
                            const RequirementFacts& facts) {
  try {
    check_requirements(requirements, facts);
    return std::nullopt;
  } catch (const Error& error) {
    fuzz::check(error);
    return error.code();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<Requirement> requirements;
  for (const std::string_view line : split(fuzz::text_of(data, size), '\n')) {
    requirements.push_back({.variable = "NVIDIA_REQUIRE_CUDA", .expression = std::string(line)});
  }
  const RequirementFacts all{.driver = *Version::parse("535.104.05"),
                             .cuda = Version::parse("12.2"),
                             .arch = Version::parse("8.0"),
                             .brand = "Tesla",
                             .gpu = "GPU 0"};
  RequirementFacts known{.driver = all.driver, .gpu = all.gpu};
  const NeededFacts needed = undecided_facts(requirements, known);
  if (needed.cuda) known.cuda = all.cuda;
  if (needed.arch) known.arch = all.arch;
  if (needed.brand) known.brand = all.brand;
  const auto expected = outcome(requirements, all);
  fuzz::require(expected != Code::requirement_unknown, "with every fact there is an answer");
  fuzz::require(outcome(requirements, known) == expected,
                "a fact that was not needed changes nothing");
  static_cast<void>(outcome(requirements, {.driver = all.driver, .no_gpu = true}));
  return 0;
}
