// SPDX-License-Identifier: Apache-2.0
// Where the commands write a CDI specification, and in which format.
#pragma once

#include <string>

#include "command/shell/command.hpp"

namespace nvhook {

enum class CdiFormat { json, yaml };

struct CdiOutput {
  std::string path = "-";  ///< `-` is standard output
  CdiFormat format = CdiFormat::json;
};

/// Returns the output for --output `path` and --format `word`, which may be empty: then the ending
/// decides, and `fallback` on standard output. Throws UsageFault for a file that does not end in
/// .json, .yaml or .yml, and for a format that is not the one of the ending.
[[nodiscard]] CdiOutput cdi_output(const std::string& path, const std::string& word,
                                   CdiFormat fallback = CdiFormat::json);

/// Writes the specification `json`. A file is replaced at once, and its directory made if only that
/// is missing: /var/run is empty after boot. Warns of a file that no engine reads. Throws
/// Error(spec_not_writable).
void write_cdi(const CdiOutput& output, const std::string& json, CommandContext& context);

}  // namespace nvhook
