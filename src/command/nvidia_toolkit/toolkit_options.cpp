// SPDX-License-Identifier: Apache-2.0
// The table of options, in the syntax of nvidia-ctk.
#include "command/nvidia_toolkit/toolkit_options.hpp"

#include <array>
#include <span>

#include "command/shell/command.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kNoEffect = "what it is for is not necessary here";
// The operator's words for "as usual".
constexpr const char* kSpecificDefault = "RUNTIME_SPECIFIC_DEFAULT";

constexpr std::array kFlags{
    CtkFlag{.names = "no-daemon n",
            .kind = FlagKind::boolean,
            .summary = "set the node up and end",
            .variables = "NO_DAEMON"},
    CtkFlag{.names = "runtime r", .summary = "containerd or crio", .variables = "RUNTIME"},
    CtkFlag{.names = "toolkit-install-dir root",
            .summary = "the programs go to toolkit below it",
            .variables = "TOOLKIT_INSTALL_DIR ROOT"},
    CtkFlag{.names = "pid-file",
            .summary = "held as long as it runs",
            .variables = "TOOLKIT_PID_FILE PID_FILE"},
    CtkFlag{.names = "config",
            .summary = "the engine's configuration, as it is mounted here",
            .variables = "RUNTIME_CONFIG CONTAINERD_CONFIG CRIO_CONFIG"},
    CtkFlag{.names = "drop-in-config",
            .summary = "the file for the engine that is ours alone, as it is mounted here",
            .variables = "RUNTIME_DROP_IN_CONFIG"},
    CtkFlag{.names = "drop-in-config-host-path",
            .summary = "the same file on the host",
            .variables = "RUNTIME_DROP_IN_CONFIG_HOST_PATH"},
    CtkFlag{.names = "socket",
            .summary = "the engine's socket, as it is mounted here",
            .variables = "RUNTIME_SOCKET CONTAINERD_SOCKET CRIO_SOCKET"},
    CtkFlag{.names = "restart-mode",
            .summary = "signal, systemd or none",
            .variables = "RUNTIME_RESTART_MODE CONTAINERD_RESTART_MODE CRIO_RESTART_MODE"},
    CtkFlag{.names = "config-mode",
            .summary = "crio: hook in place of handlers",
            .variables = "CRIO_CONFIG_MODE"},
    CtkFlag{.names = "host-root",
            .summary = "where the host's root directory is mounted",
            .variables = "HOST_ROOT_MOUNT"},
    CtkFlag{.names = "nvidia-runtime-name runtime-name runtime-class",
            .summary = "nvidia, which is the only name here",
            .variables = "NVIDIA_RUNTIME_NAME CONTAINERD_RUNTIME_CLASS CRIO_RUNTIME_CLASS"},
    CtkFlag{.names = "set-as-default",
            .kind = FlagKind::boolean,
            .summary = "make it the runtime of all containers",
            .variables = "NVIDIA_RUNTIME_SET_AS_DEFAULT CONTAINERD_SET_AS_DEFAULT"},
    CtkFlag{.names = "driver-root nvidia-driver-root",
            .summary = "of the driver, on the host",
            .variables = "NVIDIA_DRIVER_ROOT DRIVER_ROOT"},
    CtkFlag{.names = "nvidia-container-runtime.mode nvidia-container-runtime-mode",
            .summary = "as in config.toml",
            .variables = "NVIDIA_CONTAINER_RUNTIME_MODE"},
    CtkFlag{.names = "nvidia-container-runtime.modes.cdi.default-kind",
            .summary = "as in config.toml",
            .variables = "NVIDIA_CONTAINER_RUNTIME_MODES_CDI_DEFAULT_KIND"},
    CtkFlag{.names = "nvidia-container-runtime.modes.cdi.annotation-prefixes",
            .kind = FlagKind::list,
            .summary = "as in config.toml",
            .variables = "NVIDIA_CONTAINER_RUNTIME_MODES_CDI_ANNOTATION_PREFIXES"},
    CtkFlag{.names = "nvidia-container-runtime.runtimes",
            .kind = FlagKind::list,
            .summary = "as in config.toml",
            .variables = "NVIDIA_CONTAINER_RUNTIME_RUNTIMES"},
    CtkFlag{.names = "accept-nvidia-visible-devices-envvar-when-unprivileged",
            .kind = FlagKind::boolean,
            .summary = "as in config.toml",
            .variables = "ACCEPT_NVIDIA_VISIBLE_DEVICES_ENVVAR_WHEN_UNPRIVILEGED"},
    CtkFlag{.names = "accept-nvidia-visible-devices-as-volume-mounts",
            .kind = FlagKind::boolean,
            .summary = "as in config.toml",
            .variables = "ACCEPT_NVIDIA_VISIBLE_DEVICES_AS_VOLUME_MOUNTS"},
    CtkFlag{.names = "cdi-enabled enable-cdi",
            .kind = FlagKind::boolean,
            .summary = "write a specification of all devices for the operator's own pods",
            .variables = "CDI_ENABLED ENABLE_CDI"},
    CtkFlag{.names = "cdi-output-dir",
            .summary = "where that goes; empty: nowhere",
            .variables = "CDI_OUTPUT_DIR"},
    CtkFlag{.names = "enable-nri-plugin",
            .kind = FlagKind::boolean,
            .summary = "not supported: run `oci-nvidia nri`",
            .variables = "ENABLE_NRI_PLUGIN"},
    CtkFlag{.names = "driver-root-ctr-path",
            .variables = "DRIVER_ROOT_CTR_PATH",
            .no_effect = kNoEffect},
    CtkFlag{.names = "dev-root", .variables = "NVIDIA_DEV_ROOT DEV_ROOT", .no_effect = kNoEffect},
    CtkFlag{.names = "dev-root-ctr-path", .variables = "DEV_ROOT_CTR_PATH", .no_effect = kNoEffect},
    CtkFlag{
        .names = "toolkit-source-root", .variables = "TOOLKIT_SOURCE_ROOT", .no_effect = kNoEffect},
    CtkFlag{.names = "create-device-nodes",
            .kind = FlagKind::list,
            .variables = "CREATE_DEVICE_NODES",
            .no_effect = kNoEffect},
};

/// The parser knows commands only; what this one does is done by whoever parses.
void do_nothing(const CtkLine& /*line*/, CtkContext& /*context*/) {}

constexpr std::array kCommands{CtkCommand{.name = "toolkit", .flags = kFlags, .run = do_nothing}};

bool on_or(const FlagValues& values, const char* name, bool fallback) {
  return values.is_set(name) ? values.is_on(name) : fallback;
}

void set_text(std::string& member, const FlagValues& values, const char* name) {
  const std::string text = values.text(name);
  if (!text.empty() && text != kSpecificDefault) member = text;
}

void require_absolute(const std::string& path, const char* what) {
  if (path.empty() || path.starts_with('/')) return;
  throw UsageFault(std::string(what) + " is an absolute path, not `" + path + "`");
}

void check(const ToolkitOptions& options, const FlagValues& values) {
  if (options.engine != "containerd" && options.engine != "crio") {
    throw UsageFault("--runtime (RUNTIME) is containerd or crio, not `" + options.engine + "`");
  }
  const std::string name = values.text("nvidia-runtime-name");
  if (!name.empty() && name != "nvidia") {
    throw UsageFault("the runtime's name is nvidia here, not `" + name +
                     "`; leave CONTAINERD_RUNTIME_CLASS as it is");
  }
  if (values.is_on("enable-nri-plugin")) {
    throw UsageFault(
        "ENABLE_NRI_PLUGIN is not supported: set cdi.nriPluginEnabled=false in the operator's "
        "values, or run `oci-nvidia nri` on the nodes");
  }
  for (const std::string& path :
       {options.root, options.pid_file, options.host_root, options.engine_config, options.drop_in,
        options.drop_in_on_host, options.socket, options.cdi_directory, options.driver_root}) {
    require_absolute(path, "each path");
  }
}

}  // namespace

ToolkitOptions parse_toolkit_options(const std::vector<std::string>& arguments,
                                     const CtkEnvironment& environment) {
  std::vector<std::string> words{"toolkit"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const CtkLine line = parse_ctk_line(words, environment, kCommands);
  const FlagValues& values = line.values;
  ToolkitOptions options{
      .no_daemon = values.is_on("no-daemon"),
      .by_hook = values.text("config-mode") == "hook",
      .set_default = on_or(values, "set-as-default", true),
      .cdi = values.is_on("cdi-enabled"),
      .annotation_prefixes = values.list("nvidia-container-runtime.modes.cdi.annotation-prefixes"),
      .runtimes = values.list("nvidia-container-runtime.runtimes"),
      .help = line.global.is_on("help")};
  // The operator's script names the directory as a word.
  if (!line.ignored.empty()) options.root = line.ignored.front();
  set_text(options.root, values, "toolkit-install-dir");
  set_text(options.pid_file, values, "pid-file");
  set_text(options.host_root, values, "host-root");
  set_text(options.engine, values, "runtime");
  set_text(options.engine_config, values, "config");
  set_text(options.drop_in, values, "drop-in-config");
  set_text(options.drop_in_on_host, values, "drop-in-config-host-path");
  set_text(options.socket, values, "socket");
  set_text(options.restart_mode, values, "restart-mode");
  set_text(options.driver_root, values, "driver-root");
  set_text(options.mode, values, "nvidia-container-runtime.mode");
  set_text(options.default_kind, values, "nvidia-container-runtime.modes.cdi.default-kind");
  if (values.is_set("cdi-output-dir")) options.cdi_directory = values.text("cdi-output-dir");
  options.accept_variables =
      on_or(values, "accept-nvidia-visible-devices-envvar-when-unprivileged", true);
  options.accept_volume_mounts =
      on_or(values, "accept-nvidia-visible-devices-as-volume-mounts", false);
  if (!options.help) check(options, values);
  for (const CtkFlag& flag : kFlags) {
    const std::string_view name = flag.names.substr(0, flag.names.find(' '));
    if (flag.no_effect.empty() || !values.is_set(name)) continue;
    options.warnings.push_back("--" + std::string(name) + ": " + std::string(flag.no_effect));
  }
  return options;
}

std::vector<std::string> toolkit_variables() {
  std::vector<std::string> names;
  for (const CtkFlag& flag : kFlags) {
    for (const std::string_view name : split_list(flag.variables, ' ')) names.emplace_back(name);
  }
  return names;
}

std::string toolkit_help() {
  std::string text =
      "nvidia-toolkit [OPTION...] [DIRECTORY]\n\n"
      "The program of the container that NVIDIA's GPU operator calls its toolkit, by "
      "oci-nvidia-hook:\n"
      "sets the node up, waits, and takes that back when it is ended.\n\nOptions, and the "
      "variables "
      "that count without them:\n";
  for (const CtkFlag& flag : kFlags) {
    if (!flag.no_effect.empty()) continue;
    text += "  --" + std::string(flag.names.substr(0, flag.names.find(' '))) + "  " +
            std::string(flag.summary) + " [$" + std::string(flag.variables) + "]\n";
  }
  return text;
}

}  // namespace nvhook
