// SPDX-License-Identifier: Apache-2.0
// What a terminal needs: colour, and lines that fit it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

enum class Colour { none, good, warning, bad, dim, bold };

/// Wraps words in colour if `coloured`.
struct Style {
  bool coloured = false;
  /// Of the terminal. 0: the output is none, and everything is printed whole.
  std::size_t columns = 0;

  [[nodiscard]] std::string operator()(Colour colour, std::string_view text) const;
};

/// What decides on colour in addition to --color.
struct Terminal {
  bool is_terminal = false;   ///< standard output is a terminal
  std::string no_color = {};  ///< NO_COLOR: if not empty, no colour (no-color.org)
  std::string type = {};      ///< TERM: `dumb` means no colour
  std::size_t columns = 0;    ///< its width, if it is one
};

/// Returns the style for a value of --color (`auto`, `always`, `never`); nullopt for any other
/// word.
[[nodiscard]] std::optional<Style> style_of(std::string_view when, const Terminal& terminal);

}  // namespace nvhook
