// SPDX-License-Identifier: Apache-2.0
// What every command of `nvidia-ctk` works with.
#pragma once

#include "command/nvidia_ctk/ctk_line.hpp"
#include "command/nvidia_ctk/ctk_log.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

struct CtkContext {
  CommandContext& command;
  CtkLog& log;
};

/// Writes `text` to the file at `path`, and makes missing directories; prints it if `path` is
/// empty. Throws as write_change does.
void write_or_print(const std::string& path, const std::string& text, CtkContext& context);

}  // namespace nvhook
