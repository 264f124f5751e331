// SPDX-License-Identifier: Apache-2.0
// Each option has a function that checks its value; check_together() has the rules for more than
// one.
#include "command/cdi/generate_options.hpp"

#include <algorithm>
#include <set>

#include "command/cdi/cdi_files.hpp"
#include "request/named_devices.hpp"
#include "request/request.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

std::string text_of(const OptionValues& values, const char* name) {
  return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
}

std::vector<std::string> texts_of(const OptionValues& values, const char* name) {
  return values.count(name) == 0 ? std::vector<std::string>()
                                 : values[name].as<std::vector<std::string>>();
}

CdiMode mode_of(const std::string& word) {
  if (word == "full") return CdiMode::full;
  if (word == "thin") return CdiMode::thin;
  throw UsageFault("--mode is full or thin, not `" + word + "`");
}

CdiDiscovery discovery_of(const std::string& word) {
  if (word == "csv") {
    throw UsageFault("--discovery-mode csv is for Tegra, which is not supported");
  }
  if (const auto discovery = parse_cdi_discovery(word)) return *discovery;
  throw UsageFault("--discovery-mode is one of " + std::string(kCdiDiscoveries) + ", not `" + word +
                   "`");
}

CdiNaming naming_of(const std::string& list) {
  CdiNaming naming{.by_index = false, .by_uuid = false};
  for (const std::string_view word : split_list(list, ',')) {
    bool* const sort = word == "index"        ? &naming.by_index
                       : word == "uuid"       ? &naming.by_uuid
                       : word == "type-index" ? &naming.by_type_index
                                              : nullptr;
    if (sort == nullptr) {
      throw UsageFault("--device-names lists index, uuid and type-index, not `" +
                       std::string(word) + "`");
    }
    if (*sort) throw UsageFault("--device-names has `" + std::string(word) + "` twice");
    *sort = true;
  }
  return naming;
}

std::vector<std::string> devices_of(const OptionValues& values) {
  std::vector<std::string> devices = texts_of(values, "device");
  std::set<std::string_view> known;
  for (const std::string& device : devices) {
    if (!known.insert(device).second) throw UsageFault("--device names `" + device + "` twice");
  }
  if (known.contains("none") && known.size() > 1) {
    throw UsageFault("--device none is for a specification without any other device");
  }
  return devices;
}

/// `3`, `channel3` or `all`.
std::vector<unsigned> channels_of(const std::vector<std::string>& devices) {
  std::set<unsigned> channels;
  for (const std::string& device : devices) {
    if (device == "all") return {};
    const std::string_view word = device;
    constexpr std::string_view kPrefix = "channel";
    channels.insert(parse_imex_channel(
        word.starts_with(kPrefix) ? word.substr(kPrefix.size()) : word, "--device"));
  }
  return {channels.begin(), channels.end()};
}

std::set<std::string> hooks_of(const OptionValues& values, const char* option) {
  std::set<std::string> hooks;
  for (const std::string& name : texts_of(values, option)) {
    if (std::find(kCdiHookNames.begin(), kCdiHookNames.end(), name) == kCdiHookNames.end()) {
      throw UsageFault("--" + std::string(option) + " is one of " +
                       join({kCdiHookNames.begin(), kCdiHookNames.end()}, ", ") + ", not `" + name +
                       "`");
    }
    hooks.insert(name);
  }
  return hooks;
}

CapabilitySet capabilities_of(const std::string& list) {
  if (const auto capabilities = parse_capabilities(list)) return *capabilities;
  throw UsageFault("--capabilities is all or some of " + to_string(CapabilitySet::all()) +
                   ", not `" + list + "`");
}

std::string kind_of(const std::string& kind, CdiDiscovery discovery) {
  if (kind.empty()) return default_kind(discovery);
  if (!is_cdi_kind(kind)) throw UsageFault("--kind is <vendor>/<class>, not `" + kind + "`");
  return kind;
}

std::string absolute(const OptionValues& values, const char* option) {
  std::string path = text_of(values, option);
  if (!path.empty() && path[0] != '/') {
    throw UsageFault("--" + std::string(option) + " is an absolute path");
  }
  return path;
}

void check_together(const CdiOptions& options) {
  if (options.mode == CdiMode::thin && is_nvidia_hook(options.hook)) {
    throw UsageFault(
        "--mode thin needs oci-nvidia-hook as its --hook, which mounts the driver's files; the "
        "calls of NVIDIA's hooks mount none");
  }
  const bool has_names = is_of_gpus(options.discovery) || options.discovery == CdiDiscovery::imex;
  const std::vector<std::string>& devices = options.wanted.devices;
  const bool is_none = !devices.empty() && devices[0] == "none";
  const bool is_all = std::all_of(devices.begin(), devices.end(),
                                  [](const std::string& device) { return device == "all"; });
  if ((!has_names && !is_all) || (is_none && !is_of_gpus(options.discovery))) {
    throw UsageFault("--discovery-mode " + std::string(to_string(options.discovery)) +
                     " has no --device `" + devices[0] + "`");
  }
}

}  // namespace

void add_cdi_generate_options(po::options_description& options) {
  const auto text = [](const char* name, const char* fallback) {
    return po::value<std::string>()->value_name(name)->default_value(fallback);
  };
  const auto own = [](const char* name) { return po::value<std::string>()->value_name(name); };
  const auto list = [](const char* name) {
    return po::value<std::vector<std::string>>()->value_name(name);
  };
  options.add_options()("mode", text("full|thin", "full"), "what the engine provides")(
      "discovery-mode", text(kCdiDiscoveries, "auto"), "what the devices are; auto: GPUs")(
      "output,o", text("FILE", "-"), "write to this file, at once and with mode 0644; - prints")(
      "format", own("json|yaml"), "default: what the file ends in; json, if it is printed")(
      "device-names", text("LIST", "index,uuid"),
      "index (0, MIG 0:1), uuid (GPU-…, MIG-…), type-index (gpu0, mig0:1)")(
      "device", list("ID"),
      "only this GPU, MIG device or IMEX channel, or all, or none; may be repeated")(
      "no-all-device", po::bool_switch(), "leave out the device all")(
      "no-groups", po::bool_switch(), "name no groups, which need CDI 0.7")(
      "capabilities", text("LIST", "all"), "parts of the driver, as NVIDIA_DRIVER_CAPABILITIES")(
      "kind", own("VENDOR/CLASS"),
      "what stands before the = of the names; default for GPUs: nvidia.com/gpu")(
      "hook", text("PATH", OCI_NVIDIA_HOOK_PATH),
      "where engines find the hook; nvidia-cdi-hook and nvidia-ctk are called as NVIDIA's")(
      "disable-hook", list("NAME"),
      "leave out this hook (NVIDIA's names), or all; may be repeated")(
      "enable-hook", list("NAME"), "but not this one; may be repeated")(
      "driver-root", own("DIR"),
      "where the driver's files are; default: root of the configuration")(
      "dev-root", own("DIR"), "where dev with the driver's nodes is, for the engine")(
      "library-search-path", list("DIR"),
      "look there for libraries first, below the driver root; may be repeated")(
      "allow-in-builds", po::bool_switch(),
      "let every `docker build` use the devices by RUN --device");
}

GenerateOptions generate_options(const OptionValues& values, const CommandContext& context) {
  const CdiDiscovery discovery = discovery_of(text_of(values, "discovery-mode"));
  GenerateOptions options{
      .cdi = {.mode = mode_of(text_of(values, "mode")),
              .discovery = discovery,
              .naming = naming_of(text_of(values, "device-names")),
              .wanted = {.devices = devices_of(values),
                         .all_device = !values["no-all-device"].as<bool>()},
              .kind = kind_of(text_of(values, "kind"), discovery),
              .capabilities = capabilities_of(text_of(values, "capabilities")),
              .hook = absolute(values, "hook"),
              .switches = {.disabled = hooks_of(values, "disable-hook"),
                           .enabled = hooks_of(values, "enable-hook")},
              .config_file = path_from_caller(context.config_file, context),
              .allow_in_builds = values["allow-in-builds"].as<bool>(),
              .groups = !values["no-groups"].as<bool>(),
              .dev_root = absolute(values, "dev-root")},
      .output = cdi_output(text_of(values, "output"), text_of(values, "format")),
      .driver_root = absolute(values, "driver-root"),
      .library_search_path = texts_of(values, "library-search-path")};
  check_together(options.cdi);
  if (discovery == CdiDiscovery::imex) {
    options.cdi.imex_channels = channels_of(options.cdi.wanted.devices);
  }
  return options;
}

}  // namespace nvhook
