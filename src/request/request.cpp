// SPDX-License-Identifier: Apache-2.0
// Derives each part of a request from the device list, the environment and the configuration.
#include "request/request.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "request/device_name.hpp"
#include "request/device_words.hpp"
#include "request/named_devices.hpp"
#include "request/spelling.hpp"
#include "request/variables.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kDriverCapabilities = "NVIDIA_DRIVER_CAPABILITIES";
constexpr std::string_view kCudaVersion = "CUDA_VERSION";
constexpr CapabilitySet kDefaultCapabilities{Capability::compute, Capability::utility};

/// The word as a message shows it: those of an image can be long.
std::string cut_word(std::string_view word) {
  constexpr std::size_t kShown = 60;
  return std::string(word.substr(0, kShown)) + (word.size() > kShown ? "…" : "");
}

/// Where the capabilities come from of a container that names none, and which they are.
struct DefaultCapabilities {
  CapabilitySet set = kDefaultCapabilities;
  std::string_view source = "default";
};

/// In its modes by CDI, NVIDIA's runtime gives everything, whatever a container says. Here, what it
/// says counts: only of one that says nothing is that the meaning.
DefaultCapabilities default_capabilities(const Config& config, bool is_management) {
  if (config.mode == RuntimeMode::cdi) return {CapabilitySet::all(), "mode = cdi"};
  if (config.mode == RuntimeMode::jit_cdi) return {CapabilitySet::all(), "mode = jit-cdi"};
  if (is_management) return {CapabilitySet::all(), "management.nvidia.com/gpu=all"};
  return {};
}

std::string_view capabilities_source(const Environment& environment, std::string_view otherwise) {
  const auto value = find_variable(environment, kDriverCapabilities);
  if (value && !value->empty()) return kDriverCapabilities;
  if (!value && is_legacy_image(environment)) return "CUDA_VERSION (legacy image)";
  return otherwise;
}

/// Names each word that is no capability here, with what to write instead.
Error unsupported_capabilities(const std::vector<std::string_view>& words,
                               CapabilitySet supported) {
  constexpr std::size_t kExplained = 8;
  const std::set<std::string_view> sorted(words.begin(), words.end());
  std::vector<std::string> faults;
  std::vector<std::string> remedies;
  const auto add_once = [](std::vector<std::string>& texts, std::string text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) {
      texts.push_back(std::move(text));
    }
  };
  for (const std::string_view word : words) {
    const auto capability = parse_capability(word);
    if (faults.size() == kExplained || (capability && supported.contains(*capability))) continue;
    const std::string shown = "`" + cut_word(word) + "`";
    add_once(faults, shown + (capability ? " is not allowed" : " is no capability"));
    std::string remedy = capability
                             ? "allow " + shown + " by supported-driver-capabilities in config.toml"
                             : capability_remedy(word);
    if (remedy.empty()) remedy = "leave out " + shown + " or use one of the allowed words";
    add_once(remedies, std::move(remedy));
  }
  return Error(Code::unknown_capability,
               "unsupported capabilities found in '" + join({sorted.begin(), sorted.end()}, ",") +
                   "' (allowed '" + to_string(supported) + "'): " + join(faults, ", "),
               "in " + std::string(kDriverCapabilities) + ", " + join(remedies, "; "));
}

CapabilitySet capabilities_of(const Environment& environment, CapabilitySet supported,
                              CapabilitySet otherwise) {
  const auto value = find_variable(environment, kDriverCapabilities);
  if (!value && is_legacy_image(environment)) return supported;
  if (!value || value->empty()) return otherwise & supported;
  CapabilitySet set;
  bool all_supported = true;
  const auto words = split_list(*value, ',');
  for (const std::string_view word : words) {
    if (word == "all") return supported;
    const auto capability = parse_capability(word);
    all_supported = all_supported && capability && supported.contains(*capability);
    if (capability) set.insert(*capability);
  }
  if (all_supported) return set;
  throw unsupported_capabilities(words, supported);
}

/// Returns `cuda>=8.0` for 8, 8.0, v8.0.61 and 8.0.61-rc1 (golang.org/x/mod/semver); nullopt if
/// `version` is not a version.
std::optional<std::string> cuda_expression(std::string_view version) {
  if (version.starts_with('v')) version.remove_prefix(1);
  const auto suffix = version.find_first_of("-+");
  const auto parts = split(version.substr(0, suffix), '.');
  const bool suffix_is_misplaced = suffix != std::string_view::npos && parts.size() != 3;
  if (parts.size() > 3 || suffix_is_misplaced) return std::nullopt;
  std::array<std::uint64_t, 3> values{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto value = parse_unsigned(parts[i]);
    if (!value) return std::nullopt;
    values.at(i) = *value;
  }
  return "cuda>=" + std::to_string(values[0]) + "." + std::to_string(values[1]);
}

Requirement legacy_requirement(const Environment& environment) {
  const std::string_view version = value_or_empty(environment, kCudaVersion);
  auto expression = cuda_expression(version);
  if (!expression) {
    throw Error(
        Code::invalid_request,
        "failed to get version: invalid CUDA version `" + std::string(version) +
            "` in CUDA_VERSION",
        with_quotes_remedy(version, "correct the variable, or set NVIDIA_DISABLE_REQUIRE=1"));
  }
  return {.variable = std::string(kCudaVersion), .expression = *std::move(expression)};
}

/// Whether the value says that it is not wanted, in whatever spelling.
bool is_refusal(std::string_view value) {
  constexpr std::array kWords{"disabled", "disable", "false", "f",    "no",
                              "n",        "none",    "off",   "void", "0"};
  return value.empty() || std::any_of(kWords.begin(), kWords.end(), [&](std::string_view word) {
           return equals_ignoring_case(value, word);
         });
}

std::vector<Requirement> requirements_of(const Environment& environment, const Config& config,
                                         Notes& notes) {
  constexpr std::string_view kPrefix = "NVIDIA_REQUIRE_";
  const std::string_view disabled = value_or_empty(environment, "NVIDIA_DISABLE_REQUIRE");
  if (config.disable_require || parse_bool(disabled).value_or(false)) return {};
  if (!parse_bool(disabled) && !is_refusal(trim(disabled))) {
    notes.push_back(warning("NVIDIA_DISABLE_REQUIRE=`" + cut_word(disabled) +
                            "` has no effect: write NVIDIA_DISABLE_REQUIRE=1"));
  }
  std::vector<Requirement> requirements;
  if (is_legacy_image(environment)) requirements.push_back(legacy_requirement(environment));
  for (auto next = environment.lower_bound(kPrefix);
       next != environment.end() && next->first.starts_with(kPrefix); ++next) {
    const bool for_jetson = next->first.starts_with("NVIDIA_REQUIRE_JETPACK");
    if (for_jetson || next->second.empty()) continue;
    requirements.push_back({.variable = next->first, .expression = next->second});
  }
  return requirements;
}

bool is_mig_device(const std::string& name) { return is_mig(parse_device_name(name).kind); }

/// Checks NVIDIA_MIG_CONFIG_DEVICES or NVIDIA_MIG_MONITOR_DEVICES (docs/behaviour.md §2.7).
bool wants_mig_access(const ContainerSpec& spec, const DeviceSelection& devices,
                      const std::string& variable, const std::string& option) {
  const std::string_view value = value_or_empty(spec.environment, variable);
  if (value.empty()) return false;
  if (!spec.privileged) {
    throw Error(Code::privilege_required,
                "cannot set " + variable.substr(std::string_view("NVIDIA_").size()) +
                    " in non privileged container",
                "give the container CAP_SYS_ADMIN, or leave out " + variable);
  }
  if (!equals_ignoring_case(value, "all")) {
    throw Error(
        Code::invalid_request,
        option + " error: `" + std::string(value) + "`: only 'all' devices are currently supported",
        with_quotes_remedy(value, "set " + variable + "=all"));
  }
  const auto* const names = std::get_if<DeviceNames>(&devices);
  if (names != nullptr && std::any_of(names->begin(), names->end(), is_mig_device)) {
    throw Error(Code::invalid_request,
                "cannot enable " + option + " with specific MIG devices selected",
                "select whole GPUs, or leave out " + variable);
  }
  return true;
}

/// Volume mounts count before the variable, as for devices; `all` and `none` give no channels
/// (docs/behaviour.md §2.8). Channels by CDI come on top.
std::set<unsigned> imex_channels_of(const ContainerSpec& spec, const Config& config,
                                    const DeviceWords& list, Notes& notes) {
  constexpr std::string_view kVariable = "NVIDIA_IMEX_CHANNELS";
  std::string source = "volume mounts";
  std::vector<std::string_view> words;
  for (const std::string& name : list.mounted_channels) {
    for (const std::string_view word : split_list(name, ',')) words.push_back(word);
  }
  if (words.empty()) {
    source = kVariable;
    words = split_list(value_or_empty(spec.environment, kVariable), ',');
    if (words.empty()) return {};
    if (!spec.privileged && !config.accept_envvar_when_unprivileged) {
      notes.push_back(
          warning("Ignoring request by environment variable(s) in unprivileged "
                  "container: [" +
                  source + "]"));
      return {};
    }
  }
  std::set<unsigned> channels;
  for (const std::string_view word : words) {
    if (word == "void" || word == "none" || equals_ignoring_case(word, "all")) return {};
    channels.insert(parse_imex_channel(word, source));
  }
  return channels;
}

Features features_of(const Environment& environment, Notes& notes) {
  const auto enabled = [&](const std::string& name) {
    const std::string_view value = value_or_empty(environment, name);
    if (value == "enabled") return true;
    if (!is_refusal(trim(value))) {
      notes.push_back(
          warning(name + "=`" + cut_word(value) + "` has no effect: write " + name + "=enabled"));
    }
    return false;
  };
  return {.gds = enabled("NVIDIA_GDS"),
          .mofed = enabled("NVIDIA_MOFED"),
          .gdrcopy = enabled("NVIDIA_GDRCOPY"),
          .nvswitch = enabled("NVIDIA_NVSWITCH")};
}

void refuse_mode_of_tegra(const Config& config) {
  if (config.mode != RuntimeMode::csv) return;
  throw Error(
      Code::config_invalid,
      "`nvidia-container-runtime.mode` is `csv`, the mode for the integrated GPU of a Tegra, "
      "which this program does not serve",
      "set `mode = \"auto\"` in config.toml for any other GPU, or keep NVIDIA's toolkit on a "
      "Tegra");
}

/// Fills in what of `result` tells about the request, too.
Request request_for(const ContainerSpec& spec, const Config& config, const DeviceWords& list,
                    RequestResult& result) {
  refuse_mode_of_tegra(config);
  const NamedDevices named = read_names(list);
  Request request{.devices = named.gpus.devices,
                  .devices_source = list.source,
                  .free_gpus = named.gpus.free_gpus,
                  .is_exclusive = named.gpus.is_exclusive};
  require_leases(request, config);
  const auto wants_mig = [&](const std::string& variable, const std::string& option) {
    return wants_mig_access(spec, named.gpus.devices, variable, option) ||
           (named.is_management && spec.privileged);
  };
  request.mig_config = wants_mig("NVIDIA_MIG_CONFIG_DEVICES", "mig-config");
  request.mig_monitor = wants_mig("NVIDIA_MIG_MONITOR_DEVICES", "mig-monitor");
  if (named.is_management && !spec.privileged) {
    result.notes.push_back(
        info("management.nvidia.com/gpu=all without CAP_SYS_ADMIN: all GPUs, "
             "without the administration of MIG"));
  }
  if (!config.ignore_imex_channel_requests) {
    std::set<unsigned> channels = imex_channels_of(spec, config, list, result.notes);
    channels.insert(named.imex_channels.begin(), named.imex_channels.end());
    request.imex_channels = {channels.begin(), channels.end()};
    request.all_imex_channels = named.all_imex_channels;
  }
  request.features = features_of(spec.environment, result.notes) | named.features;
  const DefaultCapabilities otherwise = default_capabilities(config, named.is_management);
  result.capabilities_source = capabilities_source(spec.environment, otherwise.source);
  request.capabilities =
      capabilities_of(spec.environment, config.supported_capabilities, otherwise.set);
  request.requirements = requirements_of(spec.environment, config, result.notes);
  return request;
}

}  // namespace

void require_leases(const Request& request, const Config& config) {
  if (config.leases || !request.is_exclusive) return;
  throw Error(Code::leases_off,
              std::string(request.free_gpus == 0 ? "`exclusive:`" : "`any`") + " in " +
                  request.devices_source + ": leases are off on this host",
              "set `leases = true` in config.toml, or name GPUs by index, UUID or PCI address");
}

RequestResult derive_request(const ContainerSpec& spec, const Config& config) {
  RequestResult result;
  const DeviceWords list = list_devices(spec, config, result.notes);
  result.devices_source = list.source;
  if (is_void(list)) {
    result.why_not = !list.is_set         ? NoRequest::unset
                     : list.words.empty() ? NoRequest::empty
                                          : NoRequest::is_void;
    return result;
  }
  if (!list.variables.empty() && !spec.privileged && !config.accept_envvar_when_unprivileged) {
    result.notes.push_back(warning(
        "Ignoring devices requested by environment variable(s) in unprivileged container: [" +
        join(list.variables, " ") + "]"));
    result.why_not = NoRequest::unprivileged;
    return result;
  }
  result.request = request_for(spec, config, list, result);
  return result;
}

RequestResult derive_cdi_request(const ContainerSpec& spec, const LinuxSpec& linux_spec,
                                 CapabilitySet capabilities, const Config& config) {
  RequestResult result;
  const auto is_control = [](const SpecNode& node) {
    return node.path == "/dev/nvidiactl" || node.path == "/dev/dxg";
  };
  if (std::none_of(linux_spec.nodes.begin(), linux_spec.nodes.end(), is_control)) {
    result.notes.push_back(
        warning("the engine gave this container no control device of the driver"));
    return result;
  }
  result.request = Request{.devices = GrantedNodes{linux_spec.nodes},
                           .devices_source = "CDI",
                           .capabilities = capabilities & config.supported_capabilities,
                           .requirements = requirements_of(spec.environment, config, result.notes)};
  return result;
}

}  // namespace nvhook
