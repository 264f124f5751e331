// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia refresh`, as text, as JSON and as exit status.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/attach/holders.hpp"
#include "command/containers/container_records.hpp"
#include "command/refresh/refreshing.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What became of one container; in a dry run, what would become of it.
struct Refreshed {
  enum class Result { refreshed, nothing_to_do, failed };

  ContainerRecord container = {};
  Result result = Result::nothing_to_do;
  std::string reason = {};  ///< why it failed
  bool has_driver = false;
  std::vector<std::string> devices = {};
  std::vector<std::string> added = {};    ///< paths that show something of today's driver
  std::vector<std::string> removed = {};  ///< paths that showed something of the one before
  std::vector<std::string> allowed = {};  ///< `c 510:0`
  std::vector<std::string> denied = {};
  /// Processes that use what goes, and keep it.
  std::vector<Holder> holders = {};
  Notes notes = {};
};

/// Returns what `refreshment` is for `container`, before anything was done.
[[nodiscard]] Refreshed describe(const ContainerRecord& container, const Refreshment& refreshment);

/// A line for each container; in a dry run one for each step, and below it holders and warnings.
[[nodiscard]] std::string refreshed_text(const std::vector<Refreshed>& all, bool is_dry_run,
                                         const Style& style);

/// Returns the JSON of docs/schemas/refresh-1.schema.json.
[[nodiscard]] Json refreshed_json(const std::vector<Refreshed>& all, bool is_dry_run);

/// broken: one has failed. warning: a process still has something of before, or something could not
/// be done.
[[nodiscard]] Outcome outcome_of(const std::vector<Refreshed>& all);

}  // namespace nvhook
