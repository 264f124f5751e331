// SPDX-License-Identifier: Apache-2.0
// The parts of an OCI config.json that decide what the container gets.
#include "core/container_spec.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::spec_invalid, "could not decode OCI spec: " + why,
              "create the container anew, or report this to the engine that wrote its config.json");
}

/// `extent.object` with null for what is large and not ours to read: the seccomp profile alone is
/// most of a usual config.json, and every container pays for parsing it.
std::string without_bulk(const JsonExtent& extent) {
  constexpr std::array<std::string_view, 3> kBulk{"annotations", "hooks", "linux"};
  std::string text;
  const char* next = extent.object.data();
  for (const JsonMember& member : extent.members) {
    if (std::find(kBulk.begin(), kBulk.end(), member.name) == kBulk.end()) continue;
    text.append(next, member.value.data()).append("null");
    next = member.value.data() + member.value.size();
  }
  return text.append(next, extent.object.data() + extent.object.size());
}

Json parse_object(std::string_view text) {
  const auto extent = first_json_object(text);
  if (!extent || !trim(extent->rest).empty()) fail("config.json is not one whole JSON object");
  if (extent->depth > kMaxJsonDepth) fail("config.json is nested too deeply");
  try {
    return Json::parse(without_bulk(*extent));
  } catch (const Json::exception& error) {
    const std::string_view why = error.what();  // [json.exception.parse_error.101] parse error …
    fail(std::string(why.substr(why.find("] ") + 2)));
  }
}

/// The member `name`; null counts as absent, as in Go.
const Json* find(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? nullptr : &*field;
}

const Json* find(const Json& object, const char* name, Json::value_t type, const char* where) {
  const Json* const field = find(object, name);
  if (field != nullptr && field->type() != type) {
    fail("`" + std::string(where) + "` is of type " + field->type_name() + ", not " +
         Json(type).type_name());
  }
  return field;
}

/// The reference's words, which people search for.
const Json& require(const Json* field, const char* what) {
  if (field == nullptr) fail(std::string(what) + " is empty in OCI spec");
  return *field;
}

std::string string_in(const Json& element, const char* where) {
  if (!element.is_string()) {
    fail("`" + std::string(where) + "` holds a value of type " + element.type_name() +
         ", not string");
  }
  return element.get<std::string>();
}

Environment environment_of(const Json& process) {
  Environment environment;
  const Json* const entries = find(process, "env", Json::value_t::array, "process.env");
  if (entries == nullptr) return environment;
  for (const Json& element : *entries) {
    std::string entry = string_in(element, "process.env");
    const auto separator = entry.find('=');
    std::string value = separator == std::string::npos ? "" : entry.substr(separator + 1);
    if (separator != std::string::npos) entry.resize(separator);
    environment.insert_or_assign(std::move(entry), std::move(value));
  }
  return environment;
}

/// 1.0.0-rc1 to rc4 had a plain list; the type tells it, whatever the version says.
bool is_privileged(const Json& process) {
  const Json* const capabilities = find(process, "capabilities");
  if (capabilities == nullptr) return false;
  if (!capabilities->is_array() && !capabilities->is_object()) {
    fail("could not decode Process.Capabilities in OCI spec: it is of type " +
         std::string(capabilities->type_name()));
  }
  const Json* const bounding =
      capabilities->is_array()
          ? capabilities
          : find(*capabilities, "bounding", Json::value_t::array, "process.capabilities.bounding");
  if (bounding == nullptr) return false;
  return std::any_of(bounding->begin(), bounding->end(), [](const Json& name) {
    return string_in(name, "process.capabilities") == "CAP_SYS_ADMIN";
  });
}

std::string root_of(const Json& root) {
  const Json* const path = find(root, "path", Json::value_t::string, "root.path");
  std::string text = path == nullptr ? std::string() : path->get<std::string>();
  if (text.empty()) fail("`root.path` is empty");
  if (text.find('\0') != std::string::npos) fail("`root.path` is `" + text + "`: it holds a NUL");
  if (clean_path(text) == "/") fail("`root.path` is `" + text + "`, which is the host's own root");
  return text;
}

std::vector<SpecMount> mounts_of(const Json& spec) {
  std::vector<SpecMount> mounts;
  const Json* const list = find(spec, "mounts", Json::value_t::array, "mounts");
  if (list == nullptr) return mounts;
  const auto text = [](const Json& mount, const char* name, const char* where) {
    const Json* const field = find(mount, name, Json::value_t::string, where);
    return field == nullptr ? std::string() : field->get<std::string>();
  };
  for (const Json& mount : *list) {
    if (!mount.is_object())
      fail("`mounts` holds a value of type " + std::string(mount.type_name()));
    mounts.push_back({.source = text(mount, "source", "mounts[].source"),
                      .destination = text(mount, "destination", "mounts[].destination")});
  }
  return mounts;
}

}  // namespace

ContainerSpec parse_spec(std::string_view json) {
  const Json spec = parse_object(json);
  require(find(spec, "ociVersion", Json::value_t::string, "ociVersion"), "Version");
  const Json& process = require(find(spec, "process", Json::value_t::object, "process"), "Process");
  const Json& root = require(find(spec, "root", Json::value_t::object, "root"), "Root");
  return {.root = root_of(root),
          .environment = environment_of(process),
          .mounts = mounts_of(spec),
          .privileged = is_privileged(process)};
}

}  // namespace nvhook
