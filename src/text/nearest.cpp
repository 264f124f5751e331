// SPDX-License-Identifier: Apache-2.0
// The Damerau-Levenshtein distance, for words of a length that people type.
#include "text/nearest.hpp"

#include <algorithm>
#include <cstddef>

namespace nvhook {
namespace {

constexpr std::size_t kLongestWord = 64;  // bytes; the time grows with its square

/// The number of letters to insert, remove, replace or swap with the next that makes `b` from `a`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> steps(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        steps[i][j] = i + j;
        continue;
      }
      steps[i][j] = std::min({steps[i - 1][j] + 1, steps[i][j - 1] + 1,
                              steps[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) steps[i][j] = std::min(steps[i][j], steps[i - 2][j - 2] + 1);
    }
  }
  return steps[a.size()][b.size()];
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t least = 3;
  for (const std::string_view candidate : known) {
    const std::size_t steps = distance(word, candidate);
    if (steps < least && 3 * steps <= candidate.size()) {
      best = candidate;
      least = steps;
    }
  }
  return best;
}

}  // namespace nvhook
