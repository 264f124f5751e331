// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia explain` shows, for people and for programs.
#pragma once

#include <optional>
#include <string>

#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "plan/container_task.hpp"
#include "plan/plan.hpp"
#include "text/error.hpp"

namespace nvhook {

struct Explanation {
  std::string subject = {};  ///< `container web (Podman, 4f1c…)`
  const ConfigResult& config;
  /// Absent if the request itself is refused (`failure`).
  std::optional<ContainerTask> task = {};
  /// Whose device names the plan speaks of; null without a plan.
  const Inventory* inventory = nullptr;
  /// All that the container gets, whoever does it. Absent: nothing is done, or it fails.
  std::optional<Plan> plan = {};
  /// Of an edited config.json: what the runtime leaves to the hook.
  std::optional<Plan> left_to_hook = {};
  /// How requirements were decided.
  Notes requirements = {};
  /// What was and what was not looked at.
  Notes notes = {};
  /// What the hook would stop the container with.
  std::optional<Error> failure = {};
};

/// Why there is nothing to do, or what is done, in one sentence.
[[nodiscard]] std::string verdict_of(const Explanation& explanation);

[[nodiscard]] std::string explanation_text(const Explanation& explanation, const Style& style);

/// docs/schemas/explain-1.schema.json; `plan` is what `oci-nvidia-hook -dry-run` prints.
[[nodiscard]] Json explanation_json(const Explanation& explanation);

}  // namespace nvhook
