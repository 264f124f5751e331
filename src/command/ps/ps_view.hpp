// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia ps`, as text and as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command/ps/sample.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// Returns a table: a line for each container that has a GPU, below it one for each process that
/// uses one, and then the processes of the host. No line is wider than `width` columns, unless that
/// is less than 60; 0: as wide as need be.
[[nodiscard]] std::string sample_text(const Sample& sample, std::size_t width, const Style& style);

/// Returns the JSON of docs/schemas/ps-1.schema.json.
[[nodiscard]] Json sample_json(const Sample& sample);

/// Returns `0-3,5,6:0` for positions in `devices`; `-` for none.
[[nodiscard]] std::string device_names(const std::vector<std::size_t>& positions,
                                       const std::vector<HostDevice>& devices);

/// Returns a length of time in at most six characters, its two largest units: `45s`, `3h5m`,
/// `12d4h`.
[[nodiscard]] std::string age_text(Seconds age);

}  // namespace nvhook
