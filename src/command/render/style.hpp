// SPDX-License-Identifier: Apache-2.0
// Colour on a terminal that wants it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

enum class Colour { none, good, warning, bad, dim, bold };

/// Puts colour around words, or does not.
struct Style {
  bool coloured = false;

  [[nodiscard]] std::string operator()(Colour colour, std::string_view text) const;
};

/// What decides whether there is colour, besides --color.
struct Terminal {
  bool is_terminal = false;   ///< standard output is one
  std::string no_color = {};  ///< NO_COLOR: not empty means none (no-color.org)
  std::string type = {};      ///< TERM; `dumb` has none
};

/// By --color (`auto`, `always`, `never`); nothing for any other word.
[[nodiscard]] std::optional<Style> style_of(std::string_view when, const Terminal& terminal);

}  // namespace nvhook
