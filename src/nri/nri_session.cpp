// SPDX-License-Identifier: Apache-2.0
// Only the creation of containers is subscribed to; whatever else comes is answered, not handled.
#include "nri/nri_session.hpp"

#include <exception>
#include <utility>

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kRuntimeService = "nri.pkg.api.v1alpha1.Runtime";
constexpr const char* kPluginService = "nri.pkg.api.v1alpha1.Plugin";
/// The bit of CREATE_CONTAINER, event 4, the first of which has bit 0.
constexpr std::int32_t kEvents = 1 << 3;
constexpr std::uint32_t kFirstCall = 1;

// Codes of gRPC.
constexpr int kInvalidArgument = 3;
constexpr int kFailedPrecondition = 9;
constexpr int kUnimplemented = 12;
constexpr int kInternal = 13;

/// A call that is answered with an error.
struct Refusal {
  int code = kInternal;
  std::string message = {};
};

template <typename T>
T parsed(const std::string& bytes) {
  T message;
  if (message.ParseFromString(bytes)) return message;
  throw Refusal{kInvalidArgument, "oci-nvidia cannot read this message"};
}

/// The request is at fault, or the host is.
int code_of(const Error& error) {
  constexpr int kRequestClass = exit_status(Code::unknown_capability);
  return exit_status(error.code()) == kRequestClass ? kInvalidArgument : kFailedPrecondition;
}

}  // namespace

NriSession::NriSession(NriPlugin plugin, Adjust adjust)
    : plugin_(std::move(plugin)), adjust_(std::move(adjust)) {}

std::string NriSession::start() const {
  nri::RegisterPluginRequest registration;
  registration.set_plugin_name(plugin_.name);
  registration.set_plugin_idx(plugin_.index);
  nri::CallRequest call;
  call.set_service(kRuntimeService);
  call.set_method("RegisterPlugin");
  call.set_payload(registration.SerializeAsString());
  return to_frames({.connection = kRuntimeConnection,
                    .call = kFirstCall,
                    .type = kCallRequest,
                    .body = call.SerializeAsString()});
}

std::string NriSession::receive(std::string_view bytes) {
  reader_.add(bytes);
  std::string to_send;
  while (const auto message = reader_.next()) {
    if (message->connection == kRuntimeConnection) {
      take_response(*message);
    } else if (message->type == kCallRequest) {
      to_send += answer(*message);
    }
  }
  return to_send;
}

void NriSession::take_response(const NriMessage& message) const {
  nri::CallResponse response;
  if (message.type != kCallResponse || !response.ParseFromString(message.body)) {
    throw Error(Code::internal, "the runtime's answer on the NRI socket makes no sense",
                "name the socket of NRI with --socket");
  }
  if (response.status().code() == 0) return;
  throw Error(Code::invalid_request,
              "the runtime refuses the NRI plugin " + plugin_.index + "-" + plugin_.name + ": " +
                  response.status().message(),
              "look at the section nri of the runtime's configuration");
}

std::string NriSession::answer(const NriMessage& message) {
  nri::CallResponse response;
  const auto refuse = [&](int code, const std::string& why) {
    response.mutable_status()->set_code(code);
    response.mutable_status()->set_message(why);
  };
  try {
    response.set_payload(serve(parsed<nri::CallRequest>(message.body)));
  } catch (const Refusal& refusal) {
    refuse(refusal.code, refusal.message);
  } catch (const Error& error) {
    refuse(code_of(error), to_line(error));
  } catch (const std::exception& error) {
    refuse(kInternal, to_line(Error(Code::internal, error.what(), "report this as a defect")));
  }
  return to_frames({.connection = message.connection,
                    .call = message.call,
                    .type = kCallResponse,
                    .body = response.SerializeAsString()});
}

std::string NriSession::serve(const nri::CallRequest& call) {
  if (call.service() != kPluginService) {
    throw Refusal{kUnimplemented, "oci-nvidia has no service " + call.service()};
  }
  const std::string& method = call.method();
  if (method == "CreateContainer") {
    return adjust_(parsed<nri::CreateContainerRequest>(call.payload())).SerializeAsString();
  }
  if (method == "Configure") return configure(call.payload());
  if (method == "Synchronize") {
    // Containers that exist keep what they have. A runtime that sends them in parts wants to hear
    // that more of them are welcome.
    nri::SynchronizeResponse response;
    response.set_more(parsed<nri::SynchronizeRequest>(call.payload()).more());
    return response.SerializeAsString();
  }
  if (method == "StateChange" || method == "Shutdown") return {};
  throw Refusal{kUnimplemented, "oci-nvidia has no method " + method};
}

std::string NriSession::configure(const std::string& payload) {
  const auto request = parsed<nri::ConfigureRequest>(payload);
  runtime_ = request.runtime_name() + " " + request.runtime_version();
  if (request.request_timeout() > 0) {
    patience_ = std::chrono::milliseconds(request.request_timeout());
  }
  nri::ConfigureResponse response;
  response.set_events(kEvents);
  return response.SerializeAsString();
}

}  // namespace nvhook
