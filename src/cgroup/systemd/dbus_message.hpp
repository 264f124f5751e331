// SPDX-License-Identifier: Apache-2.0
// The two messages to systemd that are needed, in D-Bus's wire format. Our own, because no D-Bus
// library can be linked into a static executable (Debian's need libsystemd.so).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

// Calls, little-endian. D-Bus specification, "Message Protocol"; org.freedesktop.systemd1(5).

/// A call of org.freedesktop.DBus.Properties.Get for the ControlGroup of the scope `unit`; serial
/// 1.
[[nodiscard]] std::string control_group_call(std::string_view unit);

/// A call of org.freedesktop.systemd1.Manager.SetUnitProperties(`unit`, runtime, [DeviceAllow])
/// that adds reading and writing of `devices`; serial 2.
[[nodiscard]] std::string device_allow_call(std::string_view unit,
                                            const std::vector<DeviceNumber>& devices);

/// How a peer answered.
struct DbusReply {
  bool is_error = false;
  std::string error = {};  ///< its text, as far as it has one
  std::string body = {};   ///< of a return
  std::size_t size = 0;    ///< of all that was taken

  friend bool operator==(const DbusReply&, const DbusReply&) = default;
};

/// Takes messages from the start of `bytes`: the reply to the one call that waits for one, if it is
/// there; signals before it are passed over. Nothing if more bytes are needed.
struct DbusInput {
  std::optional<DbusReply> reply = {};
  bool is_malformed = false;
};
[[nodiscard]] DbusInput read_dbus_reply(std::string_view bytes);

/// The text in a return's body that is a variant with a string, as Properties.Get returns it;
/// nothing if it is anything else.
[[nodiscard]] std::optional<std::string> text_of_variant(std::string_view body);

}  // namespace nvhook
