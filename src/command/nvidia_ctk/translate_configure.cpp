// SPDX-License-Identifier: Apache-2.0
// `runtime configure` is `oci-nvidia setup`, or writes a hook definition.
#include <array>

#include "command/nvidia_ctk/ctk_translation.hpp"
#include "command/nvidia_ctk/ctk_words.hpp"
#include "command/shell/command.hpp"
#include "command/shell/json_document.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kProgram = "nvidia-container-runtime";
constexpr const char* kHookProgram = "/usr/bin/nvidia-container-runtime-hook";

constexpr std::array kConfigureFlags{
    CtkFlag{.names = "runtime", .summary = "docker (default), containerd, crio or podman"},
    CtkFlag{.names = "config", .summary = "the engine's configuration file, if not the usual one"},
    CtkFlag{.names = "drop-in-config",
            .summary = "crio, podman: write to this file; containerd: no effect, see `setup`"},
    CtkFlag{.names = "config-mode", .summary = "config-file (default) or oci-hook"},
    CtkFlag{.names = "oci-hook-path",
            .summary = "with --config-mode=oci-hook: write the hook definition to this file; "
                       "without it, print"},
    CtkFlag{.names = "nvidia-runtime-name", .summary = "nvidia, which is the only name here"},
    CtkFlag{.names = "nvidia-runtime-path runtime-path",
            .summary = "the runtime's program; default: the one that is installed"},
    CtkFlag{.names = "nvidia-runtime-hook-path",
            .summary = "with --config-mode=oci-hook: the hook's program"},
    CtkFlag{.names = "nvidia-set-as-default set-as-default",
            .kind = FlagKind::boolean,
            .summary = "make it the runtime of all containers",
            .ours = "--set-default"},
    CtkFlag{.names = "cdi.enabled cdi.enable enable-cdi",
            .kind = FlagKind::boolean,
            .summary = "make the engine read CDI specifications",
            .ours = "--cdi"},
    CtkFlag{.names = "dry-run",
            .kind = FlagKind::boolean,
            .summary = "print the new file and change nothing",
            .ours = "--dry-run"},
    CtkFlag{.names = "config-source",
            .no_effect = "the engine's files are read, and no program is started"},
    CtkFlag{.names = "executable-path",
            .no_effect = "the engine's files are read, and no program is started"},
};

std::string engine_of(const FlagValues& values) {
  std::string engine = values.text("runtime");
  for (const char* known : {"docker", "containerd", "crio", "podman"}) {
    if (engine == known) return engine;
  }
  if (engine.empty()) return "docker";
  throw UsageFault("--runtime is docker, containerd, crio or podman, not `" + engine + "`");
}

/// docker and containerd have one file, which is edited; crio and podman get one of ours.
void add_file(const FlagValues& values, const std::string& engine, CtkTranslation& translation) {
  const bool has_drop_in = engine == "crio" || engine == "podman";
  const std::string config = values.text("config");
  const std::string drop_in = values.text("drop-in-config");
  if (!drop_in.empty() && engine == "docker") {
    throw UsageFault("docker has no drop-in files; leave --drop-in-config out");
  }
  if (!drop_in.empty() && !drop_in.starts_with('/')) {
    throw UsageFault("--drop-in-config is an absolute path, not `" + drop_in + "`");
  }
  if (!drop_in.empty() && !has_drop_in) {
    translation.messages.push_back(
        {CtkLevel::warning,
         "`" + drop_in +
             "` is not written: the runtime is registered in containerd's config.toml itself, "
             "because before containerd 2 an imported file replaces all that it says of a plugin"});
  }
  if (!config.empty() && has_drop_in) {
    translation.messages.push_back(
        {CtkLevel::info,
         "`" + config + "` stays as it is: the runtime goes into a file of its own"});
  }
  add_word("--config-file", has_drop_in ? drop_in : config, translation);
}

void add_runtime(const FlagValues& values, const FindProgram& find_program,
                 CtkTranslation& translation) {
  const std::string name = values.text("nvidia-runtime-name");
  if (!name.empty() && name != "nvidia") {
    throw UsageFault("the runtime is called `nvidia` here, not `" + name +
                     "`; leave --nvidia-runtime-name out, or register `" + name +
                     "` by hand as docs/setup.md shows");
  }
  const std::string path = values.text("nvidia-runtime-path");
  if (path.empty() || path == kProgram || path == find_program(kProgram)) return;
  add_word("--runtime-path", path, translation);
}

}  // namespace

std::span<const CtkFlag> configure_flags() { return kConfigureFlags; }

CtkTranslation translate_configure(const FlagValues& values, const FindProgram& find_program) {
  const std::string engine = engine_of(values);
  CtkTranslation translation{.words = {"setup", engine, "--runtime"}};
  const std::string mode = values.text("config-mode");
  if (!mode.empty() && mode != "config-file" && mode != "config") {
    translation.messages.push_back(
        {CtkLevel::warning, "--config-mode=" + mode + " is not known; taken is config-file"});
  }
  add_file(values, engine, translation);
  add_runtime(values, find_program, translation);
  add_equal_options(kConfigureFlags, values, translation);
  // A caller of NVIDIA's program wants the file on standard output, or nothing.
  add_word("--show", values.is_on("dry-run") ? "file" : "nothing", translation);
  return translation;
}

bool wants_hook_definition(const FlagValues& values) {
  const std::string mode = values.text("config-mode");
  return mode == "oci-hook" || mode == "hook";
}

std::string hook_definition(const FlagValues& values) {
  const std::string given = values.text("nvidia-runtime-hook-path");
  const std::string hook = given.empty() ? kHookProgram : given;
  if (!hook.starts_with('/')) {
    throw UsageFault("--nvidia-runtime-hook-path is an absolute path, not `" + hook + "`");
  }
  const Json document = {
      {"version", "1.0.0"},
      {"hook",
       {{"path", hook},
        {"args", {hook.substr(hook.rfind('/') + 1), "createRuntime"}},
        {"env", {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}},
        {"timeout", 60}}},
      {"when", {{"always", true}}},
      {"stages", {"createRuntime"}}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace nvhook
