// SPDX-License-Identifier: Apache-2.0
// Memory and utilisation of a sample, as text and as JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "command/ps/sample.hpp"
#include "command/render/table.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// Returns what NVML says of `device`; nullptr if it was not asked, or says nothing.
[[nodiscard]] const DeviceUsage* usage_of(const HostDevice& device, const Sample& sample);

/// Returns what the processes have on all GPUs together: the sum of their memory, and the largest
/// share of a GPU's time.
[[nodiscard]] ProcessUsage usage_of(const std::vector<GpuProcess>& processes, const Sample& sample);

/// Returns `12.5 GiB`; `-` if it is not known.
[[nodiscard]] std::string memory_text(const std::optional<std::uint64_t>& bytes);
/// Returns `37 %`; `-` if it is not known.
[[nodiscard]] std::string busy_text(const std::optional<unsigned>& percent);

/// Returns a table with a line for each GPU and MIG device.
[[nodiscard]] Table usage_table(const Sample& sample);

/// Returns the member `usage` of a device and of a process.
[[nodiscard]] Json usage_json(const DeviceUsage& usage);
[[nodiscard]] Json usage_json(const ProcessUsage& usage);

}  // namespace nvhook
