// SPDX-License-Identifier: Apache-2.0
// Encodes calls and decodes replies; lengths from the peer are checked before they are used.
#include "cgroup/systemd/dbus_message.hpp"

#include <cstring>
#include <utility>

#include "os/device_number.hpp"

namespace nvhook {
namespace {

constexpr std::uint8_t kMethodCall = 1;
constexpr std::uint8_t kMethodReturn = 2;
constexpr std::uint8_t kError = 3;
constexpr std::size_t kFixedHeader = 16;
constexpr std::uint32_t kMaxMessage = 1U << 20U;

// Header fields.
constexpr std::uint8_t kPath = 1;
constexpr std::uint8_t kInterface = 2;
constexpr std::uint8_t kMember = 3;
constexpr std::uint8_t kDestination = 6;
constexpr std::uint8_t kSignature = 8;

constexpr std::size_t align_up(std::size_t size, std::size_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

/// Writes values one after the other, each at its alignment from the start.
class Writer {
 public:
  void align(std::size_t alignment) { bytes_.resize(align_up(bytes_.size(), alignment), '\0'); }
  void byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }
  void number(std::uint32_t value) {
    align(4);
    for (unsigned shift = 0; shift < 32; shift += 8)
      byte(static_cast<std::uint8_t>(value >> shift));
  }
  void text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_.append(value) += '\0';
  }
  void signature(std::string_view value) {
    byte(static_cast<std::uint8_t>(value.size()));
    bytes_.append(value) += '\0';
  }
  /// An array of structures. Its length counts from the first structure, after the padding.
  template <typename Fill>
  void structures(const Fill& fill) {
    number(0);
    const std::size_t length_at = bytes_.size() - 4;
    align(8);
    const std::size_t start = bytes_.size();
    fill();
    const auto length = static_cast<std::uint32_t>(bytes_.size() - start);
    for (unsigned i = 0; i < 4; ++i) {
      bytes_[length_at + i] = static_cast<char>(length >> (8 * i));
    }
  }
  void append(const std::string& bytes) { bytes_ += bytes; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

 private:
  std::string bytes_ = {};
};

void header_field(Writer& header, std::uint8_t code, std::string_view type,
                  std::string_view value) {
  header.align(8);
  header.byte(code);
  header.signature(type);
  if (type == "g") {
    header.signature(value);
  } else {
    header.text(value);
  }
}

/// The object and method that a call is for.
struct Callee {
  std::string_view path = {};
  std::string_view interface = {};
  std::string_view member = {};
  std::string_view signature = {};  // of the arguments
};

std::string call_of(const Callee& callee, std::uint32_t serial, const std::string& body) {
  Writer message;
  message.byte('l');
  message.byte(kMethodCall);
  message.byte(0);  // flags
  message.byte(1);  // protocol version
  message.number(static_cast<std::uint32_t>(body.size()));
  message.number(serial);
  message.structures([&] {
    header_field(message, kPath, "o", callee.path);
    header_field(message, kInterface, "s", callee.interface);
    header_field(message, kMember, "s", callee.member);
    header_field(message, kDestination, "s", "org.freedesktop.systemd1");
    header_field(message, kSignature, "g", callee.signature);
  });
  message.align(8);
  message.append(body);
  return message.bytes();
}

/// Returns the path of systemd's object for a unit. Every byte except letters and digits, and a
/// digit at the start, becomes `_` and two hexadecimal digits.
std::string object_of(std::string_view unit) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string path = "/org/freedesktop/systemd1/unit/";
  for (std::size_t at = 0; at < unit.size(); ++at) {
    const char byte = unit[at];
    const bool is_digit = byte >= '0' && byte <= '9';
    const bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
    if (is_letter || (is_digit && at != 0)) {
      path += byte;
      continue;
    }
    const auto value = static_cast<unsigned char>(byte);
    path.append("_").append(1, kDigits[value >> 4U]).append(1, kDigits[value & 0xfU]);
  }
  return path;
}

/// Of the property `name` of systemd's `interface`.
std::string get_call(std::string_view object, const std::string& interface, std::string_view name,
                     std::uint32_t serial) {
  Writer body;
  body.text("org.freedesktop.systemd1." + interface);
  body.text(name);
  return call_of({.path = object,
                  .interface = "org.freedesktop.DBus.Properties",
                  .member = "Get",
                  .signature = "ss"},
                 serial, body.bytes());
}

std::string body_of(std::string_view unit, const std::vector<DeviceNumber>& devices) {
  Writer body;
  body.text(unit);
  body.number(1);  // runtime: only until the next boot
  body.structures([&] {
    body.text("DeviceAllow");
    body.signature("a(ss)");
    body.structures([&] {
      for (const DeviceNumber& device : devices) {
        body.align(8);
        body.text("/dev/char/" + to_string(device));
        body.text("rw");
      }
    });
  });
  return body.bytes();
}

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// The text at the start of an error's body.
std::string text_of(std::string_view body) {
  if (body.size() < 5) return {};
  const std::size_t length = number_at(body, 0);
  return length < body.size() - 4 ? std::string(body.substr(4, length)) : std::string();
}

}  // namespace

std::string control_group_call(std::string_view unit) {
  return get_call(object_of(unit), "Scope", "ControlGroup", 1);
}

std::string device_allow_call(std::string_view unit, const std::vector<DeviceNumber>& devices) {
  return call_of({.path = "/org/freedesktop/systemd1",
                  .interface = "org.freedesktop.systemd1.Manager",
                  .member = "SetUnitProperties",
                  .signature = "sba(sv)"},
                 2, body_of(unit, devices));
}

std::string active_state_call(std::string_view unit) {
  return get_call(object_of(unit), "Unit", "ActiveState", 3);
}

std::string restart_call(std::string_view unit) {
  Writer body;
  body.text(unit);
  body.text("replace");
  return call_of({.path = "/org/freedesktop/systemd1",
                  .interface = "org.freedesktop.systemd1.Manager",
                  .member = "RestartUnit",
                  .signature = "ss"},
                 4, body.bytes());
}

std::string job_state_call(std::string_view job) { return get_call(job, "Job", "State", 5); }

DbusInput read_dbus_reply(std::string_view bytes) {
  const std::size_t whole = bytes.size();
  while (bytes.size() >= kFixedHeader) {
    const auto type = static_cast<std::uint8_t>(bytes[1]);
    const std::uint32_t body_size = number_at(bytes, 4);
    const std::uint32_t fields_size = number_at(bytes, 12);
    // Both ends are on one machine, which is little-endian.
    if (bytes[0] != 'l' || body_size > kMaxMessage || fields_size > kMaxMessage) {
      return {.is_malformed = true};
    }
    const std::size_t body_at = kFixedHeader + align_up(fields_size, 8);
    if (bytes.size() < body_at + body_size) return {};
    if (type == kMethodReturn || type == kError) {
      const std::string_view body = bytes.substr(body_at, body_size);
      DbusReply reply{.is_error = type == kError,
                      .size = whole - bytes.size() + body_at + body_size};
      if (reply.is_error) {
        reply.error = text_of(body);
      } else {
        reply.body = body;
      }
      return {.reply = std::move(reply)};
    }
    bytes.remove_prefix(body_at + body_size);
  }
  return {};
}

std::optional<std::string> text_of_variant(std::string_view body) {
  // The signature `s`, then the string at its alignment.
  constexpr std::string_view kString{"\1s\0\0", 4};
  if (!body.starts_with(kString)) return std::nullopt;
  return object_path_of(body.substr(kString.size()));
}

std::optional<std::string> object_path_of(std::string_view body) {
  if (body.size() < 5) return std::nullopt;
  const std::size_t length = number_at(body, 0);
  if (length != body.size() - 5 || body.back() != '\0') return std::nullopt;
  return std::string(body.substr(4, length));
}

}  // namespace nvhook
