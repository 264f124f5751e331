// SPDX-License-Identifier: Apache-2.0
// The socket on which a runtime waits for plugins.
#pragma once

#include <optional>
#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Connects to the socket at `path` below `system`. Returns an empty descriptor, with errno, if
/// nobody listens there.
[[nodiscard]] UniqueFd connect_to_nri(const RootDir& system, const std::string& path);

/// Sends all of `bytes`; returns false, with errno, if the peer takes no more within two seconds,
/// after which a runtime gives a plugin up anyway.
[[nodiscard]] bool send_all(int socket, const std::string& bytes);

/// Returns what has arrived, at least one byte; nullopt, with errno (0 at the end), if nothing
/// will.
[[nodiscard]] std::optional<std::string> receive_some(int socket);

}  // namespace nvhook
