// SPDX-License-Identifier: Apache-2.0
// Derives each part of a request from the environment, the mounts and the configuration.
#include "request/request.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <unordered_set>

#include "request/device_name.hpp"
#include "request/spelling.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kVisibleDevices = "NVIDIA_VISIBLE_DEVICES";
constexpr std::string_view kDriverCapabilities = "NVIDIA_DRIVER_CAPABILITIES";
constexpr std::string_view kCudaVersion = "CUDA_VERSION";
constexpr CapabilitySet kDefaultCapabilities{Capability::compute, Capability::utility};

/// Returns the value of the variable; nullopt if it is not set.
std::optional<std::string_view> find(const Environment& environment, std::string_view name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return std::nullopt;
  return found->second;
}

std::string_view value_or_empty(const Environment& environment, std::string_view name) {
  return find(environment, name).value_or("");
}

/// The word as a message shows it: those of an image can be long.
std::string cut_word(std::string_view word) {
  constexpr std::size_t kShown = 60;
  return std::string(word.substr(0, kShown)) + (word.size() > kShown ? "…" : "");
}

/// An image from before NVIDIA_REQUIRE_CUDA (docs/behaviour.md §2.2).
bool is_legacy_image(const Environment& environment) {
  return !value_or_empty(environment, kCudaVersion).empty() &&
         value_or_empty(environment, "NVIDIA_REQUIRE_CUDA").empty();
}

/// A list of devices as the container has it.
struct DeviceList {
  std::vector<std::string_view> words = {};
  std::string source = {};
  bool is_set = true;  ///< a variable is set, even if it is empty
  /// The variables from which the list comes.
  std::vector<std::string> variables = {};
};

void append(std::vector<std::string_view>& words, const std::vector<std::string_view>& more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// Returns the part of a mount's destination that names a device (docs/behaviour.md §2.4); empty
/// for any other mount.
std::string device_name(const SpecMount& mount) {
  constexpr std::string_view kDirectory = "/var/run/nvidia-container-devices/";
  if (clean_path(mount.source) != "/dev/null") return {};
  const std::string destination = clean_path(mount.destination);
  return destination.starts_with(kDirectory) ? destination.substr(kDirectory.size()) : "";
}

/// The names that volume mounts ask for.
struct MountedNames {
  std::vector<std::string> devices = {};
  std::vector<std::string> imex_channels = {};
};

MountedNames mounted_names(const std::vector<SpecMount>& mounts, Notes& notes) {
  constexpr std::string_view kImex = "imex/";
  MountedNames names;
  for (const SpecMount& mount : mounts) {
    std::string name = device_name(mount);
    if (name.empty()) continue;
    if (name.starts_with(kImex)) {
      names.imex_channels.push_back(name.substr(kImex.size()));
    } else if (name.starts_with("cdi/")) {
      notes.push_back(info("volume mount on `" + mount.destination +
                           "` names a CDI device, which "
                           "the container's engine injects: not used"));
    } else {
      names.devices.push_back(std::move(name));
    }
  }
  return names;
}

DeviceList listed_in_environment(const Environment& environment, const Config& config) {
  DeviceList list;
  for (const std::string& name : config.swarm_resources) {
    if (find(environment, name)) list.variables.push_back(name);
  }
  if (list.variables.empty()) list.variables.emplace_back(kVisibleDevices);
  list.source = join(list.variables, ", ");
  list.is_set = false;
  for (const std::string& name : list.variables) {
    const auto value = find(environment, name);
    list.is_set = list.is_set || value;
    append(list.words, split_list(value.value_or(""), ','));
  }
  if (!list.is_set && is_legacy_image(environment)) {
    list.words = {"all"};
    list.source = "CUDA_VERSION (legacy image)";
  }
  return list;
}

/// Returns the devices that the words select; nullopt if this is not a GPU container
/// (docs/behaviour.md §2.3). `all` counts in upper case too, because NVIDIA's CLI takes it so.
std::optional<DeviceSelection> select(std::vector<std::string_view> words) {
  std::transform(words.begin(), words.end(), words.begin(), without_cdi_kind);
  if (words.empty() || std::find(words.begin(), words.end(), "void") != words.end()) {
    return std::nullopt;
  }
  DeviceNames names;
  std::unordered_set<std::string_view> seen;
  for (const std::string_view word : words) {
    if (equals_ignoring_case(word, "all")) return AllDevices{};
    if (word == "none") return NoDevices{};
    if (seen.insert(word).second) names.emplace_back(word);
  }
  return names;
}

std::string_view capabilities_source(const Environment& environment) {
  const auto value = find(environment, kDriverCapabilities);
  if (value && !value->empty()) return kDriverCapabilities;
  if (!value && is_legacy_image(environment)) return "CUDA_VERSION (legacy image)";
  return "default";
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

CapabilitySet capabilities_of(const Environment& environment, CapabilitySet supported) {
  const auto value = find(environment, kDriverCapabilities);
  if (!value && is_legacy_image(environment)) return supported;
  if (!value || value->empty()) return kDefaultCapabilities & supported;
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
/// (docs/behaviour.md §2.8).
std::vector<unsigned> imex_channels_of(const ContainerSpec& spec, const Config& config,
                                       const MountedNames& mounted, Notes& notes) {
  constexpr std::string_view kVariable = "NVIDIA_IMEX_CHANNELS";
  if (config.ignore_imex_channel_requests) return {};
  std::string source = "volume mounts";
  std::vector<std::string_view> words;
  for (const std::string& name : mounted.imex_channels) append(words, split_list(name, ','));
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
  return {channels.begin(), channels.end()};
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

}  // namespace

unsigned parse_imex_channel(std::string_view text, const std::string& source) {
  constexpr std::uint64_t kMaxChannels = 1U << 20U;
  const auto channel = parse_unsigned(text);
  if (channel && *channel < kMaxChannels) return static_cast<unsigned>(*channel);
  throw Error(
      Code::invalid_request,
      "error parsing IMEX info: `" + std::string(text) + "` in " + source + " is no channel",
      with_quotes_remedy(
          text, "name channels by their numbers, 0 to " + std::to_string(kMaxChannels - 1)));
}

RequestResult derive_request(const ContainerSpec& spec, const Config& config) {
  RequestResult result;
  const MountedNames mounted =
      config.accept_volume_mounts ? mounted_names(spec.mounts, result.notes) : MountedNames();
  const bool by_variable = mounted.devices.empty();
  DeviceList list;
  if (by_variable) {
    list = listed_in_environment(spec.environment, config);
  } else {
    list.source = "volume mounts";
    for (const std::string& name : mounted.devices) append(list.words, split_list(name, ','));
  }
  result.devices_source = list.source;
  const auto devices = select(list.words);
  if (!devices) {
    result.why_not = !list.is_set         ? NoRequest::unset
                     : list.words.empty() ? NoRequest::empty
                                          : NoRequest::is_void;
    return result;
  }
  if (by_variable && !spec.privileged && !config.accept_envvar_when_unprivileged) {
    result.notes.push_back(warning(
        "Ignoring devices requested by environment variable(s) in unprivileged container: [" +
        join(list.variables, " ") + "]"));
    result.why_not = NoRequest::unprivileged;
    return result;
  }
  Request request{.devices = *devices, .devices_source = list.source};
  request.mig_config = wants_mig_access(spec, *devices, "NVIDIA_MIG_CONFIG_DEVICES", "mig-config");
  request.mig_monitor =
      wants_mig_access(spec, *devices, "NVIDIA_MIG_MONITOR_DEVICES", "mig-monitor");
  request.imex_channels = imex_channels_of(spec, config, mounted, result.notes);
  request.features = features_of(spec.environment, result.notes);
  result.capabilities_source = capabilities_source(spec.environment);
  request.capabilities = capabilities_of(spec.environment, config.supported_capabilities);
  request.requirements = requirements_of(spec.environment, config, result.notes);
  result.request = std::move(request);
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
