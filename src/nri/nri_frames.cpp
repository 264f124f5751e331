// SPDX-License-Identifier: Apache-2.0
// Lengths are checked as soon as they are known, so that a stranger's never decides on memory.
#include "nri/nri_frames.hpp"

#include <algorithm>

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kFrameHeader = 8;
constexpr std::size_t kMessageHeader = 10;
constexpr std::size_t kNumber = 4;
constexpr std::size_t kMaxFrame = 4096;
constexpr std::size_t kTypeAt = 8;
constexpr unsigned kByteBits = 8;
constexpr std::uint32_t kByteMask = 0xff;

std::uint32_t number_at(std::string_view bytes, std::size_t at) {
  std::uint32_t number = 0;
  for (const char byte : bytes.substr(at, kNumber)) {
    number = number << kByteBits | static_cast<unsigned char>(byte);
  }
  return number;
}

void put_number(std::string& bytes, std::uint32_t number) {
  for (std::size_t i = kNumber; i-- > 0;) {
    bytes.push_back(static_cast<char>(number >> (i * kByteBits) & kByteMask));
  }
}

void require_length(std::size_t length, std::size_t limit, const std::string& what) {
  if (length <= limit) return;
  throw Error(Code::internal,
              what + " of " + std::to_string(length) + " bytes on the NRI socket, above " +
                  std::to_string(limit),
              "name the socket of NRI with --socket");
}

std::string message_bytes(const NriMessage& message) {
  require_length(message.body.size(), kMaxNriMessage, "a message");
  std::string bytes;
  put_number(bytes, static_cast<std::uint32_t>(message.body.size()));
  put_number(bytes, message.call);
  bytes.push_back(static_cast<char>(message.type));
  bytes.push_back('\0');
  return bytes + message.body;
}

}  // namespace

std::string to_frames(const NriMessage& message) {
  const std::string bytes = message_bytes(message);
  std::string frames;
  for (std::size_t at = 0; at < bytes.size(); at += kMaxFrame) {
    const std::size_t size = std::min(kMaxFrame, bytes.size() - at);
    put_number(frames, message.connection);
    put_number(frames, static_cast<std::uint32_t>(size));
    frames.append(bytes, at, size);
  }
  return frames;
}

void NriReader::add(std::string_view bytes) {
  received_ += bytes;
  std::size_t at = 0;
  while (received_.size() - at >= kFrameHeader) {
    const std::uint32_t connection = number_at(received_, at);
    const std::size_t length = number_at(received_, at + kNumber);
    require_length(length, kMessageHeader + kMaxNriMessage, "a frame");
    if (received_.size() - at - kFrameHeader < length) break;
    if (connection == kPluginConnection || connection == kRuntimeConnection) {
      streams_[connection].append(received_, at + kFrameHeader, length);
    }
    at += kFrameHeader + length;
  }
  received_.erase(0, at);
}

std::optional<NriMessage> NriReader::next() {
  for (auto& [connection, stream] : streams_) {
    if (stream.size() < kMessageHeader) continue;
    const std::size_t length = number_at(stream, 0);
    require_length(length, kMaxNriMessage, "a message");
    if (stream.size() - kMessageHeader < length) continue;
    NriMessage message{.connection = connection,
                       .call = number_at(stream, kNumber),
                       .type = static_cast<std::uint8_t>(stream[kTypeAt]),
                       .body = stream.substr(kMessageHeader, length)};
    stream.erase(0, kMessageHeader + length);
    return message;
  }
  return std::nullopt;
}

}  // namespace nvhook
