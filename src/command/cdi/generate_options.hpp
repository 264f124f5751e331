// SPDX-License-Identifier: Apache-2.0
// The options of `oci-nvidia cdi generate`, and which of them go together.
#pragma once

#include <string>
#include <vector>

#include "cdi/cdi_plan.hpp"
#include "command/cdi/cdi_output.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

struct GenerateOptions {
  CdiOptions cdi = {};
  CdiOutput output = {};
  std::string driver_root = {};                       ///< empty: that of the configuration
  std::vector<std::string> library_search_path = {};  ///< before those of the configuration
};

void add_cdi_generate_options(boost::program_options::options_description& options);

/// Throws UsageFault for a value that no option takes, and for options that contradict each other.
[[nodiscard]] GenerateOptions generate_options(const OptionValues& values,
                                               const CommandContext& context);

}  // namespace nvhook
