// SPDX-License-Identifier: Apache-2.0
// A plugin's side of NRI: registration, configuration, and calls that it serves or refuses.
#include "nri/nri_session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kService = "nri.pkg.api.v1alpha1.Plugin";

nri::CreateContainerResponse adds_nothing(const nri::CreateContainerRequest&) { return {}; }

/// What the plugin answers to a call of a runtime.
nri::CallResponse answer_to(NriSession& session, const std::string& method,
                            const std::string& payload, const std::string& service = kService) {
  nri::CallRequest call;
  call.set_service(service);
  call.set_method(method);
  call.set_payload(payload);
  NriReader reader;
  reader.add(session.receive(to_frames({.call = 9, .body = call.SerializeAsString()})));
  const auto message = reader.next();
  EXPECT_TRUE(message && message->call == 9 && message->type == kCallResponse);
  nri::CallResponse response;
  EXPECT_TRUE(message && response.ParseFromString(message->body));
  return response;
}

NriSession session(NriSession::Adjust adjust = adds_nothing) {
  return NriSession({.name = "oci-nvidia", .index = "90"}, std::move(adjust));
}

TEST(NriSession, RegistersUnderItsNameAndIndex) {
  NriReader reader;
  reader.add(session().start());
  const auto message = reader.next();
  nri::CallRequest call;
  nri::RegisterPluginRequest registration;
  ASSERT_TRUE(message && call.ParseFromString(message->body) &&
              registration.ParseFromString(call.payload()));
  EXPECT_EQ(message->connection, kRuntimeConnection);
  EXPECT_EQ(call.service() + "/" + call.method(), "nri.pkg.api.v1alpha1.Runtime/RegisterPlugin");
  EXPECT_EQ(registration.plugin_idx() + "-" + registration.plugin_name(), "90-oci-nvidia");
}

TEST(NriSession, SubscribesToTheCreationOfContainersAlone) {
  NriSession plugin = session();
  nri::ConfigureRequest request;
  request.set_runtime_name("containerd");
  request.set_runtime_version("2.1.9");
  nri::ConfigureResponse response;
  ASSERT_TRUE(response.ParseFromString(
      answer_to(plugin, "Configure", request.SerializeAsString()).payload()));
  EXPECT_EQ(response.events(), 8);
  EXPECT_EQ(plugin.runtime(), "containerd 2.1.9");
  EXPECT_EQ(plugin.patience(), std::chrono::seconds(2));
}

TEST(NriSession, KnowsHowLongTheRuntimeWaits) {
  NriSession plugin = session();
  nri::ConfigureRequest request;
  request.set_request_timeout(700);
  static_cast<void>(answer_to(plugin, "Configure", request.SerializeAsString()));
  EXPECT_EQ(plugin.patience(), std::chrono::milliseconds(700));
  request.set_request_timeout(-1);
  static_cast<void>(answer_to(plugin, "Configure", request.SerializeAsString()));
  EXPECT_EQ(plugin.patience(), std::chrono::milliseconds(700));
}

TEST(NriSession, WantsTheRestOfWhatARuntimeTellsInParts) {
  NriSession plugin = session();
  nri::SynchronizeRequest request;
  request.set_more(true);
  nri::SynchronizeResponse response;
  ASSERT_TRUE(response.ParseFromString(
      answer_to(plugin, "Synchronize", request.SerializeAsString()).payload()));
  EXPECT_TRUE(response.more());
}

TEST(NriSession, AnErrorIsOneLineForTheUserAndTheNextCallIsServed) {
  NriSession plugin = session([](const nri::CreateContainerRequest& request) {
    if (request.container().name() == "bad") {
      throw Error(Code::unknown_device, "`17`: unknown device", "name a GPU");
    }
    return nri::CreateContainerResponse();
  });
  nri::CreateContainerRequest request;
  request.mutable_container()->set_name("bad");
  const auto refused = answer_to(plugin, "CreateContainer", request.SerializeAsString());
  EXPECT_EQ(refused.status().code(), 3);
  EXPECT_EQ(refused.status().message(), "NVH-0202: `17`: unknown device. Try: name a GPU.");
  request.mutable_container()->set_name("good");
  EXPECT_FALSE(answer_to(plugin, "CreateContainer", request.SerializeAsString()).has_status());
}

TEST(NriSession, CallsThatItDoesNotKnowAreRefusedNotFatal) {
  NriSession plugin = session();
  EXPECT_EQ(answer_to(plugin, "UpdateContainer", "").status().code(), 12);
  EXPECT_EQ(answer_to(plugin, "Configure", "", "grpc.health").status().code(), 12);
  EXPECT_EQ(answer_to(plugin, "CreateContainer", "\xff").status().code(), 3);
  EXPECT_FALSE(answer_to(plugin, "StateChange", "").has_status());
  EXPECT_FALSE(answer_to(plugin, "Shutdown", "").has_status());
}

TEST(NriSession, ARuntimesRefusalIsToldInItsWords) {
  nri::CallResponse response;
  response.mutable_status()->set_code(3);
  response.mutable_status()->set_message("invalid plugin index");
  NriSession plugin = session();
  EXPECT_THAT(
      [&] {
        static_cast<void>(plugin.receive(to_frames({.connection = kRuntimeConnection,
                                                    .call = 1,
                                                    .type = kCallResponse,
                                                    .body = response.SerializeAsString()})));
      },
      fails_with(Code::invalid_request, "90-oci-nvidia: invalid plugin index"));
}

}  // namespace
}  // namespace nvhook
