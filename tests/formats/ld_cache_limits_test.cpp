// SPDX-License-Identifier: Apache-2.0
// Tests what loader caches that no ldconfig writes may cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "formats/ld_cache.hpp"
#include "formats/ld_cache_order.hpp"
#include "support/make_ld_cache.hpp"

namespace nvhook::test {
namespace {

LdCacheEntry library(const std::string& name) {
  return {.flags = native_library_flags(), .name = name, .path = "/usr/lib/" + name};
}

/// A cache of `count` libraries whose names have that many digits, unsorted.
std::string cache_of_digits(std::size_t count, std::size_t digits) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same cache each time
  std::vector<LdCacheEntry> entries;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(100000000U + random() % 100000000U);
    entries.push_back(library(std::string(digits - number.size(), '0') + number));
  }
  return make_ld_cache({.entries = entries});
}

// Their cost is bounded by the sorting work, which the last test of this file measures.
TEST(ParseLdCache, RefusesMoreThanAnyImageHas) {
  EXPECT_TRUE(parse_ld_cache(cache_of_digits(65536, 9)));
  EXPECT_FALSE(parse_ld_cache(cache_of_digits(65537, 9)));
  EXPECT_TRUE(parse_ld_cache(cache_of_digits(1, 255)));
  EXPECT_FALSE(parse_ld_cache(cache_of_digits(1, 256)));
}

TEST(EditLdCache, MakesAnewWhatIsTooMuchWorkToSort) {
  const std::vector<LdCacheEntry> ours{library("libcuda.so.1")};
  EXPECT_TRUE(edit_ld_cache(cache_of_digits(20000, 80), ours).kept_existing);
  const std::string digits = cache_of_digits(60000, 100);
  EXPECT_TRUE(parse_ld_cache(digits));
  const LdCacheEdit edit = edit_ld_cache(digits, ours);
  EXPECT_FALSE(edit.kept_existing);
  EXPECT_EQ(parse_ld_cache(edit.bytes), ours);
}

TEST(EditLdCache, KeepsALargeCacheThatNeedsNoSorting) {
  const std::vector<LdCacheEntry> ours{library("libcuda.so.1")};
  std::vector<LdCacheEntry> entries;
  for (int i = 0; i < 60000; ++i) {
    entries.push_back(library("lib" + std::string(100, 'x') + std::to_string(100000 - i)));
  }
  EXPECT_TRUE(edit_ld_cache(make_ld_cache({.entries = entries}), ours).kept_existing);
}

TEST(CacheOrder, SortingLooksAtNoMoreCharactersThanItsBound) {
  constexpr std::size_t kCount = 3000;
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same names each time
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kCount; ++i) names.push_back(std::to_string(random()));
  std::size_t comparisons = 0;
  std::stable_sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    ++comparisons;
    return std::is_gt(compare_cache_names(a, b));
  });
  EXPECT_LE(comparisons * 10, sorting_work(kCount, 10));
}

}  // namespace
}  // namespace nvhook::test
