// SPDX-License-Identifier: Apache-2.0
// The stage is createContainer, as in NVIDIA's specifications: these calls work on the files of the
// image, among which they run.
#include "cdi/cdi_hooks.hpp"

#include <algorithm>

#include "text/paths.hpp"

namespace nvhook {
namespace {

CdiHook call(const NvidiaCalls& calls, const char* name, std::vector<std::string> arguments) {
  const std::string program = HostPath(calls.path).filename();
  std::vector<std::string> words{program};
  if (program == "nvidia-ctk") words.emplace_back("hook");
  words.emplace_back(name);
  words.insert(words.end(), arguments.begin(), arguments.end());
  return {.stage = "createContainer",
          .path = calls.path,
          .arguments = std::move(words),
          .environment = {"NVIDIA_CTK_DEBUG=false"}};
}

/// The directories in which the loader must find the driver's libraries, each once.
std::vector<std::string> folder_options(const std::vector<LoaderEntry>& entries) {
  std::vector<std::string> folders;
  for (const LoaderEntry& entry : entries) {
    const std::string folder = entry.path.parent().str();
    if (std::find(folders.begin(), folders.end(), folder) == folders.end()) {
      folders.push_back(folder);
    }
  }
  std::vector<std::string> options;
  for (const std::string& folder : folders) {
    options.insert(options.end(), {"--folder", folder});
  }
  return options;
}

}  // namespace

bool is_nvidia_hook(const std::string& path) {
  const std::string program = HostPath(path).filename();
  return program == "nvidia-cdi-hook" || program == "nvidia-ctk";
}

bool HookSwitches::is_on(const std::string& name) const {
  if (enabled.contains(name)) return true;
  if (disabled.contains(name)) return false;
  return enabled.contains("all") || !disabled.contains("all");
}

std::vector<CdiHook> nvidia_link_calls(const std::vector<Symlink>& links,
                                       const NvidiaCalls& calls) {
  if (links.empty() || !calls.switches.is_on("create-symlinks")) return {};
  std::vector<std::string> options;
  for (const Symlink& link : links) {
    options.insert(options.end(), {"--link", link.target + "::" + link.link.str()});
  }
  return {call(calls, "create-symlinks", std::move(options))};
}

std::vector<CdiHook> nvidia_calls(const Plan& plan, const NvidiaCalls& calls) {
  std::vector<CdiHook> hooks = nvidia_link_calls(plan.symlinks, calls);
  const auto add = [&](bool is_wanted, const char* name, std::vector<std::string> options = {}) {
    if (!is_wanted || !calls.switches.is_on(name)) return;
    hooks.push_back(call(calls, name, std::move(options)));
  };
  // It adds a directory for the loader, which update-ldcache then reads.
  add(!calls.compat_driver.empty(), "enable-cuda-compat",
      {"--host-driver-version=" + calls.compat_driver});
  add(!plan.loader_entries.empty(), "update-ldcache", folder_options(plan.loader_entries));
  add(calls.forbid_device_file_changes, "disable-device-node-modification");
  add(calls.application_profile, "update-application-profile");
  return hooks;
}

}  // namespace nvhook
