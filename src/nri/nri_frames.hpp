// SPDX-License-Identifier: Apache-2.0
// The bytes on the socket of NRI: messages of ttrpc in frames that say which connection they are
// of.
//
// A frame is the number of a connection and the length of what follows (4 bytes each, the highest
// first). A connection is a stream of messages: length, number of the call (4 bytes each), type and
// flags (1 byte each), and as many bytes of the message. A message may begin and end anywhere in
// frames (NRI pkg/net/multiplex, ttrpc PROTOCOL.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// Connections within the one socket, by the service that is called on them.
inline constexpr std::uint32_t kPluginConnection = 1;
inline constexpr std::uint32_t kRuntimeConnection = 2;

inline constexpr std::uint8_t kCallRequest = 1;
inline constexpr std::uint8_t kCallResponse = 2;

/// The largest message that ttrpc has, in bytes.
inline constexpr std::size_t kMaxNriMessage = 4UL << 20U;

struct NriMessage {
  std::uint32_t connection = kPluginConnection;
  std::uint32_t call = 0;
  std::uint8_t type = kCallRequest;
  std::string body = {};

  friend bool operator==(const NriMessage&, const NriMessage&) = default;
};

/// Returns the frames of a message. None is larger than the 4096 bytes that ttrpc reads at once:
/// NRI gives up a connection whose reader has less room than a frame has bytes. Throws
/// Error(internal) for a message above kMaxNriMessage.
[[nodiscard]] std::string to_frames(const NriMessage& message);

/// Puts messages together from what arrives, in pieces of any size.
class NriReader {
 public:
  /// Throws Error(internal) for a frame or message that is longer than any may be; the socket is of
  /// no use then. Frames of other connections are passed over.
  void add(std::string_view bytes);

  /// Returns the next whole message, in the order in which they ended; nullopt if there is none.
  [[nodiscard]] std::optional<NriMessage> next();

 private:
  std::string received_ = {};
  std::map<std::uint32_t, std::string> streams_ = {};
};

}  // namespace nvhook
