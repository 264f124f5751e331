// SPDX-License-Identifier: Apache-2.0
// Parses containers-storage.conf(5).
#include "command/engines/storage_conf.hpp"

#include "formats/toml_document.hpp"
#include "text/error.hpp"

namespace nvhook {

StorageRoots parse_storage_conf(std::string_view text, StorageRoots roots) {
  try {
    const toml::table document = parse_toml(text, "storage.conf");
    const auto take = [&](const char* key, std::string& path) {
      const auto value = document["storage"][key].value<std::string>();
      if (value && value->starts_with('/')) path = *value;
    };
    take("runroot", roots.run);
    take("graphroot", roots.graph);
  } catch (const Error&) {
    // The engine does not start with such a file either, so the defaults are good enough.
  }
  return roots;
}

}  // namespace nvhook
