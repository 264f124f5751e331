// SPDX-License-Identifier: Apache-2.0
// The checks of `oci-nvidia doctor`, pure functions: report of the host → verdict and remedy.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/doctor/doctor_report.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

enum class Verdict {
  good,
  note,     ///< nothing is wrong, but it is worth knowing
  skipped,  ///< no result: what it depends on is missing or is itself bad
  warning,  ///< works, or works for some containers
  bad,      ///< containers do not get their GPUs, or someone can change what they get who should
            ///< not
};

/// `good`, `note`, `skipped`, `warning`, `bad`.
[[nodiscard]] std::string_view to_string(Verdict verdict);

/// The result of a check.
struct Seen {
  Verdict verdict = Verdict::good;
  std::string text = {};
  /// A shell command, or several joined for a shell, or words if no command does it; empty:
  /// nothing to do.
  std::string remedy = {};
};

struct Diagnosis {
  std::string_view id = {};    ///< stable; docs/doctor.md explains it
  std::string_view area = {};  ///< as of its Check
  std::string_view title = {};
  Seen seen = {};
  /// The id of the check for which this one was skipped; empty if it was not.
  std::string_view because = {};
};

struct Check {
  std::string_view id = {};
  std::string_view title = {};
  /// Ids of earlier checks, separated by blanks. If one of them is bad, this check would only
  /// repeat it and is skipped.
  std::string_view needs = {};
  Seen (*look)(const HostReport& report) = nullptr;
  /// The engine that this check is about; empty: all.
  std::string_view engine = {};
  /// What it belongs to: `Configuration`, `GPU and driver`, …; all_checks() fills it in.
  std::string_view area = {};
};

/// The checks of each area, in causal order.
[[nodiscard]] std::span<const Check> config_checks();
[[nodiscard]] std::span<const Check> driver_checks();
[[nodiscard]] std::span<const Check> library_checks();
[[nodiscard]] std::span<const Check> hook_checks();
[[nodiscard]] std::span<const Check> engine_checks();
[[nodiscard]] std::span<const Check> host_checks();

/// Returns all of the above in this order. If `engine` is not empty, checks for other engines are
/// left out.
[[nodiscard]] std::vector<Check> all_checks(std::string_view engine = {});

/// Returns one finding for each check, in the same order.
[[nodiscard]] std::vector<Diagnosis> examine(const HostReport& report,
                                             const std::vector<Check>& checks);

/// Joins the first eight names with commas: `a, b and 3 more`.
[[nodiscard]] std::string some_of(std::vector<std::string> names);

/// Returns the outcome of the worst finding.
[[nodiscard]] Outcome outcome_of(const std::vector<Diagnosis>& findings);

}  // namespace nvhook
