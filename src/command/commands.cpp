// SPDX-License-Identifier: Apache-2.0
// The table of commands.
#include <array>

#include "command/command.hpp"
#include "command/list.hpp"

namespace nvhook {

std::span<const Command> all_commands() {
  static constexpr std::array kCommands{
      Command{.name = "list",
              .operands = "",
              .summary = "GPUs, MIG devices and driver files of this host",
              .details = "",
              .add_options = add_list_options,
              .run = run_list},
  };
  return kCommands;
}

}  // namespace nvhook
