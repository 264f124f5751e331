// SPDX-License-Identifier: Apache-2.0
// Fuzzes the cached host below /run, a file that another version may have written.
#include "fuzz/fuzz.hpp"
#include "host/cache/cached_host.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  constexpr std::string_view kKey = "key";
  const auto cached = parse_cached_host(fuzz::text_of(data, size), kKey);
  if (!cached) return 0;
  for (const DriverFile& file : cached->files) {
    fuzz::require(file.component != nullptr, "a file belongs to a component");
  }
  const auto text = to_text(*cached, kKey);
  fuzz::require(text.has_value(), "what was read can be written");
  fuzz::require(parse_cached_host(*text, kKey) == cached, "what is written is read as it was");
  fuzz::require(!parse_cached_host(*text, "another"), "another question gets no answer");
  fuzz::require(!parse_cached_host(text->substr(0, text->size() - 1), kKey),
                "a part of a text is no answer");
  return 0;
}
