// SPDX-License-Identifier: Apache-2.0
// Decides on colour, and wraps text in escape sequences.
#include "command/render/style.hpp"

namespace nvhook {
namespace {

std::string_view sequence(Colour colour) {
  switch (colour) {
    case Colour::none:
      return "";
    case Colour::good:
      return "\x1b[32m";
    case Colour::warning:
      return "\x1b[33m";
    case Colour::bad:
      return "\x1b[31m";
    case Colour::dim:
      return "\x1b[2m";
    case Colour::bold:
      return "\x1b[1m";
  }
  return "";
}

}  // namespace

std::string Style::operator()(Colour colour, std::string_view text) const {
  if (!coloured || colour == Colour::none || text.empty()) return std::string(text);
  return std::string(sequence(colour)).append(text).append("\x1b[0m");
}

std::optional<Style> style_of(std::string_view when, const Terminal& terminal) {
  Style style{.columns = terminal.is_terminal ? terminal.columns : 0};
  if (when == "auto") {
    style.coloured = terminal.is_terminal && terminal.no_color.empty() && !terminal.type.empty() &&
                     terminal.type != "dumb";
  } else if (when == "always") {
    style.coloured = true;
  } else if (when != "never") {
    return std::nullopt;
  }
  return style;
}

}  // namespace nvhook
