// SPDX-License-Identifier: Apache-2.0
// Evaluates NVIDIA_REQUIRE_* expressions and explains why one does not hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/version.hpp"

namespace nvhook {

/// One NVIDIA_REQUIRE_* variable of the container.
struct Requirement {
  std::string variable = {};
  std::string expression = {};

  friend bool operator==(const Requirement&, const Requirement&) = default;
};

/// The facts with which requirements are compared. `arch` and `brand` belong to one GPU. Both are
/// absent if no GPU is visible, and then the terms that name them hold (docs/behaviour.md §3.2).
struct RequirementFacts {
  Version driver = {};
  std::optional<Version> cuda = {};
  /// If `cuda` is absent: a version that it is not less than.
  std::optional<Version> least_cuda = {};
  std::optional<Version> arch = {};
  std::optional<std::string> brand = {};
  /// No GPU is visible, so that `arch` and `brand` are absent on purpose.
  bool no_gpu = false;
  /// The GPU in messages: "GPU 0 (GPU-5c…)"; may be empty.
  std::string gpu = {};
};

/// Returns `13.1`, `13.4 or later` or `of an unknown version`.
[[nodiscard]] std::string cuda_text(const RequirementFacts& facts);

/// Facts that the driver must be asked for.
struct NeededFacts {
  bool cuda = false;
  bool arch = false;
  bool brand = false;

  friend bool operator==(const NeededFacts&, const NeededFacts&) = default;
};

/// Returns the facts absent from `known` on which it depends whether `requirements` hold. None for
/// `cuda>=12.2 brand=tesla,driver>=470` on a driver that provides CUDA 12.4, because it holds with
/// any brand: asking for facts is slow.
[[nodiscard]] NeededFacts undecided_facts(const std::vector<Requirement>& requirements,
                                          const RequirementFacts& known);

/// Returns for each requirement the alternative by which it holds (empty for one that asks for
/// nothing); the results point into `requirements`. Space separates alternatives, comma joins
/// terms. Evaluation is from left to right and stops at the first alternative that holds, so that
/// the rest is not even parsed (libnvidia-container dsl.c; docs/behaviour.md §3).
///
/// Throws Error(requirement_malformed) with the words `invalid expression` for a malformed term
/// that is reached. Throws Error(requirement_unsatisfied) with `unsatisfied condition`, the
/// alternative that came closest (the most terms hold; the first of equals), both sides of the
/// comparison and the remedy. Throws Error(requirement_unknown) if the result depends on an absent
/// fact.
std::vector<std::string_view> check_requirements(const std::vector<Requirement>& requirements,
                                                 const RequirementFacts& facts);

}  // namespace nvhook
