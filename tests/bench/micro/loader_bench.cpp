// SPDX-License-Identifier: Apache-2.0
// Measures reading and editing the loader cache, and reading a library's headers.
#include <string>
#include <vector>

#include "bench/micro/allocations.hpp"
#include "formats/elf.hpp"
#include "formats/ld_cache.hpp"
#include "support/elf_builder.hpp"
#include "text/read_at.hpp"

namespace nvhook::bench {
namespace {

std::vector<LdCacheEntry> libraries(const std::string& name, std::int64_t count) {
  std::vector<LdCacheEntry> entries;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string file = name + std::to_string(i) + ".so.1";
    entries.push_back({.flags = native_library_flags(),
                       .name = file,
                       .path = "/usr/lib/x86_64-linux-gnu/" + file});
  }
  return entries;
}

/// Entries are in the loader's order, as ldconfig writes them.
std::string image_cache(std::int64_t count) {
  return edit_ld_cache("", libraries("libimage", count)).bytes;
}

void ld_cache_parse(benchmark::State& state) {
  const std::string bytes = image_cache(state.range(0));
  measure(state, [&] { return parse_ld_cache(bytes); });
}
BENCHMARK(ld_cache_parse)->Arg(50)->Arg(500)->Arg(5000);

void ld_cache_edit(benchmark::State& state) {
  const std::string bytes = image_cache(state.range(0));
  const std::vector<LdCacheEntry> ours = libraries("libnvidia", 12);
  measure(state, [&] { return edit_ld_cache(bytes, ours); });
}
BENCHMARK(ld_cache_edit)->Arg(50)->Arg(500)->Arg(5000);

void elf(benchmark::State& state) {
  const ReadAt read = test::read_from(test::build_elf({}).bytes);
  measure(state, [&] { return read_elf(read); });
}
BENCHMARK(elf);

}  // namespace
}  // namespace nvhook::bench
