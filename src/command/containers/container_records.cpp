// SPDX-License-Identifier: Apache-2.0
// Parses the records that container engines and runtimes write about their containers.
#include "command/containers/container_records.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "oci/made_container.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns null if `text` is not JSON.
nlohmann::json parse(std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_discarded() ? nlohmann::json() : json;
}

const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string text_of(const nlohmann::json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

pid_t pid_of(const nlohmann::json& value) {
  if (!value.is_number_unsigned()) return 0;
  const auto number = value.get<std::uint64_t>();
  return number <= static_cast<std::uint64_t>(std::numeric_limits<pid_t>::max())
             ? static_cast<pid_t>(number)
             : 0;
}

/// CRI-O stores the pod in the metadata, as a JSON document in a string; Podman does not.
std::string storage_engine(const nlohmann::json& container) {
  return member(parse(text_of(member(container, "metadata"))), "pod-id").is_string() ? "CRI-O"
                                                                                     : "Podman";
}

}  // namespace

ContainerRecord parse_runc_state(std::string_view json) {
  const nlohmann::json state = parse(json);
  return {.engine = "runc",
          .id = text_of(member(state, "id")),
          .pid = pid_of(member(state, "init_process_pid")),
          .bundle = bundle_in_runc_state(json)};
}

ContainerRecord parse_crun_status(std::string_view json) {
  const nlohmann::json status = parse(json);
  return {.engine = "crun",
          .pid = pid_of(member(status, "pid")),
          .bundle = bundle_in_crun_status(json)};
}

pid_t parse_pid_file(std::string_view text) {
  const auto number = parse_unsigned(trim(text));
  return number ? pid_of(nlohmann::json(*number)) : 0;
}

std::string parse_docker_name(std::string_view json) {
  const std::string name = text_of(member(parse(json), "Name"));
  return name.starts_with('/') ? name.substr(1) : name;
}

std::string parse_docker_data_root(std::string_view json) {
  const std::string path = text_of(member(parse(json), "data-root"));
  return path.starts_with('/') ? path : "/var/lib/docker";
}

std::vector<ContainerRecord> parse_storage_containers(std::string_view json) {
  std::vector<ContainerRecord> records;
  const nlohmann::json list = parse(json);
  if (!list.is_array()) return records;
  for (const nlohmann::json& container : list) {
    ContainerRecord record{.engine = storage_engine(container),
                           .id = text_of(member(container, "id"))};
    const nlohmann::json& names = member(container, "names");
    if (names.is_array() && !names.empty()) record.name = text_of(names.front());
    if (!record.id.empty()) records.push_back(std::move(record));
  }
  return records;
}

std::vector<ContainerRecord> merged(const std::vector<ContainerRecord>& records) {
  std::vector<ContainerRecord> result;
  for (const ContainerRecord& record : records) {
    const auto known = std::find_if(result.begin(), result.end(), [&](const auto& other) {
      return other.id == record.id && other.user == record.user;
    });
    if (known == result.end()) {
      result.push_back(record);
      continue;
    }
    if (known->name.empty()) known->name = record.name;
    if (known->pid == 0) known->pid = record.pid;
    if (known->bundle.empty()) known->bundle = record.bundle;
    if (known->docker_files.empty()) known->docker_files = record.docker_files;
  }
  return result;
}

std::vector<ContainerRecord> matching(const std::vector<ContainerRecord>& records,
                                      std::string_view word) {
  const auto those_that = [&](const auto& match) {
    std::vector<ContainerRecord> found;
    std::copy_if(records.begin(), records.end(), std::back_inserter(found), match);
    return found;
  };
  if (word.empty()) return {};
  auto exact = those_that([&](const ContainerRecord& record) {
    return record.id == word || (!record.name.empty() && record.name == word);
  });
  if (!exact.empty()) return exact;
  return those_that([&](const ContainerRecord& record) { return record.id.starts_with(word); });
}

}  // namespace nvhook
