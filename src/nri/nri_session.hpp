// SPDX-License-Identifier: Apache-2.0
// One connection of a plugin to a runtime by NRI, without the socket: bytes in, bytes out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "nri/nri_frames.hpp"
#include "nri_messages.pb.h"

namespace nvhook {

/// How a plugin makes itself known. Plugins are called in the order of their indices, which have
/// two digits.
struct NriPlugin {
  std::string name = {};
  std::string index = {};
};

class NriSession {
 public:
  /// Decides about one container. What it throws as an Error reaches the user as one line, and the
  /// container is not created.
  using Adjust = std::function<nri::CreateContainerResponse(const nri::CreateContainerRequest&)>;

  NriSession(NriPlugin plugin, Adjust adjust);

  /// Returns what is sent first: the registration.
  [[nodiscard]] std::string start() const;

  /// Takes what the runtime sent, and returns what is to be sent to it; may be empty. Throws
  /// Error(internal) if it is no NRI, and Error(invalid_request) with the runtime's own words if it
  /// refuses the plugin.
  [[nodiscard]] std::string receive(std::string_view bytes);

  /// Name and version of the runtime; empty until it has configured the plugin.
  [[nodiscard]] const std::string& runtime() const noexcept { return runtime_; }

  /// How long the runtime waits for an answer. After that it closes the connection, and creates the
  /// container without what the plugin would have given.
  [[nodiscard]] std::chrono::milliseconds patience() const noexcept { return patience_; }

 private:
  void take_response(const NriMessage& message) const;
  [[nodiscard]] std::string answer(const NriMessage& message);
  [[nodiscard]] std::string serve(const nri::CallRequest& call);
  [[nodiscard]] std::string configure(const std::string& payload);

  NriPlugin plugin_;
  Adjust adjust_;
  NriReader reader_ = {};
  std::string runtime_ = {};
  std::chrono::milliseconds patience_{2'000};  ///< NRI's own, if the runtime says nothing
};

}  // namespace nvhook
