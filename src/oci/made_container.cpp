// SPDX-License-Identifier: Apache-2.0
// Looks for the files in which runc 1.x and crun 1.x record a container.
#include "oci/made_container.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <climits>
#include <nlohmann/json.hpp>
#include <utility>

#include "oci/bundle.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

struct Family {
  std::string_view runtime = {};
  const char* record = nullptr;  ///< below the directory of the container
  std::string (*bundle)(std::string_view json) = nullptr;
};

constexpr std::array<Family, 2> kFamilies{
    {{"runc", "/state.json", bundle_in_runc_state}, {"crun", "/status", bundle_in_crun_status}}};

bool is_named_after(const std::string& candidate, std::string_view runtime) {
  return candidate.find(runtime, candidate.rfind('/') + 1) != std::string::npos;
}

/// Both families, that of the first candidate first.
std::array<Family, 2> in_order_of(const std::vector<std::string>& candidates) {
  std::array<Family, 2> families = kFamilies;
  const bool crun_first = !candidates.empty() && is_named_after(candidates.front(), "crun");
  if (crun_first) std::swap(families[0], families[1]);
  return families;
}

/// A word that is no name of a directory names no container.
bool can_be_id(const std::string& word) {
  return !word.empty() && word.size() <= NAME_MAX && word != "." && word != ".." &&
         word.find('/') == std::string::npos;
}

std::vector<std::string> state_directories(const RuntimeCommand& command, const Family& family,
                                           const std::string& runtime_directory) {
  if (!command.root.empty()) return {command.root};
  const std::string name(family.runtime);
  std::vector<std::string> directories{"/run/" + name};
  if (!runtime_directory.empty()) directories.push_back(runtime_directory + "/" + name);
  return directories;
}

}  // namespace

std::optional<MadeContainer> find_made_container(const RuntimeCommand& command,
                                                 const std::vector<std::string>& candidates,
                                                 const std::string& runtime_directory,
                                                 const RootDir& system) {
  for (const std::string& word : command.operands) {
    if (!can_be_id(word)) continue;
    for (const Family& family : in_order_of(candidates)) {
      for (const std::string& directory : state_directories(command, family, runtime_directory)) {
        std::string record = directory + "/" + word + family.record;
        // A relative directory is the caller's, not one below the root.
        if (!record.starts_with('/') || !system.open(record, O_PATH)) continue;
        return MadeContainer{.runtime = family.runtime, .record = std::move(record)};
      }
    }
  }
  return std::nullopt;
}

std::string bundle_of(const MadeContainer& container, const RootDir& system) {
  const auto text = system.read(container.record, kMaxSpec);
  for (const Family& family : kFamilies) {
    if (text && family.runtime == container.runtime) return family.bundle(*text);
  }
  return {};
}

std::vector<std::string> candidates_for(std::string_view runtime,
                                        const std::vector<std::string>& candidates) {
  std::vector<std::string> possible;
  for (const std::string& candidate : candidates) {
    const bool is_other = std::any_of(kFamilies.begin(), kFamilies.end(), [&](const Family& one) {
      return one.runtime != runtime && is_named_after(candidate, one.runtime);
    });
    if (!is_other || is_named_after(candidate, runtime)) possible.push_back(candidate);
  }
  possible.emplace_back(runtime);
  return possible;
}

std::string bundle_in_runc_state(std::string_view json) {
  constexpr std::string_view kPrefix = "bundle=";
  static const Json::json_pointer kLabels("/config/labels");
  const Json state = Json::parse(json, nullptr, false);
  if (!state.is_object() || !state.contains(kLabels) || !state.at(kLabels).is_array()) return {};
  for (const Json& label : state.at(kLabels)) {
    const auto* const text = label.get_ptr<const std::string*>();
    if (text != nullptr && text->starts_with(kPrefix)) return text->substr(kPrefix.size());
  }
  return {};
}

std::string bundle_in_crun_status(std::string_view json) {
  const Json status = Json::parse(json, nullptr, false);
  if (!status.is_object()) return {};
  const auto bundle = status.find("bundle");
  return bundle != status.end() && bundle->is_string() ? bundle->get<std::string>() : std::string();
}

}  // namespace nvhook
