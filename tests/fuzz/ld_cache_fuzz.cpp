// SPDX-License-Identifier: Apache-2.0
// Fuzzes edits of a loader cache from an image.
#include <algorithm>
#include <tuple>

#include "formats/ld_cache.hpp"
#include "fuzz/fuzz.hpp"

namespace {

using namespace nvhook;

using Entries = std::vector<LdCacheEntry>;

Entries additions() {
  const std::int32_t native = native_library_flags();
  return {{.flags = native, .name = "libcuda.so.1", .path = "/usr/lib64/libcuda.so.1"},
          {.flags = native, .name = "libnvidia-ml.so.1", .path = "/usr/lib64/libnvidia-ml.so.1"},
          {.flags = compat32_library_flags(),
           .name = "libcuda.so.1",
           .path = "/usr/lib32/libcuda.so.1"}};
}

bool is_same_library(const LdCacheEntry& a, const LdCacheEntry& b) {
  return a.name == b.name && a.flags == b.flags && a.path == b.path;
}

/// Returns the entries that the edited cache must have, in any order.
Entries expected_of(Entries existing, const Entries& added) {
  std::erase_if(existing, [&](const LdCacheEntry& entry) {
    return std::any_of(added.begin(), added.end(),
                       [&](const auto& other) { return is_same_library(entry, other); });
  });
  existing.insert(existing.end(), added.begin(), added.end());
  return existing;
}

void sort(Entries& entries) {
  std::sort(entries.begin(), entries.end(), [](const LdCacheEntry& a, const LdCacheEntry& b) {
    return std::tie(a.name, a.flags, a.path, a.os_version, a.hwcap) <
           std::tie(b.name, b.flags, b.path, b.os_version, b.hwcap);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text_of(data, size);
  const auto existing = parse_ld_cache(bytes);
  const Entries added = additions();
  const LdCacheEdit edit = edit_ld_cache(bytes, added);
  fuzz::require(edit.kept_existing == (existing || bytes.empty()), "what can be read is kept");
  auto after = parse_ld_cache(edit.bytes);
  fuzz::require(after.has_value(), "what is written can be read");
  const auto first = std::find_if(after->begin(), after->end(), [&](const LdCacheEntry& entry) {
    return entry.name == added[0].name && entry.flags == added[0].flags;
  });
  fuzz::require(first != after->end() && *first == added[0],
                "an addition is the first of its name");
  fuzz::require(edit_ld_cache(edit.bytes, added).bytes == edit.bytes,
                "a second edit changes nothing");
  Entries expected = expected_of(existing.value_or(Entries()), added);
  sort(expected);
  sort(*after);
  fuzz::require(*after == expected, "every other entry is kept");
  // The input may share strings, or tails of one string; the output does not.
  fuzz::require(edit.bytes.size() <= 8 * size + 4096, "an edit does not blow a cache up");
  return 0;
}
