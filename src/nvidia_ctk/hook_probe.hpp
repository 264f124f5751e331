// SPDX-License-Identifier: Apache-2.0
// Reads what a CDI hook must know of the container, in its mount namespace.
#pragma once

#include "image/own_layer.hpp"
#include "nvidia_ctk/hook_call.hpp"
#include "nvidia_ctk/hook_facts.hpp"
#include "oci/spec_values.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Reads what `call` needs, and nothing else. `rootfs` has all mounts of config.json; `system` is
/// the root whose /proc/driver/nvidia names the GPUs. Everything below `rootfs` is hostile: names
/// are resolved inside it, only regular files are opened, and everything is limited.
///
/// `spec`, which may be null, only saves calls: each mount is looked at.
///
/// HookFacts::mount_label is left to the caller, who has config.json.
///
/// In a directory that the loader searches anyway, only files count that were mounted there: the
/// image's own are in its cache. In other directories all do.
[[nodiscard]] HookFacts probe_for_hook(const HookCall& call, const RootDir& rootfs,
                                       const OwnLayer& layer, const RootDir& system,
                                       const ContainerSpec* spec);

}  // namespace nvhook
