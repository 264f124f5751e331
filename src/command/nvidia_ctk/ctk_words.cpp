// SPDX-License-Identifier: Apache-2.0
// Options are written with `=`, so that a value that begins with a dash stays a value.
#include "command/nvidia_ctk/ctk_words.hpp"

namespace nvhook {

void add_word(std::string_view option, const std::string& value, CtkTranslation& translation) {
  if (!value.empty()) translation.words.push_back(std::string(option) + "=" + value);
}

void add_equal_options(std::span<const CtkFlag> flags, const FlagValues& values,
                       CtkTranslation& translation) {
  for (const CtkFlag& flag : flags) {
    const std::string name(flag.names.substr(0, flag.names.find(' ')));
    if (!values.is_set(name)) continue;
    if (!flag.no_effect.empty()) {
      translation.messages.push_back(
          {CtkLevel::debug, "--" + name + " has no effect here: " + std::string(flag.no_effect)});
    }
    if (flag.ours.empty()) continue;
    if (flag.kind == FlagKind::boolean) {
      if (values.is_on(name)) translation.words.emplace_back(flag.ours);
    } else if (flag.kind == FlagKind::text) {
      add_word(flag.ours, values.text(name), translation);
    } else {
      for (const std::string& value : values.list(name)) add_word(flag.ours, value, translation);
    }
  }
}

}  // namespace nvhook
