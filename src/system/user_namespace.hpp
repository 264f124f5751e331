// SPDX-License-Identifier: Apache-2.0
// Whether this process is in a user namespace other than the host's.
#pragma once

namespace nvhook {

/// True unless /proc/self/uid_map is the identity of all ids. Read once.
[[nodiscard]] bool in_user_namespace();

}  // namespace nvhook
