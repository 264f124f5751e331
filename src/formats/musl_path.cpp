// SPDX-License-Identifier: Apache-2.0
// Appends directories that the file does not list yet.
#include "formats/musl_path.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {

std::string extend_musl_path(const std::optional<std::string>& existing,
                             const std::vector<ContainerPath>& directories) {
  std::string text = existing.value_or("/lib:/usr/local/lib:/usr/lib\n");
  std::string separated = text;
  std::replace(separated.begin(), separated.end(), ':', '\n');
  for (const ContainerPath& directory : directories) {
    const auto known = split(separated, '\n');
    if (std::find(known.begin(), known.end(), directory.str()) != known.end()) continue;
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += directory.str() + "\n";
  }
  return text;
}

}  // namespace nvhook
