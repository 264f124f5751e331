// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia explain`, as text and as JSON.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/containers/missing_driver.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "plan/container_task.hpp"
#include "plan/given_driver.hpp"
#include "plan/plan.hpp"
#include "text/error.hpp"

namespace nvhook {

struct Explanation {
  std::string subject = {};  ///< for example `container web (Podman, 4f1c…)`
  const ConfigResult& config;
  /// nullopt if the request itself is refused; then `failure` says why.
  std::optional<ContainerTask> task = {};
  /// The inventory that the plan's device names refer to; null without a plan.
  const Inventory* inventory = nullptr;
  /// Everything the container gets, whoever does it. nullopt: nothing is done, or it fails.
  std::optional<Plan> plan = {};
  /// For an edited config.json: what the runtime leaves to the hook.
  std::optional<Plan> left_to_hook = {};
  /// What the engine gives by CDI, if it does.
  std::optional<GivenDriver> given = {};
  /// The names by which it does, of a container that does not run.
  std::vector<std::string> cdi_devices = {};
  /// Of a container that runs, or would start, without what it asks for: why.
  std::optional<MissingDriver> missing = {};
  /// How the requirements were decided.
  Notes requirements = {};
  /// What was examined and what was not.
  Notes notes = {};
  /// The error with which the hook would stop the container.
  std::optional<Error> failure = {};
};

/// Returns one sentence: why there is nothing to do, or what is done.
[[nodiscard]] std::string verdict_of(const Explanation& explanation);

/// Returns the verdict, the request, the steps (or only their number) and notes, in lines that fit
/// a terminal.
[[nodiscard]] std::string explanation_text(const Explanation& explanation, bool has_steps,
                                           const Style& style);

/// Returns the JSON of docs/schemas/explain-1.schema.json; `plan` is what `oci-nvidia-hook
/// -dry-run` prints.
[[nodiscard]] Json explanation_json(const Explanation& explanation);

}  // namespace nvhook
