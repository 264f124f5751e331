// SPDX-License-Identifier: Apache-2.0
// The container that `oci-nvidia explain` explains: its config.json and its image.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/containers/container_driver.hpp"
#include "command/containers/missing_driver.hpp"
#include "command/shell/command.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

struct Subject {
  std::string name = {};  ///< for example `container web (Podman, 4f1c…)`
  std::string spec = {};  ///< config.json
  /// nullopt: nothing is known of the image.
  std::optional<RootDir> image = {};
  /// Of a container that runs: what it has of the driver now.
  std::optional<ContainerDriver> driver = {};
  std::string engine = {};  ///< of a container; empty if no engine is known
  /// Of a container that Docker starts without calling us: why it would get nothing.
  std::optional<MissingDriver> uncalled = {};
  /// Of a container that does not run: what its engine gives it by CDI.
  std::vector<std::string> cdi_devices = {};
  Notes notes = {};
  Notes plan_notes = {};  ///< of a plan only
};

void add_subject_options(boost::program_options::options_description& options);

/// Throws UsageFault unless the options name exactly one container, and Error if it does not exist
/// or cannot be read.
[[nodiscard]] Subject find_subject(const OptionValues& values, const CommandContext& context);

}  // namespace nvhook
