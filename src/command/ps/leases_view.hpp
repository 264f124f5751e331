// SPDX-License-Identifier: Apache-2.0
// The leases of a sample, as text and as JSON.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "command/ps/sample.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// Returns the lease of the container whose first process is `pid`; nullptr if it has none, or if
/// that container has ended.
[[nodiscard]] const SeenLease* lease_of(pid_t pid, const Sample& sample);

/// Whether it has a device for one container alone.
[[nodiscard]] bool is_exclusive(const Lease& lease);

/// Returns the device as containers ask for it: `0`, `0:1`; as the lease has it, if the host has it
/// no more.
[[nodiscard]] std::string device_name(const LeasedDevice& device, const Sample& sample);

/// Returns the table of `ps --leases`, at most `width` columns wide; 0: as wide as need be.
[[nodiscard]] std::string leases_text(const Sample& sample, std::size_t width, const Style& style);

/// Returns the list `leases` of docs/schemas/ps-1.schema.json.
[[nodiscard]] Json leases_json(const Sample& sample);

}  // namespace nvhook
