// SPDX-License-Identifier: Apache-2.0
// Texts come through JSON as they are; the protocol lets none be other than UTF-8.
#include "nri/nri_container.hpp"

#include <nlohmann/json.hpp>

namespace nvhook {
namespace {

using Json = nlohmann::json;

template <typename Texts>
Json list_of(const Texts& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(text);
  return list;
}

template <typename Hooks>
Json hooks_of(const Hooks& hooks) {
  Json list = Json::array();
  for (const nri::Hook& hook : hooks) {
    list.push_back(
        {{"path", hook.path()}, {"args", list_of(hook.args())}, {"env", list_of(hook.env())}});
  }
  return list;
}

Json mounts_of(const nri::Container& container) {
  Json list = Json::array();
  for (const nri::Mount& mount : container.mounts()) {
    list.push_back({{"destination", mount.destination()},
                    {"type", mount.type()},
                    {"source", mount.source()},
                    {"options", list_of(mount.options())}});
  }
  return list;
}

Json rule_of(const nri::DeviceRule& rule) {
  Json element{{"allow", rule.allow()}, {"access", rule.access()}};
  if (!rule.type().empty()) element["type"] = rule.type();
  if (rule.has_major()) element["major"] = rule.major().value();
  if (rule.has_minor()) element["minor"] = rule.minor().value();
  return element;
}

Json linux_of(const nri::LinuxContainer& linux_part) {
  Json namespaces = Json::array();
  for (const auto& each : linux_part.namespaces()) namespaces.push_back({{"type", each.type()}});
  Json devices = Json::array();
  for (const nri::LinuxDevice& device : linux_part.devices()) {
    devices.push_back({{"path", device.path()},
                       {"type", device.type()},
                       {"major", device.major()},
                       {"minor", device.minor()}});
  }
  Json rules = Json::array();
  for (const nri::DeviceRule& rule : linux_part.resources().devices()) {
    rules.push_back(rule_of(rule));
  }
  return {{"namespaces", namespaces}, {"devices", devices}, {"resources", {{"devices", rules}}}};
}

}  // namespace

std::string config_json_of(const nri::Container& container) {
  Json annotations = Json::object();
  for (const auto& [key, value] : container.annotations()) annotations[key] = value;
  const nri::Hooks& hooks = container.hooks();
  const Json spec{{"ociVersion", "1.0.2"},
                  {"root", {{"path", "rootfs"}}},
                  {"process", {{"env", list_of(container.env())}}},
                  {"mounts", mounts_of(container)},
                  {"annotations", annotations},
                  {"hooks",
                   {{"prestart", hooks_of(hooks.prestart())},
                    {"createRuntime", hooks_of(hooks.create_runtime())},
                    {"createContainer", hooks_of(hooks.create_container())},
                    {"startContainer", hooks_of(hooks.start_container())}}},
                  {"linux", linux_of(container.linux())}};
  return spec.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string annotated_devices(const nri::CreateContainerRequest& request) {
  const auto& annotations = request.pod().annotations();
  for (const std::string& key :
       {"nvidia.cdi.k8s.io/container." + request.container().name(),
        std::string("nvidia.cdi.k8s.io/container.*"), std::string("nvidia.cdi.k8s.io/pod")}) {
    const auto found = annotations.find(key);
    if (found != annotations.end()) return found->second;
  }
  return {};
}

}  // namespace nvhook
