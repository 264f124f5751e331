// SPDX-License-Identifier: Apache-2.0
// Accepts a manifest of a driver (`ICD`) or of a layer (`layer`); nothing else in it matters.
#include "host/facts/driver_manifest.hpp"

#include <nlohmann/json.hpp>

#include "text/text.hpp"

namespace nvhook {

std::string absolute_library_of(std::string_view text) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) return {};
  for (const char* section : {"ICD", "layer"}) {
    const auto found = document.find(section);
    if (found == document.end() || !found->is_object()) continue;
    const auto library = found->find("library_path");
    if (library == found->end() || !library->is_string()) continue;
    const auto& path = library->get_ref<const std::string&>();
    const bool is_plain = path.find('\0') == std::string::npos && clean_path(path) == path;
    return path.starts_with('/') && is_plain ? path : std::string();
  }
  return {};
}

}  // namespace nvhook
