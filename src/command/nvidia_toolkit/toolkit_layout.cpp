// SPDX-License-Identifier: Apache-2.0
// The texts of wrappers and of config.toml.
#include "command/nvidia_toolkit/toolkit_layout.hpp"

#include <nlohmann/json.hpp>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kHook = "oci-nvidia-hook";
constexpr const char* kRuntimeHook = "nvidia-container-runtime-hook";

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

std::string quoted_list(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump();
}

std::string wrapper(const std::string& name, const ToolkitOptions& options,
                    const std::string& without_driver) {
  const std::string directory = toolkit_directory(options);
  std::string text = "#!/bin/sh\n# Written by nvidia-toolkit of oci-nvidia-hook.\n";
  if (!without_driver.empty()) {
    text += "if [ ! -e /proc/driver/nvidia/version ] && [ ! -e /dev/dxg ]; then\n  exec " +
            shell_word(without_driver) + " \"$@\"\nfi\n";
  }
  return text + "PATH=" + shell_word(directory) +
         ":$PATH\nNVIDIA_CTK_CONFIG_FILE_PATH=" + shell_word(toolkit_settings_path(options)) +
         "\nexport PATH NVIDIA_CTK_CONFIG_FILE_PATH\nexec " +
         shell_word(directory + "/" + name + ".real") + " \"$@\"\n";
}

}  // namespace

std::string toolkit_directory(const ToolkitOptions& options) {
  return clean_path(options.root + "/toolkit");
}

std::string toolkit_settings_path(const ToolkitOptions& options) {
  return toolkit_directory(options) + "/.config/nvidia-container-runtime/config.toml";
}

std::string toolkit_settings(const ToolkitOptions& options) {
  const auto word = [](bool value) { return value ? "true" : "false"; };
  std::string text = "# Written by nvidia-toolkit of oci-nvidia-hook.\n";
  text += std::string("accept-nvidia-visible-devices-envvar-when-unprivileged = ") +
          word(options.accept_variables) + "\n";
  text += std::string("accept-nvidia-visible-devices-as-volume-mounts = ") +
          word(options.accept_volume_mounts) + "\n\n";
  text += "[nvidia-container-cli]\nroot = " + quoted(options.driver_root) + "\n\n";
  text += "[nvidia-container-runtime]\n";
  if (!options.mode.empty()) text += "mode = " + quoted(options.mode) + "\n";
  if (!options.runtimes.empty()) text += "runtimes = " + quoted_list(options.runtimes) + "\n";
  if (options.default_kind.empty() && options.annotation_prefixes.empty()) return text;
  text += "\n[nvidia-container-runtime.modes.cdi]\n";
  if (!options.default_kind.empty()) {
    text += "default-kind = " + quoted(options.default_kind) + "\n";
  }
  if (!options.annotation_prefixes.empty()) {
    text += "annotation-prefixes = " + quoted_list(options.annotation_prefixes) + "\n";
  }
  return text;
}

std::vector<NodeProgram> toolkit_programs(const ToolkitOptions& options) {
  std::vector<NodeProgram> programs;
  for (const char* name : {kHook, "oci-nvidia-probe", "oci-nvidia"}) {
    programs.push_back({.name = name, .copy_of = name});
  }
  for (const char* name : {"nvidia-ctk", "nvidia-cdi-hook", "nvidia-container-cli"}) {
    programs.push_back({.name = name, .link_to = kHook});
  }
  const std::string runc = options.runtimes.empty() ? "runc" : options.runtimes.front();
  for (const std::string name : {"nvidia-container-runtime", "nvidia-container-runtime.cdi",
                                 "nvidia-container-runtime.legacy", kRuntimeHook}) {
    programs.push_back({.name = name + ".real", .link_to = kHook});
    programs.push_back(
        {.name = name, .text = wrapper(name, options, name == kRuntimeHook ? "" : runc)});
  }
  programs.push_back({.name = "nvidia-container-toolkit", .link_to = kRuntimeHook});
  return programs;
}

std::string toolkit_hook_definition(const ToolkitOptions& options) {
  const nlohmann::ordered_json definition{
      {"version", "1.0.0"},
      {"hook",
       {{"path", toolkit_directory(options) + "/" + kHook},
        {"args", {kHook, "-config=" + toolkit_settings_path(options), "createRuntime"}},
        {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
        {"timeout", 60}}},
      {"when", {{"always", true}}},
      {"stages", {"createRuntime"}}};
  constexpr int kIndent = 2;
  return definition.dump(kIndent) + "\n";
}

}  // namespace nvhook
