// SPDX-License-Identifier: Apache-2.0
// Which of the host's GPUs a device selection names.
#pragma once

#include <vector>

#include "core/inventory.hpp"
#include "core/request.hpp"

namespace nvhook {

/// The GPUs that `selection` names, in index order, each once. A name is an index, a UUID (any
/// case, never shortened) or a PCI address `[0000]0000:3b:00.0` (behaviour.md §6.3). Throws
/// Error(unknown_device), with the words `unknown device`, the name, and what this host has.
[[nodiscard]] std::vector<Gpu> select_gpus(const DeviceSelection& selection,
                                           const std::vector<Gpu>& gpus);

/// True if `selection` names a GPU by a UUID that /proc did not tell, so that it must be asked.
[[nodiscard]] bool needs_unknown_uuid(const DeviceSelection& selection,
                                      const std::vector<Gpu>& gpus);

}  // namespace nvhook
