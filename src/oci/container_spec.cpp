// SPDX-License-Identifier: Apache-2.0
// Parses config.json without its bulky parts, and checks the types of the fields used.
#include "oci/container_spec.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "oci/plain_spec.hpp"
#include "oci/spec_text.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::json;

[[noreturn]] void fail(const std::string& why) { throw_spec_invalid(why); }

/// Large members that are not used here. The seccomp profile alone is most of a usual config.json,
/// and every container pays for parsing it.
bool is_bulk(std::string_view member) {
  return member == "annotations" || member == "hooks" || member == "linux";
}
bool is_bulk_of_linux(std::string_view member) { return member != "devices"; }

using Leaves = bool (*)(std::string_view member);

/// Returns `extent.object` with null instead of the members (objects and lists) that `leaves_out`
/// selects.
std::string without(Leaves leaves_out, const JsonExtent& extent) {
  std::string text;
  const char* next = extent.object.data();
  for (const JsonMember& member : extent.members) {
    if (!leaves_out(member.name)) continue;
    text.append(next, member.value.data()).append("null");
    next = member.value.data() + member.value.size();
  }
  return text.append(next, extent.object.data() + extent.object.size());
}

JsonExtent extent_of(std::string_view text) {
  auto extent = first_json_object(text);
  if (!extent || !trim(extent->rest).empty()) fail("config.json is not one whole JSON object");
  if (extent->depth > kMaxJsonDepth) fail("config.json is nested too deeply");
  return *std::move(extent);
}

Json parse_object(const JsonExtent& extent, Leaves leaves_out) {
  const std::string text = without(leaves_out, extent);
  if (Json parsed = Json::parse(text, nullptr, false); !parsed.is_discarded()) return parsed;
  try {
    // Runtimes written in Go accept bytes that are not UTF-8, so an environment may have them.
    return Json::parse(well_formed(text));
  } catch (const Json::exception& error) {
    const std::string_view why = error.what();  // [json.exception.parse_error.101] parse error …
    fail(std::string(why.substr(why.find("] ") + 2)));
  }
}

/// Returns the member `name`; null counts as absent, as in Go.
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

/// The words of NVIDIA's toolkit, which people search for.
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
    add_variable(string_in(element, "process.env"), environment);
  }
  return environment;
}

/// 1.0.0-rc1 to rc4 had a plain list. The JSON type decides, whatever the version says.
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
  return text;
}

bool is_read_only(const Json& root) {
  const Json* const field = find(root, "readonly", Json::value_t::boolean, "root.readonly");
  return field != nullptr && field->get<bool>();
}

bool is_bind(const Json& mount) {
  const Json* const options = find(mount, "options", Json::value_t::array, "mounts[].options");
  return options != nullptr && std::any_of(options->begin(), options->end(), [](const Json& one) {
           return one == "bind" || one == "rbind";
         });
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
                      .destination = text(mount, "destination", "mounts[].destination"),
                      .kind = kind_of_mount(text(mount, "type", "mounts[].type"), is_bind(mount))});
  }
  return mounts;
}

std::optional<unsigned> number_in(const Json& device, const char* name) {
  const Json* const field = find(device, name);
  if (field == nullptr || !field->is_number_unsigned() ||
      field->get<std::uint64_t>() > std::numeric_limits<unsigned>::max()) {
    return std::nullopt;
  }
  return field->get<unsigned>();
}

SpecNode node_of(const Json& device) {
  SpecNode node;
  const auto text = [&](const char* name, const char* where) {
    const Json* const field = find(device, name, Json::value_t::string, where);
    return field == nullptr ? std::string() : field->get<std::string>();
  };
  node.path = text("path", "linux.devices[].path");
  const std::string type = text("type", "linux.devices[].type");
  const auto major = number_in(device, "major");
  const auto minor = number_in(device, "minor");
  if ((type == "c" || type == "u") && major && minor) {
    node.number = DeviceNumber{.major = *major, .minor = *minor};
  }
  return node;
}

LinuxSpec linux_of(const Json& object) {
  LinuxSpec result;
  const Json* const label = find(object, "mountLabel", Json::value_t::string, "linux.mountLabel");
  if (label != nullptr) result.mount_label = label->get<std::string>();
  const Json* const devices = find(object, "devices", Json::value_t::array, "linux.devices");
  if (devices == nullptr) return result;
  for (const Json& device : *devices) {
    if (!device.is_object()) {
      fail("`linux.devices` holds a value of type " + std::string(device.type_name()));
    }
    result.nodes.push_back(node_of(device));
  }
  return result;
}

}  // namespace

ContainerSpec parse_spec(std::string_view json) {
  if (auto plain = read_plain_spec(json)) return *std::move(plain);
  const Json spec = parse_object(extent_of(json), is_bulk);
  require(find(spec, "ociVersion", Json::value_t::string, "ociVersion"), "Version");
  const Json& process = require(find(spec, "process", Json::value_t::object, "process"), "Process");
  const Json& root = require(find(spec, "root", Json::value_t::object, "root"), "Root");
  return {.root = root_of(root),
          .environment = environment_of(process),
          .root_read_only = is_read_only(root),
          .mounts = mounts_of(spec),
          .privileged = is_privileged(process)};
}

LinuxSpec parse_linux_spec(std::string_view json) {
  LinuxSpec result;
  const JsonExtent whole = extent_of(json);
  for (const JsonMember& member : whole.members) {
    if (member.name != "linux") continue;
    if (!member.value.starts_with('{')) fail("`linux` is no object");
    // The last of duplicates counts, as in every parser.
    result = linux_of(parse_object(extent_of(member.value), is_bulk_of_linux));
  }
  return result;
}

Annotations parse_annotations(std::string_view json) {
  Annotations annotations;
  const std::string_view object = json_member(extent_of(json).object, "annotations", "config.json");
  if (object.empty()) return annotations;
  for (const JsonPart& part : json_members(object, "annotations")) {
    annotations.insert_or_assign(part.name, json_string(part.value(), "annotations"));
  }
  return annotations;
}

std::string rootfs_path(const ContainerSpec& spec, const std::string& bundle) {
  const auto refuse = [&](const std::string& why) {
    throw Error(Code::rootfs_invalid, "`root.path` is `" + spec.root + "`, " + why,
                "give the container a directory of its own as root.path in config.json");
  };
  const auto parts = split(spec.root, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end()) {
    refuse("which goes up by `..`");
  }
  if (clean_path(spec.root) == "/") refuse("which is the host's own root");
  return spec.root.front() == '/' ? spec.root : bundle + "/" + spec.root;
}

bool has_control_node(const ContainerSpec& spec, const LinuxSpec& linux_spec) {
  const auto is_control = [](const std::string& path) {
    return path == "/dev/nvidiactl" || path == "/dev/dxg";
  };
  return std::any_of(linux_spec.nodes.begin(), linux_spec.nodes.end(),
                     [&](const SpecNode& node) { return is_control(node.path); }) ||
         std::any_of(spec.mounts.begin(), spec.mounts.end(),
                     [&](const SpecMount& mount) { return is_control(mount.destination); });
}

bool has_driver_by_engine(const ContainerSpec& spec, const LinuxSpec& linux_spec) {
  const auto is_library = [](const SpecMount& mount) {
    const std::string_view path = mount.destination;
    const std::string_view name = path.substr(path.rfind('/') + 1);
    return name.starts_with("libcuda.so.") || name.starts_with("libnvidia-ml.so.");
  };
  return std::any_of(spec.mounts.begin(), spec.mounts.end(), is_library) &&
         has_control_node(spec, linux_spec);
}

}  // namespace nvhook
