// SPDX-License-Identifier: Apache-2.0
// NVIDIA_REQUIRE_* expressions: parse, evaluate, explain.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/version.hpp"

namespace nvhook {

/// One NVIDIA_REQUIRE_* variable as the container set it.
struct Requirement {
  std::string variable = {};
  std::string expression = {};

  friend bool operator==(const Requirement&, const Requirement&) = default;
};

/// What requirements are compared with. `arch` and `brand` are one GPU's; both empty when no GPU is
/// visible, and then the terms that name them hold (behaviour.md §3.2).
struct RequirementFacts {
  Version driver = {};
  std::optional<Version> cuda = {};
  std::optional<Version> arch = {};
  std::optional<std::string> brand = {};
  /// True if no GPU is visible, so that `arch` and `brand` are meant to be absent.
  bool no_gpu = false;
  /// Shown in messages: "GPU 0 (GPU-5c…)"; may be empty.
  std::string gpu = {};
};

/// Facts that must be asked for.
struct NeededFacts {
  bool cuda = false;
  bool arch = false;
  bool brand = false;

  friend bool operator==(const NeededFacts&, const NeededFacts&) = default;
};

/// Which facts that are absent from `known` still decide whether `requirements` hold. Nothing for
/// `cuda>=12.2 brand=tesla,driver>=470` on a driver that provides CUDA 12.4, whatever the brand is:
/// the costly facts need not be asked for.
[[nodiscard]] NeededFacts undecided_facts(const std::vector<Requirement>& requirements,
                                          const RequirementFacts& known);

/// Returns if every requirement holds, with the alternative by which each does (empty for one
/// that asks for nothing); they are parts of `requirements`. Space separates alternatives, comma
/// joins terms; evaluation is left to right and stops at the first alternative that holds, so that
/// what follows is not even parsed (libnvidia-container dsl.c; behaviour.md §3). Throws
/// Error(requirement_malformed) for a term that is reached and is not one, with the words `invalid
/// expression`; Error(requirement_unsatisfied) with `unsatisfied condition`, the alternative that
/// came closest (the most terms held, the earliest of equals), both sides of the comparison and the
/// remedy; and Error(requirement_unknown) if the outcome hangs on a fact that is absent.
std::vector<std::string_view> check_requirements(const std::vector<Requirement>& requirements,
                                                 const RequirementFacts& facts);

}  // namespace nvhook
