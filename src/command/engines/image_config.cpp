// SPDX-License-Identifier: Apache-2.0
// Finds `Env` in the JSON documents that engines print.
#include "command/engines/image_config.hpp"

#include <nlohmann/json.hpp>

#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using ImageJson = nlohmann::json;

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::spec_invalid, "image configuration: " + why,
              "give an OCI image configuration, or what docker inspect prints of one image");
}

const ImageJson* find(const ImageJson& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

/// Returns the object that has `Env`.
const ImageJson& settings_of(const ImageJson& document) {
  for (const char* name : {"config", "Config"}) {
    if (const ImageJson* settings = find(document, name); settings != nullptr) {
      if (!settings->is_object()) fail("`" + std::string(name) + "` is not an object");
      return *settings;
    }
  }
  if (find(document, "Env") == nullptr) fail("it has neither `config` nor `Env`");
  return document;
}

}  // namespace

std::vector<std::string> parse_image_environment(std::string_view json) {
  ImageJson document = ImageJson::parse(json, nullptr, false);
  if (document.is_discarded()) document = ImageJson::parse(well_formed(json), nullptr, false);
  if (document.is_discarded()) fail("it is not JSON");
  if (document.is_array()) {
    if (document.size() != 1) fail("it is a list of " + std::to_string(document.size()));
    document = ImageJson(document.front());
  }
  if (!document.is_object()) fail("it is not an object");
  const ImageJson* const entries = find(settings_of(document), "Env");
  std::vector<std::string> environment;
  if (entries == nullptr) return environment;
  if (!entries->is_array()) fail("`Env` is not a list");
  for (const ImageJson& entry : *entries) {
    if (!entry.is_string()) fail("`Env` holds something that is not a string");
    environment.push_back(entry.get<std::string>());
  }
  return environment;
}

std::string minimal_spec(const std::vector<std::string>& environment, bool privileged) {
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const std::string& entry : environment) entries.push_back(well_formed(entry));
  ImageJson spec = {
      {"ociVersion", "1.0.2"}, {"process", {{"env", entries}}}, {"root", {{"path", "rootfs"}}}};
  if (privileged) spec["process"]["capabilities"]["bounding"] = {"CAP_SYS_ADMIN"};
  return spec.dump();
}

}  // namespace nvhook
