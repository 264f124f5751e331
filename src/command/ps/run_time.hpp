// SPDX-License-Identifier: Apache-2.0
// How long a process has run: one that has not run since has opened and closed nothing.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the processor time of all threads of a process, those that have ended included, in
/// nanoseconds; nullopt if there is no such process, or if that is not known. Time of a thread that
/// is running may come to it up to a tick later.
using RunTime = std::function<std::optional<std::uint64_t>(pid_t)>;

/// Returns what the kernel says of processes by their numbers in /proc of `system`. It always says
/// nullopt if those are numbers of another PID namespace than our own.
[[nodiscard]] RunTime run_time_in(const RootDir& system);

}  // namespace nvhook
