// SPDX-License-Identifier: Apache-2.0
// `nvidia-ctk system`: device nodes, and links to them in /dev/char.
#pragma once

#include "command/nvidia_ctk/ctk_context.hpp"

namespace nvhook {

[[nodiscard]] std::span<const CtkFlag> create_device_nodes_flags();
[[nodiscard]] std::span<const CtkFlag> create_dev_char_symlinks_flags();

/// Throws Error(driver_root_invalid), and Error(device_node_missing) if a node or module is missing
/// afterwards; what else could be made is there then.
void run_create_device_nodes(const CtkLine& line, CtkContext& context);
/// Throws as LinkDirectory does, and UsageFault for --watch.
void run_create_dev_char_symlinks(const CtkLine& line, CtkContext& context);

}  // namespace nvhook
