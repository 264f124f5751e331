// SPDX-License-Identifier: Apache-2.0
// Edits lines `key = value`; a key may occur several times.
#include "command/engines/lxc_config.hpp"

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "command/render/marked_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// First line of a file that did not exist before.
constexpr const char* kNewFile = "# Written by `oci-nvidia setup lxc`.\n";

/// Returns true if a line sets `key` to a value that starts with `start`.
bool says(std::string_view text, std::string_view key, std::string_view start) {
  const auto lines = split(text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    const std::size_t equals = line.find('=');
    return equals != std::string_view::npos && trim(line.substr(0, equals)) == key &&
           trim(line.substr(equals + 1)).starts_with(start);
  });
}

}  // namespace

std::string with_lxc_hook(const std::optional<std::string>& text, bool all_gpus) {
  const std::string now = text.value_or(kNewFile);
  std::vector<std::string> lines;
  if (!says(now, "lxc.hook.mount", kLxcHook)) {
    lines.push_back(std::string("lxc.hook.mount = ") + kLxcHook);
  }
  if (all_gpus && !says(now, "lxc.environment", "NVIDIA_VISIBLE_DEVICES=")) {
    lines.emplace_back("lxc.environment = NVIDIA_VISIBLE_DEVICES=all");
  }
  if (all_gpus && !says(now, "lxc.environment", "NVIDIA_DRIVER_CAPABILITIES=")) {
    lines.emplace_back("lxc.environment = NVIDIA_DRIVER_CAPABILITIES=compute,utility");
  }
  return lines.empty() ? now : with_block(now, std::numeric_limits<std::size_t>::max(), lines);
}

std::optional<std::string> without_lxc_hook(const std::optional<std::string>& text,
                                            const std::string& filename) {
  if (!text) return text;
  std::string before = without_blocks(*text, filename);
  if (before == kNewFile && before != *text) return std::nullopt;
  return before;
}

}  // namespace nvhook
