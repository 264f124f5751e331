// SPDX-License-Identifier: Apache-2.0
// Asks NVML, in a child process, for facts that are not in /proc: compute capability, brand, names
// of MIG devices, CUDA version of an unknown branch.
#pragma once

#include "host/gpu/driver_details.hpp"
#include "host/gpu/gpu_question.hpp"
#include "host/gpu/gpu_usage.hpp"

namespace nvhook {

/// Answers from the cache below /run/oci-nvidia-hook if root wrote it for this boot, driver, GPUs
/// and MIG devices. Otherwise runs `oci-nvidia-probe` with a fixed environment, as a user of its
/// own, and caches its answer. Throws Error(probe_failed) if the probe is missing, dies, exceeds
/// the deadline or prints anything but a valid answer, and Error(driver_files_missing) if there is
/// no NVML library.
[[nodiscard]] DriverDetails query_gpus(const GpuQuery& query);

/// Runs `oci-nvidia-probe` as query_gpus() does, and asks it for memory and utilisation, which
/// nothing caches. Throws as query_gpus() does.
[[nodiscard]] GpuUsage query_usage(const GpuQuery& query);

}  // namespace nvhook
