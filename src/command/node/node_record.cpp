// SPDX-License-Identifier: Apache-2.0
// The record as JSON. Members that are missing keep their defaults, and unknown ones are passed
// over: an older version may have to read what a newer one wrote.
#include "command/node/node_record.hpp"

#include <nlohmann/json.hpp>

#include "text/error.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 2;

/// Calls `field(name, member)` for each member of a record, which may be constant.
template <typename Record, typename Field>
void for_each_field(Record& record, const Field& field) {
  field("owner", record.owner);
  field("generation", record.generation);
  field("version", record.version);
  field("directory", record.directory);
  field("programs", record.programs);
  field("files", record.files);
  field("engine", record.engine);
  field("engineConfig", record.engine_config);
  field("engineImports", record.engine_imports);
  field("engineWrittenAt", record.engine_written_at);
  field("restartIsDue", record.restart_is_due);
  field("made", record.made);
}

}  // namespace

std::string to_text(const NodeRecord& record) {
  Json document = Json::object();
  for_each_field(record, [&](const char* name, const auto& member) { document[name] = member; });
  return document.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

NodeRecord parse_node_record(std::string_view text, std::string_view filename) {
  NodeRecord record;
  try {
    const Json document = Json::parse(text);
    if (!document.is_object()) throw Error(Code::config_invalid, "it is no JSON object");
    for_each_field(record, [&](const char* name, auto& member) {
      if (document.contains(name)) document.at(name).get_to(member);
    });
  } catch (const std::exception& error) {
    throw Error(Code::config_invalid, "parse `" + std::string(filename) + "`: " + error.what(),
                "remove that file: the next installer then begins anew, and finds what is there");
  }
  return record;
}

}  // namespace nvhook
