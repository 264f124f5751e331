// SPDX-License-Identifier: Apache-2.0
// The one message to systemd that is needed, in D-Bus's wire format. Our own, because no D-Bus
// library can be linked into a static executable (Debian's need libsystemd.so).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/inventory.hpp"

namespace nvhook {

/// A call of org.freedesktop.systemd1.Manager.SetUnitProperties(`unit`, runtime, [DeviceAllow])
/// that adds reading and writing of `devices`; little-endian, serial 1. D-Bus specification,
/// "Message Protocol"; org.freedesktop.systemd1(5).
[[nodiscard]] std::string device_allow_call(std::string_view unit,
                                            const std::vector<DeviceNumber>& devices);

/// How a peer answered.
struct DbusReply {
  bool is_error = false;
  std::string error = {};  ///< its text, as far as it has one

  friend bool operator==(const DbusReply&, const DbusReply&) = default;
};

/// Takes messages from the start of `bytes`: the reply to serial 1, if it is there; signals before
/// it are passed over. Nothing if more bytes are needed.
struct DbusInput {
  std::optional<DbusReply> reply = {};
  bool is_malformed = false;
};
[[nodiscard]] DbusInput read_dbus_reply(std::string_view bytes);

}  // namespace nvhook
