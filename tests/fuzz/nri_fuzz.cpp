// SPDX-License-Identifier: Apache-2.0
// Fuzzes what a runtime sends to the NRI plugin, whole and in pieces, up to the container's task.
#include "fuzz/fuzz.hpp"
#include "nri/nri_container.hpp"
#include "nri/nri_session.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"

namespace {

using namespace nvhook;

nri::CreateContainerResponse adjust(const nri::CreateContainerRequest& request) {
  const std::string json = config_json_of(request.container());
  fuzz::require(annotated_devices(request).size() <= 4UL << 20U, "a list is from its message");
  const ContainerTask task = derive_task(json, parse_spec(json), Config());
  static_cast<void>(reason_to_do_nothing(task, Role::adjuster));
  return {};
}

/// What the plugin sends for `bytes`, in pieces of `step`.
std::string answers(std::string_view bytes, std::size_t step) {
  NriSession session({.name = "oci-nvidia", .index = "90"}, adjust);
  std::string sent;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    const auto more = fuzz::attempt([&] { return session.receive(bytes.substr(at, step)); });
    if (!more) break;
    sent += *more;
  }
  return sent;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const std::string whole = answers(bytes, size + 1);
  const std::string pieces = answers(bytes, size / 16 + 1);
  fuzz::require(pieces.starts_with(whole) || whole.starts_with(pieces),
                "what is answered does not depend on the pieces in which bytes come");
  NriReader reader;
  reader.add(whole);
  while (reader.next()) {
  }
  return 0;
}
