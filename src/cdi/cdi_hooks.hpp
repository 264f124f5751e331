// SPDX-License-Identifier: Apache-2.0
// The hooks of a CDI specification: one of ours, or the calls that NVIDIA's specifications have.
#pragma once

#include <array>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cdi/cdi_spec.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Whether the hook at `path` is called as NVIDIA's is: by its file name, `nvidia-cdi-hook` or
/// `nvidia-ctk`.
[[nodiscard]] bool is_nvidia_hook(const std::string& path);

/// The names that `--disable-hook` and `--enable-hook` know: `all`, and NVIDIA's calls. `chmod`
/// has not been called since NVIDIA's 1.18, and is here so that its name is no error.
inline constexpr std::array<std::string_view, 7> kCdiHookNames{"all",
                                                               "chmod",
                                                               "create-symlinks",
                                                               "disable-device-node-modification",
                                                               "enable-cuda-compat",
                                                               "update-application-profile",
                                                               "update-ldcache"};

/// Which hooks a specification has.
struct HookSwitches {
  std::set<std::string> disabled = {};
  std::set<std::string> enabled = {};  ///< these count more

  [[nodiscard]] bool is_on(const std::string& name) const;
};

/// What NVIDIA's calls do beside links and loader cache.
struct NvidiaCalls {
  std::string path = {};
  HookSwitches switches = {};
  /// The driver's version, if the libraries of an image may take the place of older ones of the
  /// host; else empty.
  std::string compat_driver = {};
  bool forbid_device_file_changes = false;
  bool application_profile = false;
};

/// Returns the calls that do to any image what `plan` says, in the order in which they must run.
[[nodiscard]] std::vector<CdiHook> nvidia_calls(const Plan& plan, const NvidiaCalls& calls);

/// Returns the call that makes `links`; none if there are no links, or the hook is off.
[[nodiscard]] std::vector<CdiHook> nvidia_link_calls(const std::vector<Symlink>& links,
                                                     const NvidiaCalls& calls);

}  // namespace nvhook
