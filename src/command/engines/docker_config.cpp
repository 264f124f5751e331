// SPDX-License-Identifier: Apache-2.0
// Adds members after the existing ones, with the same indentation. To undo this, it tries which
// earlier text would have become the current one.
#include "command/engines/docker_config.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "oci/runtime_command.hpp"
#include "oci/spec_text.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using nlohmann::json;

constexpr const char* kRuntimes = "runtimes";
constexpr const char* kDefault = "default-runtime";
constexpr const char* kFeatures = "features";
constexpr const char* kCdi = "cdi";
constexpr std::string_view kBlanks = " \t\r\n";

/// The layout of a new document: its first member, which is then taken out again, decides it.
constexpr const char* kNewDocument = "{\n  \"\": 0\n}\n";
constexpr std::string_view kFirstMember = "\n  \"\": 0,";

json runtime_of(const std::string& program) { return {{"path", program}}; }

[[noreturn]] void refuse(const std::string& why, const std::string& remedy) {
  throw Error(Code::config_invalid, why, remedy);
}

std::string position_of(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  const std::size_t lines = split(before, '\n').size();
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return std::to_string(lines) + ":" + std::to_string(before.size() - line_start + 1);
}

/// Parses the document, which must be an object.
json parse(std::string_view text, const std::string& filename) {
  constexpr const char* kRemedy = "correct the file; it is left as it is";
  const auto extent = first_json_object(text);
  if (extent && extent->depth > kMaxJsonDepth) refuse(filename + ": nested too deep", kRemedy);
  try {
    json document = json::parse(text);
    if (!document.is_object()) refuse(filename + ":1:1: no JSON object", kRemedy);
    return document;
  } catch (const json::parse_error& error) {
    // The position is counted from 1 and is that of the last byte read.
    refuse(filename + ":" + position_of(text, error.byte == 0 ? 0 : error.byte - 1) +
               ": not JSON from here on",
           kRemedy);
  }
}

/// Returns the white space before the first member of `object`.
std::string_view indent_of(std::string_view object) {
  const std::size_t end = object.find_first_not_of(kBlanks, 1);
  return object.substr(1, end - 1);
}

bool is_multiline(std::string_view indent) { return indent.find('\n') != std::string_view::npos; }

/// Returns `{ "name": value }`, over several lines if `indent` has a line end; each line is then
/// indented by `unit` more.
std::string object_of(const std::string& name, const std::string& value, std::string_view indent,
                      std::string_view unit) {
  const std::string member = json(name).dump() + ": " + value;
  // The blanks inside the braces distinguish a new object from an existing one to which a member
  // was added.
  if (!is_multiline(indent)) return "{ " + member + " }";
  return "{" + std::string(indent) + std::string(unit) + member + std::string(indent) + "}";
}

std::size_t end_of(std::string_view part, std::string_view whole) {
  return static_cast<std::size_t>(part.data() + part.size() - whole.data());
}

std::string with_added(std::string_view object, const std::string& name, const std::string& value) {
  const std::string member = json(name).dump() + ": " + value;
  const auto members = json_members(object, name);
  if (members.empty()) {
    return "{" + member + std::string(object.substr(1));
  }
  const std::string_view indent = indent_of(object);
  const std::size_t end = end_of(members.back().value(), object);
  return std::string(object.substr(0, end)) + "," +
         (is_multiline(indent) ? std::string(indent) : " ") + member +
         std::string(object.substr(end));
}

/// Returns `object` without the member, its comma and the white space before it.
std::string without(std::string_view object, const std::string& name) {
  const auto members = json_members(object, name);
  std::size_t at = members.size();
  while (at > 0 && members[at - 1].name != name) --at;
  if (at == 0) return std::string(object);
  const JsonPart& member = members[at - 1];
  const bool is_first = at == 1;
  const bool is_last = at == members.size();
  // Starts after the bracket or the previous comma. For the last member the previous comma goes,
  // for others the next one.
  std::size_t start = is_first ? 1 : end_of(members[at - 2].text, object) + 1;
  if (is_last && !is_first) start = end_of(members[at - 2].value(), object);
  const std::size_t end =
      is_last ? end_of(member.value(), object) : end_of(member.text, object) + 1;
  return std::string(object.substr(0, start)) + std::string(object.substr(end));
}

std::string edited(std::string_view object, const std::string& name, const std::string& value) {
  return with_member(
      object, name, "", [&](std::string_view) { return value; }, name);
}

std::string unit_of(std::string_view indent) {
  return std::string(is_multiline(indent) ? indent.substr(indent.rfind('\n') + 1) : "");
}

std::string with_runtime(std::string_view object, const std::string& program) {
  const std::string_view indent = indent_of(object);
  const std::string unit = unit_of(indent);
  const std::string deeper = std::string(indent) + unit;
  const std::string path = json(program).dump();
  const std::string_view runtimes = json_member(object, kRuntimes, kRuntimes);
  if (runtimes.empty()) {
    const std::string runtime = object_of("path", path, deeper, unit);
    return with_added(object, kRuntimes, object_of(kRuntimeName, runtime, indent, unit));
  }
  const std::string runtime = object_of("path", path, indent_of(runtimes), unit);
  return edited(object, kRuntimes, with_added(runtimes, kRuntimeName, runtime));
}

std::string with_cdi(std::string_view object) {
  const std::string_view features = json_member(object, kFeatures, kFeatures);
  if (!features.empty()) return edited(object, kFeatures, with_added(features, kCdi, "true"));
  const std::string_view indent = indent_of(object);
  return with_added(object, kFeatures, object_of(kCdi, "true", indent, unit_of(indent)));
}

bool has_runtime(const json& document) {
  return document.contains(kRuntimes) && document.at(kRuntimes).contains(kRuntimeName);
}

void check_runtime(const json& document, const std::string& filename) {
  const json& runtime = document.at(kRuntimes).at(kRuntimeName);
  if (runtime.contains("path") && runtime.at("path").is_string() &&
      is_our_runtime(runtime.at("path").get<std::string>())) {
    return;
  }
  refuse(filename + ": the runtime `nvidia` is " + runtime.dump() + ", which is not " +
             kRuntimeProgram,
         "take it out, or name another file with --config-file; setup replaces nothing");
}

void check_default(const json& document, const std::string& filename) {
  const json& now = document.at(kDefault);
  if (now == kRuntimeName) return;
  refuse(filename + ": default-runtime is " + now.dump(),
         "take it out; setup replaces nothing that is there");
}

/// What an existing but empty file becomes. No other case has this form, so undo can recognise it.
std::string compact_document(const DockerRuntime& runtime) {
  json document = {{kRuntimes, {{kRuntimeName, runtime_of(runtime.program)}}}};
  if (runtime.as_default) document[kDefault] = kRuntimeName;
  return document.dump();
}

/// The object and the white space around it.
struct Document {
  std::string_view before = {};
  std::string_view object = {};
  std::string_view after = {};

  [[nodiscard]] std::string with(const std::string& other) const {
    return std::string(before) + other + std::string(after);
  }
};

Document document_of(std::string_view text) {
  const std::string_view object = trim(text);
  const auto start = static_cast<std::size_t>(object.data() - text.data());
  return {.before = text.substr(0, start),
          .object = object,
          .after = text.substr(start + object.size())};
}

json checked(const std::string& text, bool as_default, const std::string& filename) {
  json document = parse(text, filename);
  if (document.contains(kRuntimes) && !document.at(kRuntimes).is_object()) {
    refuse(filename + ": `runtimes` is no object", "correct the file; it is left as it is");
  }
  if (has_runtime(document)) check_runtime(document, filename);
  if (as_default && document.contains(kDefault)) check_default(document, filename);
  return document;
}

/// Returns the texts that the file may have had before, the likeliest first.
std::vector<std::optional<std::string>> candidates_of(const std::string& text) {
  const Document now = document_of(text);
  const std::string_view runtimes = json_member(now.object, kRuntimes, kRuntimes);
  const std::string others = without(runtimes, kRuntimeName);
  const bool is_alone = json_members(others, kRuntimes).empty();
  std::vector<std::optional<std::string>> found{std::nullopt, now.with("")};
  // Without the runtime such a default would name nothing, and dockerd would not have started:
  // setup added it.
  const json document = json::parse(now.object);
  const bool is_default = document.contains(kDefault) && document.at(kDefault) == kRuntimeName;
  const std::string object = is_default ? without(now.object, kDefault) : std::string(now.object);
  if (is_alone) found.emplace_back(now.with(without(object, kRuntimes)));
  found.emplace_back(now.with(edited(object, kRuntimes, others)));
  return found;
}

}  // namespace

bool is_our_runtime(const std::string& path) {
  return is_runtime_shim(path.substr(path.rfind('/') + 1));
}

std::string with_docker_runtime(const std::optional<std::string>& text,
                                const DockerRuntime& runtime, const std::string& filename) {
  if (!text) {
    return with_docker_runtime(kNewDocument, runtime, filename).erase(1, kFirstMember.size());
  }
  // dockerd treats an empty file as one without settings.
  if (trim(*text).empty()) return compact_document(runtime) + *text;
  const json document = checked(*text, runtime.as_default, filename);
  const Document now = document_of(*text);
  std::string object(now.object);
  if (!has_runtime(document)) object = with_runtime(object, runtime.program);
  if (runtime.as_default && !document.contains(kDefault)) {
    object = with_added(object, kDefault, json(kRuntimeName).dump());
  }
  return now.with(object);
}

std::string with_docker_cdi(const std::optional<std::string>& text, const std::string& filename) {
  if (!text) return with_docker_cdi(kNewDocument, filename).erase(1, kFirstMember.size());
  if (trim(*text).empty()) return json{{kFeatures, {{kCdi, true}}}}.dump() + *text;
  const json document = parse(*text, filename);
  const json features = document.value(kFeatures, json::object());
  if (!features.is_object()) {
    refuse(filename + ": `features` is no object", "correct the file; it is left as it is");
  }
  if (features.contains(kCdi)) {
    if (features.at(kCdi) == true) return *text;
    refuse(filename + ": features.cdi is " + features.at(kCdi).dump(),
           "take it out; setup replaces nothing that is there");
  }
  const Document now = document_of(*text);
  return now.with(with_cdi(now.object));
}

std::optional<std::string> without_docker_runtime(const std::optional<std::string>& text,
                                                  const std::string& program,
                                                  const std::string& filename) {
  if (!text || trim(*text).empty()) return text;
  const json document = parse(*text, filename);
  if (!has_runtime(document) || document.at(kRuntimes).at(kRuntimeName) != runtime_of(program)) {
    return text;
  }
  const auto candidates = candidates_of(*text);
  const auto with = [&](const std::optional<std::string>& before, bool as_default) {
    return with_docker_runtime(before, {program, as_default}, filename);
  };
  for (const auto& before : candidates) {
    const std::string once = with(before, false);
    if (once == *text || with(before, true) == *text || with(once, true) == *text) return before;
  }
  return candidates.at(2);  // the file was edited since; only remove what setup added
}

}  // namespace nvhook
