// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open at once.
#pragma once

namespace nvhook {

/// Raises the soft limit to the hard one, but to no more than 65,536: engines pass on 1,024, and a
/// container with every MIG device of 16 GPUs needs more. What cannot be raised stays.
void raise_descriptor_limit() noexcept;

/// Gives a child that is about to execute another program the limit that our own caller gave us:
/// some programs do something for each descriptor that they may have. Async-signal-safe.
void restore_descriptor_limit() noexcept;

}  // namespace nvhook
