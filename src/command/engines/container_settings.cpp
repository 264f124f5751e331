// SPDX-License-Identifier: Apache-2.0
// Finds environment, device requests, volumes and the last failure in the JSON documents that
// engines print and keep.
#include "command/engines/container_settings.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using SettingsJson = nlohmann::json;

/// What a device request may name and Docker's driver for NVIDIA still takes it. All but the first
/// two are words of NVIDIA_DRIVER_CAPABILITIES.
constexpr std::array<std::string_view, 8> kDockersCapabilities{
    "gpu", "nvidia", "compute", "compat32", "graphics", "utility", "video", "display"};
constexpr std::int64_t kMostGpus = 4096;
constexpr std::size_t kMostOfFailure = 600;
constexpr const char* kGpusHookName = "nvidia-container-runtime-hook";
constexpr const char* kGpusHook = "/usr/bin/nvidia-container-runtime-hook";

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::spec_invalid, "configuration of an image or container: " + why,
              "give an OCI image configuration, or what docker inspect prints of one image or "
              "container");
}

const SettingsJson* find(const SettingsJson& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_at(const SettingsJson& object, const char* name) {
  const SettingsJson* const value = find(object, name);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

/// Returns the strings of a list, for members that no container depends on for its start.
std::vector<std::string> texts_at(const SettingsJson& object, const char* name) {
  std::vector<std::string> texts;
  const SettingsJson* const list = find(object, name);
  if (list == nullptr || !list->is_array()) return texts;
  for (const SettingsJson& element : *list) {
    if (element.is_string()) texts.push_back(element.get<std::string>());
  }
  return texts;
}

/// Returns the object that has `Env`.
const SettingsJson& settings_of(const SettingsJson& document) {
  for (const char* name : {"config", "Config"}) {
    if (const SettingsJson* settings = find(document, name); settings != nullptr) {
      if (!settings->is_object()) fail("`" + std::string(name) + "` is not an object");
      return *settings;
    }
  }
  if (find(document, "Env") == nullptr) fail("it has neither `config` nor `Env`");
  return document;
}

std::vector<std::string> environment_of(const SettingsJson& document) {
  std::vector<std::string> environment;
  const SettingsJson* const entries = find(settings_of(document), "Env");
  if (entries == nullptr) return environment;
  if (!entries->is_array()) fail("`Env` is not a list");
  for (const SettingsJson& entry : *entries) {
    if (!entry.is_string()) fail("`Env` holds something that is not a string");
    environment.push_back(entry.get<std::string>());
  }
  return environment;
}

/// Returns the first of the alternatives of which Docker's driver has every capability; null if
/// there is none, and Docker then says that it could not select a driver.
const SettingsJson* capabilities_of(const SettingsJson& request) {
  const SettingsJson* const alternatives = find(request, "Capabilities");
  if (alternatives == nullptr || !alternatives->is_array()) return nullptr;
  const auto is_known = [](const SettingsJson& word) {
    return word.is_string() && std::find(kDockersCapabilities.begin(), kDockersCapabilities.end(),
                                         word.get<std::string>()) != kDockersCapabilities.end();
  };
  for (const SettingsJson& words : *alternatives) {
    if (words.is_array() && std::all_of(words.begin(), words.end(), is_known)) return &words;
  }
  return nullptr;
}

std::string devices_of(const SettingsJson& request) {
  const std::vector<std::string> ids = texts_at(request, "DeviceIDs");
  if (!ids.empty()) return join(ids, ",");
  const SettingsJson* const count = find(request, "Count");
  if (count == nullptr || !count->is_number_integer()) return {};
  const auto number = count->get<std::int64_t>();
  if (number < 0) return "all";
  std::vector<std::string> first;
  for (std::int64_t i = 0; i < std::min(number, kMostGpus); ++i) first.push_back(std::to_string(i));
  return join(first, ",");
}

void add_request(const SettingsJson& request, ContainerSettings& settings) {
  const std::string driver = text_at(request, "Driver");
  if (driver == "cdi") {
    for (const std::string& name : texts_at(request, "DeviceIDs")) {
      settings.cdi_devices.push_back(name);
    }
    return;
  }
  const SettingsJson* const capabilities = capabilities_of(request);
  if (!(driver.empty() || driver == "nvidia") || capabilities == nullptr) return;
  settings.has_gpus = true;
  const std::string devices = devices_of(request);
  if (!devices.empty()) {
    settings.gpus_environment.push_back("NVIDIA_VISIBLE_DEVICES=" + devices);
  }
  std::vector<std::string> words;
  for (const SettingsJson& word : *capabilities) {
    const auto name = word.get<std::string>();
    if (name != "gpu" && name != "nvidia") words.push_back(name);
  }
  if (!words.empty()) {
    settings.gpus_environment.push_back("NVIDIA_DRIVER_CAPABILITIES=" + join(words, ","));
  }
}

std::vector<std::string> volumes_of(const SettingsJson& host_config) {
  std::vector<std::string> volumes = texts_at(host_config, "Binds");
  const SettingsJson* const mounts = find(host_config, "Mounts");
  if (mounts == nullptr || !mounts->is_array()) return volumes;
  for (const SettingsJson& mount : *mounts) {
    volumes.push_back(text_at(mount, "Source") + ":" + text_at(mount, "Target"));
  }
  return volumes;
}

bool has_sys_admin(const SettingsJson& host_config) {
  const SettingsJson* const privileged = find(host_config, "Privileged");
  if (privileged != nullptr && privileged->is_boolean() && privileged->get<bool>()) return true;
  const std::vector<std::string> added = texts_at(host_config, "CapAdd");
  return std::any_of(added.begin(), added.end(), [](const std::string& name) {
    return name == "ALL" || name == "SYS_ADMIN" || name == "CAP_SYS_ADMIN";
  });
}

/// The hook's own line is last in what runtime, containerd and Docker wrap around it.
std::string failure_of(const SettingsJson& document) {
  const SettingsJson* const state = find(document, "State");
  if (state == nullptr) return {};
  const std::string error = text_at(*state, "Error");
  const auto own = error.find("NVH-");
  const std::string_view told =
      trim(std::string_view(error).substr(own == std::string::npos ? 0 : own));
  return cut_text(std::string(told.substr(0, told.find('\n'))), kMostOfFailure);
}

ContainerSettings settings_in(const SettingsJson& document) {
  ContainerSettings settings{.name = text_at(document, "Name"),
                             .environment = environment_of(document),
                             .failure = failure_of(document)};
  if (settings.name.starts_with('/')) settings.name.erase(0, 1);
  const SettingsJson* const host_config = find(document, "HostConfig");
  if (host_config == nullptr) return settings;
  settings.volumes = volumes_of(*host_config);
  settings.has_sys_admin = has_sys_admin(*host_config);
  settings.runtime = text_at(*host_config, "Runtime");
  const SettingsJson* const requests = find(*host_config, "DeviceRequests");
  if (requests == nullptr || !requests->is_array()) return settings;
  for (const SettingsJson& request : *requests) add_request(request, settings);
  return settings;
}

SettingsJson parse(std::string_view json) {
  SettingsJson document = SettingsJson::parse(json, nullptr, false);
  if (document.is_discarded()) document = SettingsJson::parse(well_formed(json), nullptr, false);
  if (document.is_discarded()) fail("it is not JSON");
  return document;
}

}  // namespace

ContainerSettings parse_container_settings(std::string_view json) {
  SettingsJson document = parse(json);
  if (document.is_array()) {
    if (document.size() != 1) fail("it is a list of " + std::to_string(document.size()));
    document = SettingsJson(document.front());
  }
  if (!document.is_object()) fail("it is not an object");
  return settings_in(document);
}

ContainerSettings parse_docker_files(std::string_view config_v2, std::string_view hostconfig) {
  SettingsJson document = parse(config_v2);
  if (!document.is_object()) fail("it is not an object");
  document["HostConfig"] = parse(hostconfig);
  return settings_in(document);
}

std::string minimal_spec(const ContainerSettings& settings) {
  SettingsJson environment = SettingsJson::array();
  for (const auto* entries : {&settings.environment, &settings.gpus_environment}) {
    for (const std::string& entry : *entries) environment.push_back(well_formed(entry));
  }
  SettingsJson spec = {
      {"ociVersion", "1.0.2"}, {"process", {{"env", environment}}}, {"root", {{"path", "rootfs"}}}};
  if (settings.has_sys_admin) {
    spec["process"]["capabilities"]["bounding"] = {"CAP_SYS_ADMIN"};
  }
  for (const std::string& volume : settings.volumes) {
    const std::vector<std::string_view> parts = split(volume, ':');
    if (parts.size() < 2) continue;
    spec["mounts"].push_back({{"source", well_formed(parts[0])},
                              {"destination", well_formed(parts[1])},
                              {"type", "bind"}});
  }
  if (settings.has_gpus)
    spec["hooks"]["prestart"] = {{{"path", kGpusHook}, {"args", {kGpusHookName, "prestart"}}}};
  return spec.dump();
}

}  // namespace nvhook
