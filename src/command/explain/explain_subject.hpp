// SPDX-License-Identifier: Apache-2.0
// Which container `oci-nvidia explain` is asked about: its config.json and its image.
#pragma once

#include <optional>
#include <string>

#include "command/shell/command.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

struct Subject {
  std::string name = {};  ///< `container web (Podman, 4f1c…)`
  std::string spec = {};  ///< config.json
  /// Absent: nothing is known of the image.
  std::optional<RootDir> image = {};
  Notes notes = {};
};

void add_subject_options(boost::program_options::options_description& options);

/// Throws UsageFault unless the options name exactly one, and Error for one that is not there or
/// cannot be read.
[[nodiscard]] Subject find_subject(const OptionValues& values, const CommandContext& context);

}  // namespace nvhook
