// SPDX-License-Identifier: Apache-2.0
// Accepts manifests of a driver (`ICD`), a layer (`layer`) and several (`layers`).
#include "host/facts/driver_manifest.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

bool is_plain(const std::string& path) {
  const bool has_control = std::any_of(path.begin(), path.end(), [](char letter) {
    return static_cast<unsigned char>(letter) < ' ';
  });
  return !path.empty() && !has_control && (path[0] != '/' || clean_path(path) == path);
}

void add(Manifest& manifest, std::string library) {
  auto& known = manifest.libraries;
  if (!is_plain(library) || std::find(known.begin(), known.end(), library) != known.end()) return;
  known.push_back(std::move(library));
}

void add_section(Manifest& manifest, const Json& section) {
  if (!section.is_object()) return;
  const auto text_of = [&](const char* key) {
    const auto found = section.find(key);
    return found != section.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  add(manifest, text_of("library_path"));
  const std::string bits = text_of("library_arch");
  if (bits == "32" || bits == "64") manifest.bits = bits == "32" ? 32 : 64;
}

}  // namespace

Manifest parse_manifest(std::string_view name, std::string_view text) {
  Manifest manifest;
  if (name.ends_with(".icd")) {
    add(manifest, std::string(trim(text.substr(0, text.find('\n')))));
    return manifest;
  }
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) return manifest;
  for (const char* section : {"ICD", "layer"}) {
    if (const auto found = document.find(section); found != document.end()) {
      add_section(manifest, *found);
    }
  }
  const auto layers = document.find("layers");
  if (layers != document.end() && layers->is_array()) {
    for (const Json& layer : *layers) add_section(manifest, layer);
  }
  return manifest;
}

std::optional<Abi> abi_by_name(std::string_view name) {
  for (const char* word : {"i686", "i386", "armv7", "armhf"}) {
    if (name.find(word) != std::string_view::npos) return Abi::compat32;
  }
  for (const char* word : {"x86_64", "amd64", "aarch64", "arm64"}) {
    if (name.find(word) != std::string_view::npos) return Abi::native;
  }
  return std::nullopt;
}

}  // namespace nvhook
