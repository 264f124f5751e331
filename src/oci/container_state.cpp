// SPDX-License-Identifier: Apache-2.0
// Parses the first JSON object and checks each field that is used.
#include "oci/container_state.hpp"

#include <climits>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::state_invalid, "could not decode container state: " + why,
              "let the OCI runtime start the hook, which writes the state to standard input");
}

JsonExtent only_object(std::string_view text) {
  if (trim(text).empty()) refuse("standard input is empty");
  auto extent = first_json_object(text);
  if (!extent) refuse("standard input does not hold one whole JSON object");
  if (extent->depth > kMaxJsonDepth) refuse("it is nested too deeply");
  return *std::move(extent);
}

Json parse_object(std::string_view text) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& error) {
    const std::string_view why = error.what();  // [json.exception.parse_error.101] parse error …
    refuse(std::string(why.substr(why.find("] ") + 2)));
  }
}

pid_t pid_of(const Json& state) {
  const auto field = state.find("pid");
  if (field == state.end() || field->is_null()) refuse("`pid` is missing");
  if (!field->is_number_integer()) refuse("`pid` is `" + field->dump() + "`, not a whole number");
  // A negative number wraps to one that is larger than every pid.
  if (field->get<std::uint64_t>() > INT_MAX) {
    refuse("`pid` is `" + field->dump() + "`, which is no process");
  }
  return field->get<pid_t>();
}

std::string string_of(const Json& state, const char* name) {
  const auto field = state.find(name);
  if (field == state.end() || field->is_null()) return {};
  if (!field->is_string()) {
    refuse("`" + std::string(name) + "` is `" + field->dump() + "`, not a string");
  }
  return field->get<std::string>();
}

std::string bundle_of(const Json& state) {
  std::string bundle = string_of(state, "bundle");
  if (bundle.empty()) bundle = string_of(state, "bundlePath");
  if (bundle.find('\0') != std::string::npos) refuse("`" + bundle + "` is no path: it holds a NUL");
  return bundle;
}

}  // namespace

ContainerState parse_state(std::string_view json) {
  const JsonExtent extent = only_object(json);
  const Json state = parse_object(extent.object);
  return {.id = string_of(state, "id"),
          .pid = pid_of(state),
          .bundle = bundle_of(state),
          .ignored = trim(extent.rest).size()};
}

}  // namespace nvhook
