// SPDX-License-Identifier: Apache-2.0
// Dotted version numbers, compared as numbers.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// A dotted version such as 550.54.15. Keeps its text, compares as numbers; trailing zeros do not
/// count (12 == 12.0, 470.57 > 470), as in libnvidia-container.
class Version {
 public:
  Version() = default;

  /// Parses the whole of `text`: digits and dots, starting with a digit. Returns nullopt for
  /// anything else.
  [[nodiscard]] static std::optional<Version> parse(std::string_view text);

  [[nodiscard]] const std::string& str() const noexcept { return text_; }
  /// The first number: of a driver its branch, of a compute capability its generation.
  [[nodiscard]] std::uint64_t major() const noexcept { return parts_.empty() ? 0 : parts_.front(); }

  friend std::strong_ordering operator<=>(const Version& a, const Version& b) noexcept {
    return a.parts_ <=> b.parts_;
  }
  friend bool operator==(const Version& a, const Version& b) noexcept {
    return a.parts_ == b.parts_;
  }

 private:
  std::string text_ = {};
  std::vector<std::uint64_t> parts_ = {};  // without trailing zeros
};

}  // namespace nvhook
