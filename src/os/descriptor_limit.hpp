// SPDX-License-Identifier: Apache-2.0
// The limit on open descriptors of this process (RLIMIT_NOFILE).
#pragma once

namespace nvhook {

/// Raises the soft limit to the hard one, but at most to 65,536: engines pass on 1,024, and a
/// container with every MIG device of 16 GPUs needs more. If that fails, the limit stays.
void raise_descriptor_limit() noexcept;

/// Restores our caller's limit in a child that is about to execute another program, because some
/// programs loop over all possible descriptors. Async-signal-safe.
void restore_descriptor_limit() noexcept;

}  // namespace nvhook
