// SPDX-License-Identifier: Apache-2.0
// The D-Bus messages that systemd gets, in D-Bus's wire format. Written by hand, because no
// D-Bus library can be linked into a static executable (Debian's need libsystemd.so).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

// Calls, little-endian. Sources: D-Bus specification, "Message Protocol";
// org.freedesktop.systemd1(5).

/// Returns a call of org.freedesktop.DBus.Properties.Get for the ControlGroup of the scope `unit`;
/// serial 1.
[[nodiscard]] std::string control_group_call(std::string_view unit);

/// Returns a call of org.freedesktop.systemd1.Manager.SetUnitProperties(`unit`, runtime,
/// [DeviceAllow]) that adds reading and writing of `devices`; serial 2.
[[nodiscard]] std::string device_allow_call(std::string_view unit,
                                            const std::vector<DeviceNumber>& devices);

/// Returns a call of org.freedesktop.DBus.Properties.Get for the ActiveState of `unit`; serial 3.
[[nodiscard]] std::string active_state_call(std::string_view unit);

/// Returns a call of org.freedesktop.systemd1.Manager.RestartUnit(`unit`, replace); serial 4.
[[nodiscard]] std::string restart_call(std::string_view unit);

/// Returns a call of org.freedesktop.DBus.Properties.Get for the State of the job that is the
/// object `job`; serial 5.
[[nodiscard]] std::string job_state_call(std::string_view job);

/// The answer of a peer.
struct DbusReply {
  bool is_error = false;
  std::string error = {};  ///< error text, if it has one
  std::string body = {};   ///< body of a return
  std::size_t size = 0;    ///< bytes consumed

  friend bool operator==(const DbusReply&, const DbusReply&) = default;
};

/// The reply to the one pending call at the start of `bytes`, if it is complete; signals before it
/// are skipped. `reply` is nullopt if more bytes are needed.
struct DbusInput {
  std::optional<DbusReply> reply = {};
  bool is_malformed = false;
};
[[nodiscard]] DbusInput read_dbus_reply(std::string_view bytes);

/// Returns the text in the body of a return that is a variant with a string, as Properties.Get
/// returns it; nullopt for any other body.
[[nodiscard]] std::optional<std::string> text_of_variant(std::string_view body);

/// Returns the path in the body of a return that is one object path; nullopt for any other body.
[[nodiscard]] std::optional<std::string> object_path_of(std::string_view body);

}  // namespace nvhook
