// SPDX-License-Identifier: Apache-2.0
// Sends datagrams to the host's logs.
#pragma once

#include <string>
#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

inline constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

/// Sends one datagram to the socket at `path` below `system`, the host's root. Never waits. Returns
/// false on failure.
[[nodiscard]] bool send_datagram(const RootDir& system, const std::string& path,
                                 const std::string& message);

/// Returns the field `name` in the journal's native protocol, with its line end; line ends and
/// control characters of `value` are replaced (systemd.io/JOURNAL_NATIVE_PROTOCOL).
[[nodiscard]] std::string journal_field(std::string_view name, std::string_view value);

/// Returns `text` made printable, in one line.
[[nodiscard]] std::string in_one_line(std::string_view text);

}  // namespace nvhook
