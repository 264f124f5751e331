// SPDX-License-Identifier: Apache-2.0
// Appends directories that the file does not list yet, and takes them out again.
#include "formats/musl_path.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {
namespace {

/// What musl looks in where there is no file (its ldso/dynlink.c).
constexpr const char* kBuiltIn = "/lib:/usr/local/lib:/usr/lib\n";

}  // namespace

std::vector<ContainerPath> missing_in_musl_path(const std::optional<std::string>& existing,
                                                const std::vector<ContainerPath>& directories) {
  std::string separated = existing.value_or(kBuiltIn);
  std::replace(separated.begin(), separated.end(), ':', '\n');
  const auto known = split(separated, '\n');
  std::vector<ContainerPath> missing;
  for (const ContainerPath& directory : directories) {
    const bool is_known = std::find(known.begin(), known.end(), directory.str()) != known.end() ||
                          std::find(missing.begin(), missing.end(), directory) != missing.end();
    if (!is_known) missing.push_back(directory);
  }
  return missing;
}

std::string extend_musl_path(const std::optional<std::string>& existing,
                             const std::vector<ContainerPath>& directories) {
  std::string text = existing.value_or(kBuiltIn);
  for (const ContainerPath& directory : missing_in_musl_path(existing, directories)) {
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += directory.str() + "\n";
  }
  return text;
}

std::string shrink_musl_path(std::string_view existing,
                             const std::vector<ContainerPath>& directories) {
  std::string kept;
  while (!existing.empty()) {
    const auto end = existing.find('\n');
    const std::size_t length = end == std::string_view::npos ? existing.size() : end + 1;
    const std::string_view line = existing.substr(0, end);
    const bool is_ours = std::any_of(directories.begin(), directories.end(),
                                     [&](const ContainerPath& one) { return one.str() == line; });
    if (!is_ours) kept += existing.substr(0, length);
    existing.remove_prefix(length);
  }
  return kept;
}

}  // namespace nvhook
