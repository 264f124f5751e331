// SPDX-License-Identifier: Apache-2.0
// Log lines as data: pure code does not log, it returns notes and the hook writes them.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

struct Note {
  enum class Level { info, warning };
  Level level = Level::info;
  std::string text = {};

  friend bool operator==(const Note&, const Note&) = default;
};

using Notes = std::vector<Note>;

[[nodiscard]] inline Note info(std::string text) { return {Note::Level::info, std::move(text)}; }
[[nodiscard]] inline Note warning(std::string text) {
  return {Note::Level::warning, std::move(text)};
}

}  // namespace nvhook
