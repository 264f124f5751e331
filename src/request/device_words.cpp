// SPDX-License-Identifier: Apache-2.0
// Collects the words of each place in turn.
#include "request/device_words.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "config/cdi_kind.hpp"
#include "request/device_name.hpp"
#include "request/variables.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

void append(std::vector<std::string>& words, std::string_view text) {
  for (const std::string_view word : split_list(text, ',')) words.emplace_back(word);
}

// ---- annotations

bool has_prefix(std::string_view key, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const std::string& prefix) {
    return !prefix.empty() && key.starts_with(prefix);
  });
}

/// Whether the word names a device of somebody else, whom the engine serves by CDI.
bool is_foreign(std::string_view word) {
  const auto name = parse_qualified_name(word);
  return name && !nvidia_kind(name->kind);
}

DeviceWords listed_in_annotations(const ContainerSpec& spec, const Config& config, Notes& notes) {
  DeviceWords list;
  std::vector<std::string> keys;
  for (const auto& [key, value] : spec.annotations) {
    if (!has_prefix(key, config.annotation_prefixes)) continue;
    const std::size_t before = list.words.size();
    for (const std::string_view word : split_list(value, ',')) {
      if (is_foreign(word)) {
        notes.push_back(info("`" + std::string(word) + "` in annotation " + key +
                             " is no device of NVIDIA's: left to the engine"));
      } else {
        list.words.emplace_back(word);
      }
    }
    if (list.words.size() != before) keys.push_back("annotation " + key);
  }
  list.source = join(keys, ", ");
  return list;
}

// ---- volume mounts

/// Returns the part of a mount's destination that names a device (docs/behaviour.md §2.4); empty
/// for any other mount.
std::string device_name(const SpecMount& mount) {
  constexpr std::string_view kDirectory = "/var/run/nvidia-container-devices/";
  if (clean_path(mount.source) != "/dev/null") return {};
  const std::string destination = clean_path(mount.destination);
  return destination.starts_with(kDirectory) ? destination.substr(kDirectory.size()) : "";
}

/// Returns `vendor/class=device` of `vendor/class/device`, and of itself; nullopt if it is neither.
std::optional<std::string> qualified_name(std::string name) {
  if (parse_qualified_name(name)) return name;
  const std::size_t first = name.find('/');
  const std::size_t second = first == std::string::npos ? first : name.find('/', first + 1);
  if (second == std::string::npos) return std::nullopt;
  name[second] = '=';
  return parse_qualified_name(name) ? std::optional(name) : std::nullopt;
}

DeviceWords listed_in_mounts(const std::vector<SpecMount>& mounts, Notes& notes) {
  constexpr std::string_view kImex = "imex/";
  constexpr std::string_view kCdi = "cdi/";
  DeviceWords list{.source = "volume mounts"};
  for (const SpecMount& mount : mounts) {
    const std::string name = device_name(mount);
    if (name.starts_with(kImex)) {
      list.mounted_channels.push_back(name.substr(kImex.size()));
    } else if (!name.starts_with(kCdi)) {
      append(list.words, name);
    } else if (const auto qualified = qualified_name(name.substr(kCdi.size()))) {
      list.words.push_back(*qualified);
    } else {
      notes.push_back(warning("volume mount on `" + mount.destination +
                              "` names no device: write …/cdi/<vendor>/<class>/<device>"));
    }
  }
  return list;
}

// ---- variables

DeviceWords listed_in_environment(const Environment& environment, const Config& config) {
  DeviceWords list;
  for (const std::string& name : config.swarm_resources) {
    if (find_variable(environment, name)) list.variables.push_back(name);
  }
  if (list.variables.empty()) list.variables.emplace_back("NVIDIA_VISIBLE_DEVICES");
  list.source = join(list.variables, ", ");
  list.is_set = false;
  for (const std::string& name : list.variables) {
    const auto value = find_variable(environment, name);
    list.is_set = list.is_set || value;
    append(list.words, value.value_or(""));
  }
  if (!list.is_set && is_legacy_image(environment)) {
    list.words = {"all"};
    list.source = "CUDA_VERSION (legacy image)";
  }
  return list;
}

bool says_void(std::string_view word) { return without_cdi_kind(word) == "void"; }

void add_default_kind(DeviceWords& list, const std::string& kind) {
  for (std::string& word : list.words) {
    const bool has_kind = word == "none" || says_void(word) || parse_qualified_name(word);
    if (!has_kind) word = kind + "=" + word;
  }
}

}  // namespace

bool names_device(const SpecMount& mount) { return !device_name(mount).empty(); }

DeviceWords list_devices(const ContainerSpec& spec, const Config& config, Notes& notes) {
  const bool is_cdi = config.mode == RuntimeMode::cdi;
  DeviceWords mounted;
  mounted.words.clear();
  if (config.accept_volume_mounts) mounted = listed_in_mounts(spec.mounts, notes);
  std::vector<std::string> channels = mounted.mounted_channels;
  DeviceWords list = is_cdi ? listed_in_annotations(spec, config, notes) : DeviceWords();
  if (list.words.empty()) list = std::move(mounted);
  if (list.words.empty()) list = listed_in_environment(spec.environment, config);
  list.mounted_channels = std::move(channels);
  if (is_cdi) add_default_kind(list, config.default_kind);
  return list;
}

bool is_void(const DeviceWords& list) {
  return list.words.empty() || std::any_of(list.words.begin(), list.words.end(), says_void);
}

}  // namespace nvhook
