// SPDX-License-Identifier: Apache-2.0
// Fuzzes replies of systemd on its private socket, whole and in pieces.
#include "cgroup/systemd/dbus_message.hpp"
#include "fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view bytes = fuzz::text_of(data, size);
  DbusInput before;
  for (std::size_t end = 0; end <= size; end += end < 128 ? 1 : size / 16 + 1) {
    const DbusInput now = read_dbus_reply(bytes.substr(0, end));
    fuzz::require(!(now.reply && now.is_malformed), "an answer is one, or is malformed");
    fuzz::require(!before.is_malformed || now.is_malformed, "more bytes do not mend a message");
    if (before.reply)
      fuzz::require(now.reply == before.reply, "more bytes do not change the answer");
    before = now;
  }
  if (before.reply) {
    fuzz::require(before.reply->size <= size, "no more is taken than there is");
    const auto text = text_of_variant(before.reply->body);
    fuzz::require(!text || text->size() < before.reply->body.size(), "a text is in its body");
  }
  // The name of a unit comes from the cgroup of a container.
  const std::string call = device_allow_call(bytes.substr(0, 256), {{195, 255}, {511, 0}});
  fuzz::require(!read_dbus_reply(call).reply && !read_dbus_reply(call).is_malformed,
                "a call is a message");
  return 0;
}
