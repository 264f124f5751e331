// SPDX-License-Identifier: Apache-2.0
// The container that `oci-nvidia explain` explains: its config.json and its image.
#pragma once

#include <optional>
#include <string>

#include "command/shell/command.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

struct Subject {
  std::string name = {};  ///< for example `container web (Podman, 4f1c…)`
  std::string spec = {};  ///< config.json
  /// nullopt: nothing is known of the image.
  std::optional<RootDir> image = {};
  Notes notes = {};
};

void add_subject_options(boost::program_options::options_description& options);

/// Throws UsageFault unless the options name exactly one container, and Error if it does not exist
/// or cannot be read.
[[nodiscard]] Subject find_subject(const OptionValues& values, const CommandContext& context);

}  // namespace nvhook
