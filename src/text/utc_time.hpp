// SPDX-License-Identifier: Apache-2.0
// Time as it is shown and written.
#pragma once

#include <cstdint>
#include <string>

namespace nvhook {

/// Returns `2026-11-30T11:05:00Z` for a number of seconds since 1970; empty for one that no
/// calendar has.
[[nodiscard]] std::string utc_time(std::int64_t seconds);

}  // namespace nvhook
