// SPDX-License-Identifier: Apache-2.0
// LXC's configuration as text: its own hook `nvidia`, which starts nvidia-container-cli, put in and
// taken out. Keys: lxc.container.conf(5).
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// The hook that LXC brings along.
inline constexpr const char* kLxcHook = "/usr/share/lxc/hooks/nvidia";

/// `text`, which is absent if there is no file, with the hook; unchanged if it has it. With
/// `all_gpus` the container also asks for all GPUs, unless it says itself which.
[[nodiscard]] std::string with_lxc_hook(const std::optional<std::string>& text, bool all_gpus);

/// `text` as it was before; nothing if there was no file. Throws as without_blocks does.
[[nodiscard]] std::optional<std::string> without_lxc_hook(const std::optional<std::string>& text,
                                                          const std::string& filename);

}  // namespace nvhook
