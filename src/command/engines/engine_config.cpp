// SPDX-License-Identifier: Apache-2.0
// Parses daemon.json, containers.conf, crio.conf and containerd's config.toml.
#include "command/engines/engine_config.hpp"

#include <algorithm>

#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

[[noreturn]] void fail(std::string_view filename, const std::string& why,
                       const std::string& remedy) {
  throw Error(Code::config_invalid, std::string(filename) + ": " + why, remedy);
}

/// Returns the string member `name` of an object; empty if there is none.
std::string string_of(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// Returns the strings of the array member `name`; nullopt if there is no array.
std::optional<std::vector<std::string>> strings_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  std::vector<std::string> strings;
  for (const Json& element : *found) {
    if (element.is_string()) strings.push_back(element.get<std::string>());
  }
  return strings;
}

std::string string_of(const toml::table& table, std::string_view key) {
  return table[key].value<std::string>().value_or("");
}

std::optional<std::vector<std::string>> strings_of(const toml::node_view<const toml::node> node) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> strings;
  for (const toml::node& element : *array) {
    if (const auto text = element.value<std::string>()) strings.push_back(*text);
  }
  return strings;
}

/// containerd's name for the CRI plugin is `cri` (version 1), `io.containerd.grpc.v1.cri` (2) or
/// `io.containerd.cri.v1.runtime` (3 and 4).
void add_cri_settings(const toml::table& plugin, EngineConfig& config) {
  if (auto directories = strings_of(plugin["cdi_spec_dirs"])) {
    config.cdi_directories = *std::move(directories);
  }
  const toml::table* runtimes = plugin["containerd"]["runtimes"].as_table();
  if (runtimes == nullptr) return;
  for (const auto& [name, value] : *runtimes) {
    const toml::table* runtime = value.as_table();
    if (runtime == nullptr) continue;
    const auto binary = (*runtime)["options"]["BinaryName"].value<std::string>();
    if (binary) config.runtimes.push_back({std::string(name.str()), *binary});
    const std::string base = string_of(*runtime, "base_runtime_spec");
    if (!base.empty()) config.base_specs.push_back(base);
  }
}

}  // namespace

Json parse_json_object(std::string_view text, std::string_view filename) {
  constexpr const char* kRemedy = "correct the file, which must be JSON";
  const auto extent = first_json_object(text);
  if (extent && extent->depth > kMaxJsonDepth) fail(filename, "nested too deeply", kRemedy);
  try {
    Json document = Json::parse(text);
    if (!document.is_object()) fail(filename, "no JSON object", kRemedy);
    return document;
  } catch (const Json::exception& error) {
    // The text is `[json.exception.parse_error.101] parse error at line 3, column 5: …`.
    const std::string_view what = error.what();
    const std::size_t label = what.find("] ");
    fail(filename, std::string(label == std::string_view::npos ? what : what.substr(label + 2)),
         kRemedy);
  }
}

EngineConfig parse_daemon_json(std::string_view text, std::string_view filename) {
  EngineConfig config;
  const Json document = parse_json_object(text, filename);
  const auto features = document.find("features");
  if (features != document.end() && features->is_object()) {
    const auto cdi = features->find("cdi");
    if (cdi != features->end() && cdi->is_boolean()) config.cdi = cdi->get<bool>();
  }
  config.cdi_directories = strings_of(document, "cdi-spec-dirs");
  const auto runtimes = document.find("runtimes");
  if (runtimes == document.end() || !runtimes->is_object()) return config;
  for (const auto& [name, runtime] : runtimes->items()) {
    const std::string path = string_of(runtime, "path");
    if (!path.empty()) config.runtimes.push_back({name, path});
  }
  return config;
}

EngineConfig parse_containers_conf(std::string_view text, std::string_view filename) {
  const toml::table document = parse_toml(text, filename);
  EngineConfig config;
  const auto engine = std::as_const(document)["engine"];
  config.hook_directories = strings_of(engine["hooks_dir"]);
  config.cdi_directories = strings_of(engine["cdi_spec_dirs"]);
  if (const toml::table* runtimes = engine["runtimes"].as_table()) {
    for (const auto& [name, value] : *runtimes) {
      const auto paths = strings_of(toml::node_view<const toml::node>(value));
      if (paths && !paths->empty()) {
        config.runtimes.push_back({std::string(name.str()), paths->front()});
      }
    }
  }
  return config;
}

EngineConfig parse_crio_conf(std::string_view text, std::string_view filename) {
  const toml::table document = parse_toml(text, filename);
  EngineConfig config;
  const auto runtime = std::as_const(document)["crio"]["runtime"];
  config.hook_directories = strings_of(runtime["hooks_dir"]);
  config.cdi_directories = strings_of(runtime["cdi_spec_dirs"]);
  if (const toml::table* runtimes = runtime["runtimes"].as_table()) {
    for (const auto& [name, value] : *runtimes) {
      const toml::table* entry = value.as_table();
      const std::string path = entry == nullptr ? std::string() : string_of(*entry, "runtime_path");
      if (!path.empty()) config.runtimes.push_back({std::string(name.str()), path});
    }
  }
  return config;
}

EngineConfig parse_containerd_config(std::string_view text, std::string_view filename) {
  const toml::table document = parse_toml(text, filename);
  EngineConfig config;
  config.imports =
      strings_of(std::as_const(document)["imports"]).value_or(std::vector<std::string>{});
  if (const toml::table* plugins = std::as_const(document)["plugins"].as_table()) {
    for (const auto& [name, value] : *plugins) {
      if (const toml::table* plugin = value.as_table()) add_cri_settings(*plugin, config);
    }
  }
  return config;
}

EngineConfig overlaid(EngineConfig base, const EngineConfig& next) {
  if (next.hook_directories) base.hook_directories = next.hook_directories;
  for (const RuntimeEntry& entry : next.runtimes) {
    std::erase_if(base.runtimes, [&](const RuntimeEntry& old) { return old.name == entry.name; });
    base.runtimes.push_back(entry);
  }
  if (next.cdi_directories) base.cdi_directories = next.cdi_directories;
  if (next.cdi) base.cdi = next.cdi;
  if (!next.imports.empty()) base.imports = next.imports;
  base.base_specs.insert(base.base_specs.end(), next.base_specs.begin(), next.base_specs.end());
  return base;
}

}  // namespace nvhook
