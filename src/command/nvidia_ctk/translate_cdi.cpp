// SPDX-License-Identifier: Apache-2.0
// `cdi generate` and `cdi transform root`: most options have an equal, which the table names.
#include <algorithm>
#include <array>

#include "command/nvidia_ctk/ctk_translation.hpp"
#include "command/nvidia_ctk/ctk_words.hpp"
#include "command/shell/command.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kOnlyTegra = "it is for Tegra, whose driver is of another kind";

constexpr std::array kGenerateFlags{
    CtkFlag{.names = "output",
            .summary = "write to this file; without it, print",
            .variables = "NVIDIA_CTK_CDI_OUTPUT_FILE_PATH"},
    CtkFlag{.names = "format",
            .summary = "yaml or json; by default as the ending of the file says, else yaml",
            .variables = "NVIDIA_CTK_CDI_GENERATE_OUTPUT_FORMAT"},
    CtkFlag{.names = "mode discovery-mode",
            .summary = "auto, nvml, wsl, management, imex, gds, mofed, gdrcopy or nvswitch",
            .variables = "NVIDIA_CTK_CDI_GENERATE_MODE"},
    CtkFlag{.names = "device-name-strategy",
            .kind = FlagKind::list,
            .summary = "how devices are named: index, uuid, type-index; default index and uuid",
            .variables = "NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES"},
    CtkFlag{.names = "driver-root",
            .summary = "directory below which the driver is installed",
            .variables = "NVIDIA_CTK_DRIVER_ROOT",
            .ours = "--driver-root"},
    CtkFlag{.names = "dev-root",
            .summary = "directory with the `dev` in which the device nodes are",
            .variables = "NVIDIA_CTK_DEV_ROOT",
            .ours = "--dev-root"},
    CtkFlag{.names = "library-search-path",
            .kind = FlagKind::list,
            .summary = "directories of libraries that are searched first",
            .variables = "NVIDIA_CTK_CDI_GENERATE_LIBRARY_SEARCH_PATHS",
            .ours = "--library-search-path"},
    CtkFlag{.names = "nvidia-cdi-hook-path nvidia-ctk-path",
            .summary = "the hook that the specification names; default: the one that is installed",
            .variables = "NVIDIA_CTK_CDI_HOOK_PATH"},
    CtkFlag{.names = "vendor cdi-vendor",
            .summary = "what stands before the slash of the names; default nvidia.com",
            .variables = "NVIDIA_CTK_CDI_GENERATE_VENDOR"},
    CtkFlag{.names = "class cdi-class",
            .summary = "what stands after the slash of the names; default gpu",
            .variables = "NVIDIA_CTK_CDI_GENERATE_CLASS"},
    CtkFlag{.names = "disable-hook disable-hooks",
            .kind = FlagKind::list,
            .summary = "hooks to leave out, by NVIDIA's names, or all",
            .variables = "NVIDIA_CTK_CDI_GENERATE_DISABLED_HOOKS",
            .ours = "--disable-hook"},
    CtkFlag{.names = "enable-hook enable-hooks",
            .kind = FlagKind::list,
            .summary = "hooks to have all the same",
            .variables = "NVIDIA_CTK_CDI_GENERATE_ENABLED_HOOKS",
            .ours = "--enable-hook"},
    CtkFlag{.names = "feature-flag feature-flags",
            .kind = FlagKind::list,
            .summary = "no-additional-gids-for-device-nodes; others have no effect here",
            .variables = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS"},
    CtkFlag{.names = "no-all-device",
            .kind = FlagKind::boolean,
            .summary = "no device `all`",
            .variables = "NVIDIA_CTK_CDI_GENERATE_NO_ALL_DEVICE"},
    CtkFlag{.names = "device-id device-ids device devices",
            .kind = FlagKind::list,
            .summary = "only these devices: index, UUID, all, none",
            .variables = "NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS",
            .ours = "--device"},
    CtkFlag{.names = "config-search-path",
            .kind = FlagKind::list,
            .variables = "NVIDIA_CTK_CDI_GENERATE_CONFIG_SEARCH_PATHS",
            .no_effect = "the driver's data files are found where the driver installs them"},
    CtkFlag{.names = "ldconfig-path",
            .variables = "NVIDIA_CTK_CDI_GENERATE_LDCONFIG_PATH",
            .no_effect = "the loader cache is written without ldconfig"},
    CtkFlag{.names = "csv.file",
            .kind = FlagKind::list,
            .variables = "NVIDIA_CTK_CDI_GENERATE_CSV_FILES",
            .no_effect = kOnlyTegra},
    CtkFlag{.names = "csv.ignore-pattern",
            .kind = FlagKind::list,
            .variables = "NVIDIA_CTK_CDI_GENERATE_CSV_IGNORE_PATTERNS",
            .no_effect = kOnlyTegra},
    CtkFlag{.names = "csv.compat-container-root", .no_effect = kOnlyTegra},
};

constexpr std::array kTransformRootFlags{
    CtkFlag{.names = "from", .summary = "the root that the paths have now; default /"},
    CtkFlag{.names = "to", .summary = "the root that they get; default /"},
    CtkFlag{.names = "input",
            .summary = "the specification; default -, which is standard input",
            .ours = "--input"},
    CtkFlag{
        .names = "output", .summary = "write to this file; without it, print", .ours = "--output"},
    CtkFlag{.names = "relative-to",
            .summary = "host (default) or container: which paths are meant",
            .ours = "--relative-to"},
};

std::string lower(std::string text) {
  for (char& letter : text) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return text;
}

void check_one_of(const std::string& value, const std::vector<std::string>& known,
                  const std::string& option) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  throw UsageFault(option + " is one of " + join(known, ", ") + ", not `" + value + "`");
}

std::string format_of_name(const std::string& file) {
  if (file.ends_with(".json")) return "json";
  return file.ends_with(".yaml") || file.ends_with(".yml") ? "yaml" : "";
}

/// Engines read only files whose names end in .json or .yaml, so another name gets such an ending.
void add_output(const FlagValues& values, CtkTranslation& translation) {
  std::string file = values.text("output");
  std::string format = lower(values.text("format"));
  const std::string implied = format_of_name(file);
  if (!format.empty()) check_one_of(format, {"json", "yaml"}, "--format");
  if (!format.empty() && !implied.empty() && format != implied) {
    translation.messages.push_back({CtkLevel::warning, "`" + file + "` is written as " + implied +
                                                           ", as its name says, not as " + format});
  }
  if (!implied.empty()) {
    format = implied;
  } else if (format.empty()) {
    format = "yaml";
  }
  if (!file.empty() && file != "-" && implied.empty()) file += "." + format;
  add_word("--output", file, translation);
  add_word("--format", format, translation);
}

void add_mode(const FlagValues& values, CtkTranslation& translation) {
  const std::string mode = lower(values.text("mode"));
  if (mode.empty() || mode == "auto") return;
  if (mode == "csv") {
    throw UsageFault(
        "--mode=csv is for Tegra, which this program does not serve; use NVIDIA's toolkit there");
  }
  check_one_of(mode,
               {"auto", "nvml", "wsl", "management", "imex", "gds", "mofed", "gdrcopy", "nvswitch"},
               "--mode");
  add_word("--discovery-mode", mode, translation);
}

void add_names(const FlagValues& values, CtkTranslation& translation) {
  const auto strategies = values.list("device-name-strategy");
  for (const std::string& strategy : strategies) {
    check_one_of(strategy, {"index", "uuid", "type-index"}, "--device-name-strategy");
  }
  add_word("--device-names", join(strategies, ","), translation);
  // Whatever the mode is; by default `oci-nvidia` has another kind for each.
  const auto or_default = [&](const char* name, const char* otherwise) {
    const std::string text = values.text(name);
    return text.empty() ? std::string(otherwise) : text;
  };
  add_word("--kind", or_default("vendor", "nvidia.com") + "/" + or_default("class", "gpu"),
           translation);
}

/// NVIDIA's program takes a name without a slash as that of a program on PATH.
void add_hook(const FlagValues& values, const FindProgram& find_program,
              CtkTranslation& translation) {
  std::string hook = values.text("nvidia-cdi-hook-path");
  if (hook.empty()) {
    hook = find_program("nvidia-cdi-hook");
    if (hook.empty()) hook = find_program("nvidia-ctk");
    if (hook.empty()) hook = "/usr/bin/nvidia-ctk";
  } else if (hook.find('/') == std::string::npos) {
    const std::string found = find_program(hook);
    hook = found.empty() ? "/usr/bin/" + hook : found;
  }
  add_word("--hook", hook, translation);
}

void add_features(const FlagValues& values, CtkTranslation& translation) {
  for (const std::string& feature : values.list("feature-flag")) {
    if (feature == "no-additional-gids-for-device-nodes") {
      translation.words.emplace_back("--no-groups");
    } else {
      translation.messages.push_back(
          {CtkLevel::debug, "--feature-flag=" + feature + " has no effect here"});
    }
  }
}

void add_devices(const FlagValues& values, CtkTranslation& translation) {
  const auto devices = values.list("device-id");
  const bool has_none = std::find(devices.begin(), devices.end(), "none") != devices.end();
  if (has_none && !values.is_on("no-all-device")) {
    translation.messages.push_back(
        {CtkLevel::warning, "the device `none` is asked for, so there is no device `all`"});
  }
  if (has_none || values.is_on("no-all-device")) translation.words.emplace_back("--no-all-device");
}

}  // namespace

std::span<const CtkFlag> generate_flags() { return kGenerateFlags; }
std::span<const CtkFlag> transform_root_flags() { return kTransformRootFlags; }

CtkTranslation translate_generate(const FlagValues& values, const FindProgram& find_program) {
  const auto enabled = values.list("enable-hook");
  if (std::find(enabled.begin(), enabled.end(), "all") != enabled.end()) {
    throw UsageFault("--enable-hook names single hooks, not `all`");
  }
  CtkTranslation translation{.words = {"cdi", "generate"}};
  add_output(values, translation);
  add_mode(values, translation);
  add_names(values, translation);
  add_hook(values, find_program, translation);
  add_features(values, translation);
  add_devices(values, translation);
  add_equal_options(kGenerateFlags, values, translation);
  return translation;
}

CtkTranslation translate_transform_root(const FlagValues& values) {
  if (values.is_set("relative-to")) {
    check_one_of(values.text("relative-to"), {"host", "container"}, "--relative-to");
  }
  CtkTranslation translation{.words = {"cdi", "transform", "root"}};
  // Without them NVIDIA's program adds a root, or takes it away.
  for (const char* root : {"from", "to"}) {
    const std::string path = values.text(root);
    add_word(std::string("--") + root, path.empty() ? "/" : path, translation);
  }
  add_equal_options(kTransformRootFlags, values, translation);
  return translation;
}

}  // namespace nvhook
