// SPDX-License-Identifier: Apache-2.0
// Myers' greedy algorithm, which is fast if little was changed, as is the case here.
#include "command/render/unified_diff.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t kContext = 3;

/// Splits `text` into lines with their line ends; the last may have none.
Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return lines;
}

/// One line of the merged text: kept (' '), removed ('-') or added ('+').
struct Step {
  char kind = ' ';
  std::string_view line = {};
};

/// For each number of changes: the furthest line of `a` that is reached on each diagonal.
std::vector<std::vector<long>> furthest_points(const Lines& a, const Lines& b) {
  const long n = static_cast<long>(a.size());
  const long m = static_cast<long>(b.size());
  const long middle = n + m + 1;
  std::vector<long> reach(static_cast<std::size_t>(2 * middle + 1), 0);
  std::vector<std::vector<long>> trace;
  const auto at = [&](long diagonal) -> long& {
    return reach[static_cast<std::size_t>(middle + diagonal)];
  };
  for (long changes = 0; changes <= n + m; ++changes) {
    trace.push_back(reach);
    for (long k = -changes; k <= changes; k += 2) {
      const bool down = k == -changes || (k != changes && at(k - 1) < at(k + 1));
      long x = down ? at(k + 1) : at(k - 1) + 1;
      while (x < n && x - k < m &&
             a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)]) {
        ++x;
      }
      at(k) = x;
      if (x >= n && x - k >= m) return trace;
    }
  }
  return trace;
}

std::vector<Step> steps_between(const Lines& a, const Lines& b) {
  const auto trace = furthest_points(a, b);
  const long middle = static_cast<long>(a.size() + b.size()) + 1;
  long x = static_cast<long>(a.size());
  long y = static_cast<long>(b.size());
  std::vector<Step> steps;
  const auto keep_until = [&](long end_x, long end_y) {
    while (x > end_x && y > end_y) {
      --y;
      steps.push_back({' ', a[static_cast<std::size_t>(--x)]});
    }
  };
  for (long changes = static_cast<long>(trace.size()) - 1; changes > 0; --changes) {
    const auto& reach = trace[static_cast<std::size_t>(changes)];
    const auto at = [&](long k) { return reach[static_cast<std::size_t>(middle + k)]; };
    const long k = x - y;
    const bool down = k == -changes || (k != changes && at(k - 1) < at(k + 1));
    const long from = down ? at(k + 1) : at(k - 1);
    const long from_y = from - (down ? k + 1 : k - 1);
    keep_until(down ? from : from + 1, down ? from_y + 1 : from_y);
    if (down) {
      steps.push_back({'+', b[static_cast<std::size_t>(--y)]});
    } else {
      steps.push_back({'-', a[static_cast<std::size_t>(--x)]});
    }
  }
  keep_until(0, 0);
  std::reverse(steps.begin(), steps.end());
  return steps;
}

/// The steps [first, last) that are shown together.
struct Hunk {
  std::size_t first = 0;
  std::size_t last = 0;
};

std::vector<Hunk> hunks_of(const std::vector<Step>& steps) {
  std::vector<Hunk> hunks;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].kind == ' ') continue;
    const std::size_t first = i - std::min(i, kContext);
    const std::size_t last = std::min(steps.size(), i + 1 + kContext);
    if (!hunks.empty() && first <= hunks.back().last) {
      hunks.back().last = last;
    } else {
      hunks.push_back({first, last});
    }
  }
  return hunks;
}

/// Returns for example `12,3` for a hunk's header. For zero lines the number is that of the line
/// before.
std::string range(std::size_t before, std::size_t count) {
  const std::string start = std::to_string(count == 0 ? before : before + 1);
  return count == 1 ? start : start + "," + std::to_string(count);
}

std::string shown(const Step& step, const Style& style) {
  const bool has_end = step.line.ends_with('\n');
  const std::string_view line = step.line.substr(0, step.line.size() - (has_end ? 1 : 0));
  // printable() would escape a tab as a control character, but tabs are common in configuration
  // files.
  std::vector<std::string> pieces;
  for (const std::string_view piece : split(line, '\t')) pieces.push_back(printable(piece));
  const std::string text = step.kind + join(pieces, "\t");
  const Colour colour = step.kind == '+'   ? Colour::good
                        : step.kind == '-' ? Colour::bad
                                           : Colour::none;
  return style(colour, text) + (has_end ? "\n" : "\n\\ No newline at end of file\n");
}

std::string head_of(const Hunk& hunk, const std::vector<Step>& steps) {
  const auto count = [&](std::size_t first, std::size_t last, char other) {
    const auto begin = steps.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = steps.begin() + static_cast<std::ptrdiff_t>(last);
    return static_cast<std::size_t>(
        std::count_if(begin, end, [&](const Step& step) { return step.kind != other; }));
  };
  return "@@ -" + range(count(0, hunk.first, '+'), count(hunk.first, hunk.last, '+')) + " +" +
         range(count(0, hunk.first, '-'), count(hunk.first, hunk.last, '-')) + " @@";
}

}  // namespace

std::string unified_diff(const std::string& path, const std::optional<std::string>& before,
                         const std::optional<std::string>& after, const Style& style) {
  if (before == after) return {};
  const std::string old_text = before.value_or("");
  const std::string new_text = after.value_or("");
  const std::vector<Step> steps = steps_between(lines_of(old_text), lines_of(new_text));
  const std::string name = printable(path);
  std::string text = style(Colour::bold, "--- " + (before ? name : "/dev/null")) + "\n" +
                     style(Colour::bold, "+++ " + (after ? name : "/dev/null")) + "\n";
  for (const Hunk& hunk : hunks_of(steps)) {
    text += style(Colour::dim, head_of(hunk, steps)) + "\n";
    for (std::size_t i = hunk.first; i < hunk.last; ++i) text += shown(steps[i], style);
  }
  return text;
}

}  // namespace nvhook
