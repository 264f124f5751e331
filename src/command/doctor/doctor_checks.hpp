// SPDX-License-Identifier: Apache-2.0
// The checks of `oci-nvidia doctor`: what was seen → a verdict and what to do. No effects.
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
  note,     ///< nothing is wrong, but somebody may want to know
  skipped,  ///< says nothing: what it depends on is not there, or is bad itself
  warning,  ///< works, or works for some
  bad,      ///< containers do not get their GPUs, or whoever should not can change what they get
};

/// `good`, `note`, `skipped`, `warning`, `bad`.
[[nodiscard]] std::string_view to_string(Verdict verdict);

/// What a check says.
struct Seen {
  Verdict verdict = Verdict::good;
  std::string text = {};
  /// A command, or several joined so that a shell takes them; empty: nothing is to be done.
  std::string remedy = {};
};

struct Diagnosis {
  std::string_view id = {};  ///< stable; docs/doctor.md explains it
  std::string_view title = {};
  Seen seen = {};
  /// Of a check that was skipped for another's sake: that one's id.
  std::string_view because = {};
};

struct Check {
  std::string_view id = {};
  std::string_view title = {};
  /// Ids of checks before this one, between blanks. If one of them is bad, this check can only
  /// repeat it, and is skipped.
  std::string_view needs = {};
  Seen (*look)(const HostReport& report) = nullptr;
  /// The engine that it is about; empty: all.
  std::string_view engine = {};
};

/// Each in causal order.
[[nodiscard]] std::span<const Check> config_checks();
[[nodiscard]] std::span<const Check> driver_checks();
[[nodiscard]] std::span<const Check> library_checks();
[[nodiscard]] std::span<const Check> hook_checks();
[[nodiscard]] std::span<const Check> engine_checks();
[[nodiscard]] std::span<const Check> host_checks();

/// All of the above in this order, for one engine those about that engine.
[[nodiscard]] std::vector<Check> all_checks(std::string_view engine = {});

/// One finding for each check, in their order.
[[nodiscard]] std::vector<Diagnosis> examine(const HostReport& report,
                                             const std::vector<Check>& checks);

/// Names between commas, the first eight of them: `a, b and 3 more`.
[[nodiscard]] std::string some_of(std::vector<std::string> names);

/// `text` as one word of a shell's command line, in quotes where it needs them.
[[nodiscard]] std::string shell_word(const std::string& text);

/// By the worst finding.
[[nodiscard]] Outcome outcome_of(const std::vector<Diagnosis>& findings);

}  // namespace nvhook
