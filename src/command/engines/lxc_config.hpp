// SPDX-License-Identifier: Apache-2.0
// LXC's configuration as text: adds and removes LXC's own hook `nvidia`, which starts
// nvidia-container-cli. Keys: lxc.container.conf(5).
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// The hook that LXC's package contains.
inline constexpr const char* kLxcHook = "/usr/share/lxc/hooks/nvidia";

/// Returns `text` with the hook added; unchanged if it has it. `text` is nullopt if there is no
/// file. With `all_gpus` the container also requests all GPUs, unless it already says which.
[[nodiscard]] std::string with_lxc_hook(const std::optional<std::string>& text, bool all_gpus);

/// Returns `text` as it was before; nullopt if there was no file. Throws as without_blocks does.
[[nodiscard]] std::optional<std::string> without_lxc_hook(const std::optional<std::string>& text,
                                                          const std::string& filename);

}  // namespace nvhook
