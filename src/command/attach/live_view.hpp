// SPDX-License-Identifier: Apache-2.0
// What the output of `oci-nvidia attach`, `detach` and `refresh` has in common.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command/attach/holders.hpp"
#include "command/containers/container_records.hpp"
#include "command/render/style.hpp"
#include "command/shell/command.hpp"
#include "command/shell/json_document.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Returns a JSON document of the schema `name` that names the container.
[[nodiscard]] Json live_document(std::string_view name, const ContainerRecord& container,
                                 bool is_dry_run);

[[nodiscard]] Json json_of(const std::vector<std::string>& texts);
[[nodiscard]] Json json_of(const Notes& notes);
[[nodiscard]] Json json_of(const std::vector<Holder>& holders);

/// The first line: which container, and what became of it.
[[nodiscard]] std::string live_headline(const ContainerRecord& container, const std::string& what,
                                        Outcome outcome, const Style& style);

/// A line for each warning.
[[nodiscard]] std::string warning_lines(const Notes& notes);
[[nodiscard]] bool has_warning(const Notes& notes);

}  // namespace nvhook
