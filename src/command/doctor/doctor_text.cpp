// SPDX-License-Identifier: Apache-2.0
// Formats findings as text and as JSON.
#include "command/doctor/doctor_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "command/render/folded_text.hpp"
#include "command/render/table.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

Colour colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::good:
      return Colour::good;
    case Verdict::note:
      return Colour::bold;
    case Verdict::skipped:
      return Colour::dim;
    case Verdict::warning:
      return Colour::warning;
    case Verdict::bad:
      return Colour::bad;
  }
  return Colour::none;
}

bool is_fault(const Diagnosis& finding) {
  return finding.seen.verdict != Verdict::good && finding.seen.verdict != Verdict::skipped;
}

/// Returns for example `1 bad, 2 warnings, 30 good`.
std::string counts(const std::vector<Diagnosis>& findings) {
  struct Word {
    Verdict verdict;
    std::string_view one;
    std::string_view several;
  };
  constexpr std::array kWords{
      Word{Verdict::bad, " bad", " bad"}, Word{Verdict::warning, " warning", " warnings"},
      Word{Verdict::note, " note", " notes"}, Word{Verdict::good, " good", " good"},
      Word{Verdict::skipped, " skipped", " skipped"}};
  std::vector<std::string> parts;
  for (const Word& word : kWords) {
    const auto count = std::count_if(
        findings.begin(), findings.end(),
        [&](const Diagnosis& finding) { return finding.seen.verdict == word.verdict; });
    if (count == 0) continue;
    parts.push_back(std::to_string(count) + std::string(count == 1 ? word.one : word.several));
  }
  return join(parts, ", ");
}

constexpr std::size_t kRemedyColumn = 9;

/// Whether there is something to copy in it; some say in words what to do.
bool has_command(std::string_view remedy) {
  return remedy.find("sudo ") != std::string_view::npos || remedy.starts_with("oci-nvidia");
}

std::string remedy_line(const std::string& remedy, const Style& style) {
  const std::string indent(kRemedyColumn, ' ');
  const std::string mark = "> ";
  const std::size_t column = kRemedyColumn + mark.size();
  const std::string text = printable(remedy);
  const std::string shown =
      has_command(text)
          ? folded_command(text, style.columns, column)
          : folded(std::string(column, ' ') + text, style.columns, column).substr(column);
  return indent + style(Colour::bold, mark + shown) + "\n";
}

}  // namespace

std::string to_text(const std::vector<Diagnosis>& findings, bool only_faults, const Style& style) {
  Table table;
  std::vector<std::string> remedies;
  std::size_t verdict_width = 0;
  std::size_t id_width = 0;
  for (const Diagnosis& finding : findings) {
    if (only_faults && !is_fault(finding)) continue;
    const Colour colour = colour_of(finding.seen.verdict);
    table.rows.push_back({{std::string(to_string(finding.seen.verdict)), colour},
                          {std::string(finding.id)},
                          {finding.seen.text}});
    remedies.push_back(finding.seen.remedy);
    verdict_width = std::max(verdict_width, to_string(finding.seen.verdict).size());
    id_width = std::max(id_width, finding.id.size());
  }
  const std::string all = to_text(table, style);
  std::string text;
  std::size_t row = 0;
  for (const std::string_view line : split(all, '\n')) {
    if (row == remedies.size()) break;
    text.append(folded(line, style.columns, verdict_width + id_width + 4)).append("\n");
    const std::string& remedy = remedies[row++];
    if (!remedy.empty()) text += remedy_line(remedy, style);
  }
  return text + counts(findings) + "\n";
}

std::string to_summary(const std::vector<Diagnosis>& findings, const Style& style) {
  std::vector<std::string_view> areas;
  for (const Diagnosis& finding : findings) {
    if (std::find(areas.begin(), areas.end(), finding.area) == areas.end()) {
      areas.push_back(finding.area);
    }
  }
  Table table;
  for (const std::string_view area : areas) {
    std::vector<Diagnosis> of_area;
    std::copy_if(findings.begin(), findings.end(), std::back_inserter(of_area),
                 [&](const Diagnosis& finding) { return finding.area == area; });
    table.rows.push_back({{std::string(area)}, {counts(of_area)}});
  }
  const bool has_faults = std::any_of(findings.begin(), findings.end(), is_fault);
  return (has_faults ? to_text(findings, true, style) + "\n" : std::string()) +
         to_text(table, style) + "\n`--all` shows every check.\n";
}

Json to_json(const std::vector<Diagnosis>& findings) {
  Json document = json_document("doctor", 1);
  constexpr std::array kOutcomes{"good", "warning", "usage", "broken"};
  document["outcome"] = kOutcomes.at(static_cast<std::size_t>(outcome_of(findings)));
  document["checks"] = Json::array();
  for (const Diagnosis& finding : findings) {
    Json entry{{"id", finding.id},
               {"title", finding.title},
               {"verdict", to_string(finding.seen.verdict)},
               {"seen", finding.seen.text},
               {"remedy", finding.seen.remedy}};
    if (!finding.because.empty()) entry["because"] = finding.because;
    document["checks"].push_back(std::move(entry));
  }
  return document;
}

}  // namespace nvhook
