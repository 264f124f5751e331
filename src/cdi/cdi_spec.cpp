// SPDX-License-Identifier: Apache-2.0
// JSON is read leniently, as engines do: null counts as absent, unknown fields are ignored.
#include "cdi/cdi_spec.hpp"

#include <algorithm>
#include <cctype>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "os/device_number.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

bool is_name(std::string_view name, std::string_view between) {
  return !name.empty() && is_letter(name.front()) && is_alphanumeric(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_alphanumeric(c) || between.find(c) != std::string_view::npos;
         });
}

// ---- to JSON

Json to_object(const CdiNode& node) {
  Json object = {{"path", node.path}};
  if (!node.host_path.empty()) object["hostPath"] = node.host_path;
  if (node.number) {
    object["type"] = "c";
    object["major"] = node.number->major;
    object["minor"] = node.number->minor;
  }
  if (!node.permissions.empty()) object["permissions"] = node.permissions;
  return object;
}

Json to_object(const CdiMount& mount) {
  return {{"hostPath", mount.host_path},
          {"containerPath", mount.container_path},
          {"options", mount.options}};
}

Json to_object(const CdiHook& hook) {
  return {{"hookName", hook.stage},
          {"path", hook.path},
          {"args", hook.arguments},
          {"env", hook.environment}};
}

template <typename T>
void add_list(Json& object, const char* name, const std::vector<T>& items) {
  for (const T& item : items) object[name].push_back(to_object(item));
}

Json to_object(const CdiEdits& edits) {
  Json object = Json::object();
  if (!edits.environment.empty()) object["env"] = edits.environment;
  add_list(object, "deviceNodes", edits.nodes);
  add_list(object, "mounts", edits.mounts);
  add_list(object, "hooks", edits.hooks);
  if (!edits.groups.empty()) object["additionalGids"] = edits.groups;
  return object;
}

Json to_object(const CdiDevice& device) {
  Json object = {{"name", device.name}};
  if (!device.annotations.empty()) object["annotations"] = device.annotations;
  object["containerEdits"] = to_object(device.edits);
  return object;
}

// ---- from JSON

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::config_invalid, "not a CDI specification: " + why,
              "correct the file, or write it anew (`oci-nvidia cdi generate`)");
}

/// Returns the member `name`, or nullptr; null counts as absent.
const Json* find(const Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? nullptr : &*field;
}

const Json& object_of(const Json& value, std::string_view where) {
  if (!value.is_object())
    fail("`" + std::string(where) + "` holds a value of type " + value.type_name());
  return value;
}

std::string text_of(const Json& value, const std::string& where) {
  if (!value.is_string()) fail("`" + where + "` is of type " + value.type_name() + ", not string");
  return value.get<std::string>();
}

std::string text_in(const Json& object, const char* name) {
  const Json* const field = find(object, name);
  return field == nullptr ? std::string() : text_of(*field, name);
}

std::string require_text(const Json& object, const char* name) {
  std::string text = text_in(object, name);
  if (text.empty()) fail("`" + std::string(name) + "` is missing or empty");
  return text;
}

unsigned number_of(const Json& value, const std::string& where, const char* what) {
  const auto number = value.is_number_unsigned() ? parse_unsigned(value.dump()) : std::nullopt;
  if (!number || *number > std::numeric_limits<unsigned>::max()) {
    fail("`" + where + "` is no " + what);
  }
  return static_cast<unsigned>(*number);
}

std::optional<unsigned> number_in(const Json& object, const char* name) {
  const Json* const field = find(object, name);
  if (field == nullptr) return std::nullopt;
  return number_of(*field, name, "device number");
}

unsigned group_of(const Json& item) { return number_of(item, "additionalGids", "group"); }

template <typename Read>
auto list_in(const Json& object, const char* name, Read read) {
  std::vector<decltype(read(object))> items;
  const Json* const list = find(object, name);
  if (list == nullptr) return items;
  if (!list->is_array()) fail("`" + std::string(name) + "` is of type " + list->type_name());
  for (const Json& item : *list) items.push_back(read(item));
  return items;
}

std::vector<std::string> texts_in(const Json& object, const char* name) {
  return list_in(object, name, [&](const Json& item) { return text_of(item, name); });
}

CdiNode node_of(const Json& item) {
  const Json& object = object_of(item, "deviceNodes");
  CdiNode node{.path = require_text(object, "path"),
               .host_path = text_in(object, "hostPath"),
               .permissions = text_in(object, "permissions")};
  const auto major = number_in(object, "major");
  const auto minor = number_in(object, "minor");
  // Engines treat a major number of 0 as absent, and an absent minor number as 0.
  if (major.value_or(0) != 0) node.number = DeviceNumber{*major, minor.value_or(0)};
  return node;
}

CdiMount mount_of(const Json& item) {
  const Json& object = object_of(item, "mounts");
  return {.host_path = require_text(object, "hostPath"),
          .container_path = require_text(object, "containerPath"),
          .options = texts_in(object, "options")};
}

CdiHook hook_of(const Json& item) {
  const Json& object = object_of(item, "hooks");
  return {.stage = require_text(object, "hookName"),
          .path = require_text(object, "path"),
          .arguments = texts_in(object, "args"),
          .environment = texts_in(object, "env")};
}

CdiEdits edits_of(const Json& object) {
  const Json* const edits = find(object, "containerEdits");
  if (edits == nullptr) return {};
  object_of(*edits, "containerEdits");
  return {.environment = texts_in(*edits, "env"),
          .nodes = list_in(*edits, "deviceNodes", node_of),
          .mounts = list_in(*edits, "mounts", mount_of),
          .hooks = list_in(*edits, "hooks", hook_of),
          .groups = list_in(*edits, "additionalGids", group_of)};
}

CdiAnnotations annotations_of(const Json& object) {
  CdiAnnotations annotations;
  const Json* const field = find(object, "annotations");
  if (field == nullptr) return annotations;
  for (const auto& [name, value] : object_of(*field, "annotations").items()) {
    const bool is_plain = value.is_boolean() || value.is_number();
    annotations[name] = is_plain ? value.dump() : text_of(value, "annotations." + name);
  }
  return annotations;
}

CdiDevice device_of(const Json& item) {
  const Json& object = object_of(item, "devices");
  return {.name = require_text(object, "name"),
          .annotations = annotations_of(object),
          .edits = edits_of(object)};
}

/// Refuses an object that no specification has: each member is compared with all before it.
class MemberCount {
 public:
  bool operator()(int /*depth*/, Json::parse_event_t event, const Json& /*parsed*/) {
    if (event == Json::parse_event_t::object_start) counts_.push_back(0);
    if (event == Json::parse_event_t::object_end) counts_.pop_back();
    if (event == Json::parse_event_t::key && ++counts_.back() > kMaxCdiMembers) {
      fail("an object has more than " + std::to_string(kMaxCdiMembers) + " members");
    }
    return true;
  }

 private:
  std::vector<std::size_t> counts_ = {};  ///< of the objects that are open
};

Json parse_object(std::string_view json) {
  const auto extent = first_json_object(json);
  if (!extent || !extent->rest.empty()) fail("it is not one whole object");
  if (extent->depth > kMaxJsonDepth) fail("it is nested too deeply");
  Json parsed = Json::parse(extent->object, MemberCount(), false);
  if (parsed.is_discarded()) fail("it is no JSON");
  return parsed;
}

}  // namespace

bool is_cdi_kind(std::string_view kind) noexcept {
  const auto slash = kind.find('/');
  return slash != std::string_view::npos && is_name(kind.substr(0, slash), "_-.") &&
         is_name(kind.substr(slash + 1), "_-");
}

std::string required_cdi_version(const CdiSpec& spec) {
  const auto has_host_path = [](const CdiEdits& edits) {
    return std::any_of(edits.nodes.begin(), edits.nodes.end(),
                       [](const CdiNode& node) { return !node.host_path.empty(); });
  };
  const auto has_groups = [](const CdiEdits& edits) { return !edits.groups.empty(); };
  if (has_groups(spec.edits) ||
      std::any_of(spec.devices.begin(), spec.devices.end(),
                  [&](const CdiDevice& device) { return has_groups(device.edits); })) {
    return "0.7.0";
  }
  const bool has_annotations =
      !spec.annotations.empty() ||
      std::any_of(spec.devices.begin(), spec.devices.end(),
                  [](const CdiDevice& device) { return !device.annotations.empty(); });
  if (has_annotations) return "0.6.0";
  const bool is_new =
      has_host_path(spec.edits) ||
      std::any_of(spec.devices.begin(), spec.devices.end(), [&](const CdiDevice& device) {
        return !is_letter(device.name.front()) || has_host_path(device.edits);
      });
  return is_new ? "0.5.0" : "0.3.0";
}

std::string to_json(const CdiSpec& spec) {
  Json object = {{"cdiVersion", spec.version}, {"kind", spec.kind}};
  if (!spec.annotations.empty()) object["annotations"] = spec.annotations;
  object["containerEdits"] = to_object(spec.edits);
  for (const CdiDevice& device : spec.devices) object["devices"].push_back(to_object(device));
  try {
    return object.dump(2) + "\n";
  } catch (const Json::exception& error) {
    throw Error(Code::internal, std::string("write a CDI specification: ") + error.what(),
                "rename that file of the driver");
  }
}

CdiSpec parse_cdi_spec(std::string_view json) {
  const Json object = parse_object(json);
  CdiSpec spec{.version = require_text(object, "cdiVersion"),
               .kind = require_text(object, "kind"),
               .annotations = annotations_of(object),
               .edits = edits_of(object),
               .devices = list_in(object, "devices", device_of)};
  if (!is_cdi_kind(spec.kind)) fail("`" + spec.kind + "` is no kind (<vendor>/<class>)");
  if (spec.devices.empty()) fail("it has no devices");
  std::set<std::string_view> names;
  for (const CdiDevice& device : spec.devices) {
    if (!names.insert(device.name).second) fail("it has two devices `" + device.name + "`");
  }
  return spec;
}

}  // namespace nvhook
