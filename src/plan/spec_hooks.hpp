// SPDX-License-Identifier: Apache-2.0
// Recognises the hooks of a config.json that give the driver, ours and NVIDIA's.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// The flag of a hook that completes an edited config.json.
inline constexpr const char* kCompleteFlag = "-complete";
/// The flag of a hook that completes a CDI specification; it has a value.
inline constexpr const char* kCdiFlag = "-cdi";
/// The flag with the mode of the runtime shim that edited config.json; it has a value.
inline constexpr const char* kModeFlag = "-mode";

/// `hooks.<stage>[]`
struct SpecHook {
  std::string stage = {};
  std::string path = {};
  std::vector<std::string> arguments = {};  ///< argv[0] first

  friend bool operator==(const SpecHook&, const SpecHook&) = default;
};

/// Whether a hook with this path is one that injects the driver: ours or NVIDIA's of the mode
/// `legacy`.
[[nodiscard]] bool is_driver_hook(const std::string& path);

/// Whether config.json has such a hook, at whatever stage.
[[nodiscard]] bool has_driver_hook(std::string_view json);

/// Whether config.json has a completing hook; then other hooks of ours have nothing to do.
[[nodiscard]] bool is_edited(std::string_view json);

/// Returns the hooks of CDI specifications of ours, which complete them.
[[nodiscard]] std::vector<SpecHook> own_cdi_hooks(std::string_view json);

/// Whether config.json has a hook of a CDI specification of ours.
[[nodiscard]] bool has_cdi_hook(std::string_view json);

/// Returns the hooks of NVIDIA's form: `nvidia-cdi-hook COMMAND …` and `nvidia-ctk hook COMMAND …`,
/// in whatever directory and at whatever stage.
[[nodiscard]] std::vector<SpecHook> nvidia_cdi_hooks(std::string_view json);

/// Returns the command of a hook of NVIDIA's form (`update-ldcache`); empty if there is none.
[[nodiscard]] std::string_view cdi_command(const SpecHook& hook);

/// Whether a hook of NVIDIA's form is one that only a specification with the driver has. `chmod`
/// and `noop` are not: specifications of other devices may use them.
[[nodiscard]] bool serves_driver(const SpecHook& hook);

/// Whether config.json has the hook that Docker adds for `--gpus`: at the stage prestart, with the
/// arguments `nvidia-container-runtime-hook prestart` (moby, daemon/nvidia_linux.go). NVIDIA's
/// runtime adds the same in the mode `legacy`.
[[nodiscard]] bool has_gpus_hook(std::string_view json);

}  // namespace nvhook
