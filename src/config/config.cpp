// SPDX-License-Identifier: Apache-2.0
// A table of all keys and of what each one sets, and the code that walks a document by it.
#include "config/config.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "config/cdi_kind.hpp"
#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/overloaded.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

struct Reading {
  std::string_view filename;
  ConfigResult result;
};

/// One key of the file with its value.
struct Entry {
  std::string path = {};   ///< nvidia-container-cli.root
  std::string where = {};  ///< config.toml:12:5
};

[[noreturn]] void fail(const Entry& entry, const std::string& why, const std::string& remedy) {
  throw Error(Code::config_invalid, entry.where + ": `" + entry.path + "` " + why, remedy);
}

void warn(Reading& reading, const Entry& entry, const std::string& text) {
  reading.result.notes.push_back(warning(entry.where + ": `" + entry.path + "` " + text));
}

std::string in_quotes(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string absolute_path(const Entry& entry, const std::string& value) {
  if (!value.starts_with('/')) {
    fail(entry, "is `" + value + "`, which is not an absolute path", "let it start with a slash");
  }
  return clean_path(value);
}

void set_swarm_resources(Reading& reading, const Entry& /*entry*/, const std::string& value) {
  const auto names = split_list(value, ',');
  reading.result.config.swarm_resources = {names.begin(), names.end()};
}

void set_supported_capabilities(Reading& reading, const Entry& entry, const std::string& value) {
  CapabilitySet set;
  for (const std::string_view word : split_list(value, ',')) {
    const auto capability = parse_capability(word);
    if (capability) {
      set.insert(*capability);
    } else if (word == "all") {
      set = CapabilitySet::all();
    } else {
      fail(entry, "names the unknown capability " + in_quotes(word),
           "use `all` or some of " + to_string(CapabilitySet::all()));
    }
  }
  reading.result.config.supported_capabilities = set;
}

void set_placement(Reading& reading, const Entry& entry, const std::string& value) {
  if (value != "default" && value != "private") {
    fail(entry, "is " + in_quotes(value), "use `default` or `private`");
  }
  reading.result.config.placement =
      value == "private" ? Placement::private_directory : Placement::standard;
}

void set_audit(Reading& reading, const Entry& entry, const std::string& value) {
  const bool is_word = value.empty() || value == "journal";
  reading.result.config.audit = is_word ? value : absolute_path(entry, value);
}

void set_driver_root(Reading& reading, const Entry& entry, const std::string& value) {
  reading.result.config.driver_root = value.empty() ? "/" : absolute_path(entry, value);
}

void set_loader_cache(Reading& reading, const Entry& entry, const std::string& value) {
  reading.result.config.loader_cache =
      value.empty() ? Config().loader_cache : absolute_path(entry, value);
}

void add_search_path(Reading& reading, const Entry& entry, const std::string& value) {
  reading.result.config.library_search_path.push_back(absolute_path(entry, value));
}

void set_debug_log(Reading& reading, const Entry& /*entry*/, const std::string& value) {
  reading.result.config.debug_log = value;
}

void set_runtime_log(Reading& reading, const Entry& /*entry*/, const std::string& value) {
  reading.result.config.runtime_debug_log = value == "/dev/null" ? "" : value;
}

void check_ldconfig(Reading& /*reading*/, const Entry& entry, const std::string& value) {
  if (value.empty() || value.starts_with('@')) return;
  fail(entry, "value \"" + value + "\" is not host-relative (does not start with a '@')",
       "remove the key: ldconfig is not needed, and none of the image's programs is ever run");
}

void set_environment(Reading& reading, const Entry& entry, const std::string& value) {
  constexpr std::string_view kMps = "CUDA_MPS_PIPE_DIRECTORY=";
  if (value.starts_with(kMps)) {
    reading.result.config.mps_pipe_directory = absolute_path(entry, value.substr(kMps.size()));
    return;
  }
  reading.result.notes.push_back(info(entry.where + ": " + in_quotes(value) + " in `" + entry.path +
                                      "` has no effect here: nothing reads the variable"));
}

void set_cuda_compat(Reading& reading, const Entry& entry, const std::string& value) {
  Config& config = reading.result.config;
  config.cuda_compat = value == "disabled" ? CudaCompat::disabled : CudaCompat::ldconfig;
  if (value == "ldconfig" || value == "disabled") return;
  if (value == "mount") {
    warn(reading, entry, "is `mount`, which is treated as `ldconfig`");
  } else if (value == "hook") {
    reading.result.notes.push_back(
        info(entry.where + ": `" + entry.path +
             "` is `hook`, which is `ldconfig` here: there is one hook"));
  } else {
    // toml++ lists keys in the order of their names, so [features] has been read already.
    const bool allowed = config.allow_cuda_compat;
    if (!allowed) config.cuda_compat = CudaCompat::disabled;
    warn(reading, entry,
         "is `" + value + "`, none of ldconfig, mount, hook and disabled, and treated as `" +
             (allowed ? "ldconfig`" : "disabled`"));
  }
}

void set_mode(Reading& reading, const Entry& entry, const std::string& value) {
  const auto mode = parse_runtime_mode(value);
  if (!mode) {
    warn(reading, entry,
         "is `" + value + "`, none of auto, legacy, cdi, jit-cdi and csv, and treated as `auto`");
  }
  reading.result.config.mode = mode.value_or(RuntimeMode::automatic);
}

void set_default_kind(Reading& reading, const Entry& entry, const std::string& value) {
  if (nvidia_kind(value)) {
    reading.result.config.default_kind = value;
    return;
  }
  reading.result.config.default_kind = Config().default_kind;
  warn(reading, entry,
       "is `" + value + "`, no kind of NVIDIA's, and treated as `" + Config().default_kind +
           "`: devices of others are for the engine");
}

using Switch = bool Config::*;
struct InvertedSwitch {
  bool Config::*field;
};
struct Text {
  void (*apply)(Reading&, const Entry&, const std::string&);
};
struct TextList {
  void (*apply)(Reading&, const Entry&, const std::string&);  ///< called for each string
};
using List = std::vector<std::string> Config::*;  // replaces the list of an earlier file
struct WholeSeconds {
  unsigned Config::*field;
};
struct NoEffect {
  std::string_view reason;
};

struct Key {
  std::string_view path;
  std::variant<Switch, InvertedSwitch, Text, TextList, List, WholeSeconds, NoEffect> meaning;
};

constexpr NoEffect kNoCli{"there is no nvidia-container-cli to start"};
constexpr NoEffect kNoShim{"it configures another mode of NVIDIA's runtime"};
constexpr NoEffect kNoCdi{"it configures how NVIDIA's runtime makes CDI devices"};
constexpr NoEffect kNoGate{"NVIDIA's hook ignores it, too"};

constexpr std::array kKeys{
    Key{"disable-require", &Config::disable_require},
    Key{"swarm-resource", Text{set_swarm_resources}},
    Key{"accept-nvidia-visible-devices-envvar-when-unprivileged",
        &Config::accept_envvar_when_unprivileged},
    Key{"accept-nvidia-visible-devices-as-volume-mounts", &Config::accept_volume_mounts},
    Key{"supported-driver-capabilities", Text{set_supported_capabilities}},
    Key{"placement", Text{set_placement}},
    Key{"audit", Text{set_audit}},
    Key{"leases", &Config::leases},
    Key{"lease-count", &Config::lease_count},
    Key{"lease-wait", WholeSeconds{&Config::lease_wait}},

    Key{"nvidia-container-cli.root", Text{set_driver_root}},
    Key{"nvidia-container-cli.ldcache", Text{set_loader_cache}},
    Key{"nvidia-container-cli.library-search-path", TextList{add_search_path}},
    Key{"nvidia-container-cli.debug", Text{set_debug_log}},
    Key{"nvidia-container-cli.environment", TextList{set_environment}},
    Key{"nvidia-container-cli.load-kmods", &Config::load_kmods},
    Key{"nvidia-container-cli.no-cgroups", &Config::no_cgroups},
    Key{"nvidia-container-cli.ldconfig", Text{check_ldconfig}},
    Key{"nvidia-container-cli.path", kNoCli},
    Key{"nvidia-container-cli.user", NoEffect{"no helper runs as another user"}},
    Key{"nvidia-container-cli.no-pivot", NoEffect{"nothing changes its root directory"}},

    Key{"nvidia-container-runtime.mode", Text{set_mode}},
    Key{"nvidia-container-runtime.debug", Text{set_runtime_log}},
    Key{"nvidia-container-runtime.log-level", NoEffect{"everything is logged, or nothing"}},
    Key{"nvidia-container-runtime.runtimes", &Config::low_level_runtimes},
    Key{"nvidia-container-runtime.modes.legacy.cuda-compat-mode", Text{set_cuda_compat}},
    Key{"nvidia-container-runtime.modes.csv.mount-spec-path", kNoShim},
    Key{"nvidia-container-runtime.modes.csv.compat-container-root", kNoShim},
    Key{"nvidia-container-runtime.modes.cdi.default-kind", Text{set_default_kind}},
    Key{"nvidia-container-runtime.modes.cdi.annotation-prefixes", &Config::annotation_prefixes},
    Key{"nvidia-container-runtime.modes.cdi.spec-dirs",
        NoEffect{"no specification is read: devices are looked up on the host at each start"}},
    Key{"nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags", kNoCdi},
    Key{"nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks", kNoCdi},
    Key{"nvidia-container-runtime.modes.jit-cdi.load-kernel-modules", kNoCdi},

    Key{"nvidia-container-runtime-hook.path", NoEffect{"the runtime and the hook are one program"}},
    Key{"nvidia-container-runtime-hook.skip-mode-detection", NoEffect{"no mode is detected"}},
    Key{"nvidia-ctk.path", NoEffect{"nvidia-ctk is not needed"}},

    Key{"features.ignore-imex-channel-requests", &Config::ignore_imex_channel_requests},
    Key{"features.disable-imex-channel-creation", InvertedSwitch{&Config::create_imex_channels}},
    Key{"features.allow-cuda-compat-libs-from-container", &Config::allow_cuda_compat},
    Key{"features.allow-ldconfig-from-container",
        NoEffect{"none of the image's programs is ever run"}},
    Key{"features.allow-unknown-oci-spec-fields", NoEffect{"unknown fields are always kept"}},
    Key{"features.disable-cuda-compat-lib-hook", kNoShim},
    Key{"features.no-additional-gids-for-device-nodes", kNoCdi},
    Key{"features.gds", kNoGate},
    Key{"features.mofed", kNoGate},
    Key{"features.nvswitch", kNoGate},
    Key{"features.gdrcopy", kNoGate},
};

const Key* find_key(std::string_view path) {
  const auto* const found =
      std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& key) { return key.path == path; });
  return found == kKeys.end() ? nullptr : found;
}

bool is_table_of_known_keys(const std::string& path) {
  return std::any_of(kKeys.begin(), kKeys.end(),
                     [&](const Key& key) { return key.path.starts_with(path + "."); });
}

std::string position(const Reading& reading, const toml::source_region& region) {
  return position_in(reading.filename, region);
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none:
      return "nothing";
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a floating-point number";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
  }
  return "something else";
}

[[noreturn]] void reject_type(const toml::node& node, const Entry& entry,
                              const std::string& expected) {
  fail(entry, "must be " + expected + ", not " + std::string(type_name(node)),
       "correct the value in that line");
}

template <typename Value>
const Value& value_of(const toml::node& node, const Entry& entry, const std::string& expected) {
  const auto* const value = node.as<Value>();
  if (value == nullptr) reject_type(node, entry, expected);
  return value->get();
}

unsigned seconds_of(const toml::node& node, const Entry& entry) {
  constexpr std::int64_t kDay = 86400;
  const auto seconds = value_of<std::int64_t>(node, entry, "an integer");
  if (seconds < 0 || seconds > kDay) {
    fail(entry, "is " + std::to_string(seconds), "use a number of seconds from 0 to 86400");
  }
  return static_cast<unsigned>(seconds);
}

struct Element {
  Entry entry = {};
  std::string value = {};
};

std::vector<Element> strings_of(const Reading& reading, const toml::node& node,
                                const Entry& entry) {
  constexpr const char* kExpected = "an array of strings";
  const toml::array* const array = node.as_array();
  if (array == nullptr) reject_type(node, entry, kExpected);
  std::vector<Element> elements;
  elements.reserve(array->size());
  for (const toml::node& element : *array) {
    elements.push_back({.entry = {entry.path, position(reading, element.source())},
                        .value = value_of<std::string>(element, entry, kExpected)});
  }
  return elements;
}

void apply_key(Reading& reading, const Key& key, Entry entry, const toml::node& node) {
  const std::string key_position = std::exchange(entry.where, position(reading, node.source()));
  Config& config = reading.result.config;
  if (!std::holds_alternative<NoEffect>(key.meaning)) {
    reading.result.settings.push_back({.key = entry.path, .where = key_position});
  }
  std::visit(Overloaded{
                 [&](Switch field) { config.*field = value_of<bool>(node, entry, "a boolean"); },
                 [&](InvertedSwitch inverted) {
                   config.*inverted.field = !value_of<bool>(node, entry, "a boolean");
                 },
                 [&](Text text) {
                   text.apply(reading, entry, value_of<std::string>(node, entry, "a string"));
                 },
                 [&](TextList list) {
                   for (const Element& element : strings_of(reading, node, entry)) {
                     list.apply(reading, element.entry, element.value);
                   }
                 },
                 [&](List field) {
                   (config.*field).clear();
                   for (Element& element : strings_of(reading, node, entry)) {
                     (config.*field).push_back(std::move(element.value));
                   }
                 },
                 [&](WholeSeconds seconds) { config.*seconds.field = seconds_of(node, entry); },
                 [&](NoEffect nothing) {
                   reading.result.notes.push_back(
                       info(key_position + ": `" + entry.path +
                            "` has no effect here: " + std::string(nothing.reason)));
                 },
             },
             key.meaning);
}

void read_table(Reading& reading, const toml::table& table, const std::string& prefix) {
  for (const auto& [name, node] : table) {
    const Entry entry{prefix + std::string(name.str()), position(reading, name.source())};
    const bool dotted = name.str().find('.') != std::string_view::npos;  // "a.b" is not a.b
    if (const Key* const key = dotted ? nullptr : find_key(entry.path); key != nullptr) {
      apply_key(reading, *key, entry, node);
    } else if (dotted || !is_table_of_known_keys(entry.path)) {
      warn(reading, entry, "is an unknown key; it has no effect");
    } else if (const toml::table* const inner = node.as_table(); inner != nullptr) {
      read_table(reading, *inner, entry.path + ".");
    } else {
      reject_type(node, entry, "a table");
    }
  }
}

}  // namespace

ConfigResult parse_config(std::string_view text, std::string_view filename, Config base) {
  Reading reading{.filename = filename, .result = {.config = std::move(base)}};
  read_table(reading, parse_toml(text, reading.filename), "");
  return std::move(reading.result);
}

}  // namespace nvhook
