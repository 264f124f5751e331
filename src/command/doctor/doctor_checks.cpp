// SPDX-License-Identifier: Apache-2.0
// Runs the checks in causal order and skips those whose cause is already known.
#include "command/doctor/doctor_checks.hpp"

#include <algorithm>
#include <array>

#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the first bad check that `check` needs, or the check for which that one was skipped;
/// empty if there is none.
std::string_view cause_of(const Check& check, const std::vector<Diagnosis>& before) {
  for (const std::string_view need : split_list(check.needs, ' ')) {
    const auto found = std::find_if(before.begin(), before.end(),
                                    [&](const Diagnosis& finding) { return finding.id == need; });
    if (found == before.end()) continue;
    if (found->seen.verdict == Verdict::bad) return found->id;
    if (!found->because.empty()) return found->because;
  }
  return {};
}

}  // namespace

std::string some_of(std::vector<std::string> names) {
  constexpr std::size_t kMostNamed = 8;
  const std::size_t left_out = names.size() > kMostNamed ? names.size() - kMostNamed : 0;
  names.resize(names.size() - left_out);
  return join(names, ", ") + (left_out == 0 ? "" : " and " + std::to_string(left_out) + " more");
}

std::string_view to_string(Verdict verdict) {
  constexpr std::array<std::string_view, 5> kWords{"good", "note", "skipped", "warning", "bad"};
  return kWords.at(static_cast<std::size_t>(verdict));
}

std::vector<Check> all_checks(std::string_view engine) {
  struct Area {
    std::string_view name;
    std::span<const Check> checks;
  };
  std::vector<Check> checks;
  for (const Area& area :
       {Area{"Configuration", config_checks()}, Area{"GPU and driver", driver_checks()},
        Area{"Libraries", library_checks()}, Area{"Hook", hook_checks()},
        Area{"Engines", engine_checks()}, Area{"Host", host_checks()}}) {
    for (const Check& check : area.checks) {
      if (!engine.empty() && !check.engine.empty() && check.engine != engine) continue;
      checks.push_back(check);
      checks.back().area = area.name;
    }
  }
  return checks;
}

std::vector<Diagnosis> examine(const HostReport& report, const std::vector<Check>& checks) {
  std::vector<Diagnosis> findings;
  for (const Check& check : checks) {
    Diagnosis finding{.id = check.id, .area = check.area, .title = check.title};
    finding.because = cause_of(check, findings);
    finding.seen = finding.because.empty()
                       ? check.look(report)
                       : Seen{Verdict::skipped, "because of " + std::string(finding.because)};
    findings.push_back(std::move(finding));
  }
  return findings;
}

Outcome outcome_of(const std::vector<Diagnosis>& findings) {
  const auto has = [&](Verdict verdict) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const Diagnosis& finding) { return finding.seen.verdict == verdict; });
  };
  if (has(Verdict::bad)) return Outcome::broken;
  return has(Verdict::warning) ? Outcome::warning : Outcome::good;
}

}  // namespace nvhook
