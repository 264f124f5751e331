// SPDX-License-Identifier: Apache-2.0
// Tests the loader cache on images made here; tests/inject/loader_cache_test.cpp compares it with
// the real loader and ldconfig.
#include "formats/ld_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/make_ld_cache.hpp"

namespace nvhook::test {
namespace {

using testing::ElementsAre;

constexpr std::int32_t kNative = 0x0303;
constexpr std::int32_t kCompat = 0x0003;
constexpr std::uint64_t kHwcapExtension = std::uint64_t{1} << 62;

LdCacheEntry library(const std::string& name, const std::string& directory = "/usr/lib",
                     std::int32_t flags = kNative) {
  return {.flags = flags, .name = name, .path = directory + "/" + name};
}

// In the order of ldconfig.
std::vector<LdCacheEntry> image_libraries() {
  return {library("libz.so.1"), library("libm.so.6"), library("libm.so.6", "/usr/lib32", kCompat),
          library("libc.so.6")};
}

std::vector<std::string> names(const std::vector<LdCacheEntry>& entries) {
  std::vector<std::string> result;
  result.reserve(entries.size());
  for (const LdCacheEntry& entry : entries) {
    result.push_back(entry.name);
  }
  return result;
}

/// The entries of the edited image; empty if it cannot be parsed.
std::vector<LdCacheEntry> edited(std::string_view existing,
                                 const std::vector<LdCacheEntry>& additions) {
  return parse_ld_cache(edit_ld_cache(existing, additions).bytes)
      .value_or(std::vector<LdCacheEntry>{});
}

TEST(LdCacheFlags, AreThoseOfThisMachine) {
#if defined(__x86_64__)
  EXPECT_EQ(native_library_flags(), 0x0303);
  EXPECT_EQ(compat32_library_flags(), 0x0003);
#else
  EXPECT_EQ(native_library_flags(), 0x0a03);
  EXPECT_EQ(compat32_library_flags(), 0x0903);
#endif
}

TEST(ParseLdCache, ReadsTheNewFormat) {
  std::vector<LdCacheEntry> entries = image_libraries();
  entries[0].os_version = 0x00020620;
  entries[1].hwcap = kHwcapExtension | 1;
  EXPECT_EQ(parse_ld_cache(make_ld_cache({.entries = entries})), entries);
}

TEST(ParseLdCache, ReadsTheOldFormat) {
  EXPECT_EQ(
      parse_ld_cache(make_ld_cache({.entries = image_libraries(), .format = CacheFormat::old})),
      image_libraries());
}

TEST(ParseLdCache, ReadsTheNewPartOfACombinedFile) {
  std::vector<LdCacheEntry> entries = image_libraries();
  entries.pop_back();
  entries[0].hwcap = kHwcapExtension;
  EXPECT_EQ(parse_ld_cache(make_ld_cache({.entries = entries, .format = CacheFormat::combined})),
            entries);
}

TEST(ParseLdCache, ReadsACacheWithoutLibraries) {
  EXPECT_EQ(parse_ld_cache(make_ld_cache({})), std::vector<LdCacheEntry>{});
}

TEST(ParseLdCache, ReadsACacheThatDoesNotSayItsByteOrder) {
  EXPECT_EQ(parse_ld_cache(make_ld_cache({.entries = image_libraries(), .flags = 0})),
            image_libraries());
}

TEST(ParseLdCache, ReadsLibrariesInSpiteOfBrokenExtensions) {
  const std::string bytes =
      make_ld_cache({.entries = image_libraries(), .generator = "ldconfig 2.36"});
  EXPECT_EQ(parse_ld_cache(with32(bytes, kExtensionOffsetAt, 0xfffffff0)), image_libraries());
}

struct RejectedCache {
  std::string name;
  std::string bytes;
};

std::ostream& operator<<(std::ostream& out, const RejectedCache& cache) {
  return out << cache.name;
}

class RejectedLdCache : public testing::TestWithParam<RejectedCache> {};

TEST_P(RejectedLdCache, IsNotRead) { EXPECT_EQ(parse_ld_cache(GetParam().bytes), std::nullopt); }

TEST_P(RejectedLdCache, IsReplacedByTheAdditions) {
  const LdCacheEdit edit = edit_ld_cache(GetParam().bytes, {library("libcuda.so.1")});
  EXPECT_EQ(edit.kept_existing, GetParam().bytes.empty());
  EXPECT_EQ(parse_ld_cache(edit.bytes), std::vector{library("libcuda.so.1")});
}

std::string big_endian_image() {
  std::string bytes = make_ld_cache({.entries = image_libraries(), .flags = 0});
  for (std::size_t at = kCountAt; at < 48 + 4 * 24; at += 4) {
    std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                 bytes.begin() + static_cast<std::ptrdiff_t>(at + 4));
  }
  return bytes;
}

std::vector<RejectedCache> rejected_caches() {
  const std::string modern = make_ld_cache({.entries = image_libraries()});
  const std::string old = make_ld_cache({.entries = image_libraries(), .format = CacheFormat::old});
  const std::string combined =
      make_ld_cache({.entries = image_libraries(), .format = CacheFormat::combined});
  const std::size_t inner = 16 + 12 * image_libraries().size();
  return {
      {"Nothing", ""},
      {"OneZero", std::string(1, '\0')},
      {"Zeros16MiB", std::string(std::size_t{16} << 20, '\0')},
      {"Text", "# see ldconfig(8), this is not a cache but a text file of more than 48 bytes"},
      {"OnlyTheMagic", "glibc-ld.so.cache1.1"},
      {"OtherVersion", "glibc-ld.so.cache1.2" + modern.substr(20)},
      {"HeaderIsCutShort", modern.substr(0, 47)},
      {"MostLibraries", with32(modern, kCountAt, 0xffffffff)},
      {"OneLibraryTooMany", with32(modern, kCountAt, (modern.size() - 48) / 24 + 1)},
      {"NamePastTheEnd", with32(modern, kFirstNameAt, modern.size())},
      {"NameFarPastTheEnd", with32(modern, kFirstNameAt, 0xffffffff)},
      {"PathPastTheEnd", with32(modern, kFirstPathAt, modern.size())},
      {"NameInTheHeader", with32(modern, kFirstNameAt, 0)},
      {"PathInTheEntries", with32(modern, kFirstPathAt, 48)},
      {"LastStringHasNoTerminator", modern.substr(0, modern.size() - 1)},
      {"SaysBigEndian", make_ld_cache({.entries = image_libraries(), .flags = 3})},
      {"SaysInvalid", make_ld_cache({.entries = image_libraries(), .flags = 1})},
      {"IsBigEndian", big_endian_image()},
      {"OldHeaderIsCutShort", old.substr(0, 15)},
      {"OldMostLibraries", with32(old, 12, 0xffffffff)},
      {"OldNamePastTheEnd", with32(old, 20, old.size())},
      {"OldLastStringHasNoTerminator", old.substr(0, old.size() - 1)},
      {"CombinedMostLibraries", with32(combined, inner + kCountAt, 0xffffffff)},
      {"CombinedSaysBigEndian", with32(combined, inner + kFlagsAt, 3)},
      {"CombinedIsCutShort", combined.substr(0, inner + 47)},
  };
}

INSTANTIATE_TEST_SUITE_P(LdCache, RejectedLdCache, testing::ValuesIn(rejected_caches()),
                         [](const auto& row) { return row.param.name; });

// 40,000 entries whose names and paths are tails of one string of 1 MiB: 80 GiB if all were copied.
TEST(ParseLdCache, RefusesThousandsOfLongStringsInOnePlace) {
  constexpr std::size_t kEntries = 40000;
  constexpr std::size_t kStrings = 48 + kEntries * 24;
  std::string bytes = make_ld_cache({.entries = {}});
  bytes = with32(bytes, kCountAt, kEntries);
  for (std::size_t i = 0; i < kEntries; ++i) {
    put32(bytes, kNative);
    put32(bytes, kStrings + i);
    put32(bytes, kStrings + i);
    bytes.append(12, '\0');
  }
  bytes.append(std::size_t{1} << 20, 'a').push_back('\0');
  EXPECT_EQ(parse_ld_cache(bytes), std::nullopt);
}

std::string full_image(CacheFormat format) {
  std::vector<LdCacheEntry> entries = image_libraries();
  entries[0].hwcap = kHwcapExtension;
  return make_ld_cache({.entries = entries,
                        .format = format,
                        .generator = "ldconfig (GNU libc) stable release version 2.44",
                        .hwcaps = {"x86-64-v2", "x86-64-v3"},
                        .tunables = {{.name = "glibc.malloc.check", .value = "3"}}});
}

/// Whatever `bytes` is, an edit makes a valid image with the additions, which can be edited again.
void expect_survives(const std::string& bytes) {
  const LdCacheEntry added = library("libcuda.so.1");
  const LdCacheEdit edit = edit_ld_cache(bytes, {added});
  const auto entries = parse_ld_cache(edit.bytes);
  ASSERT_TRUE(entries.has_value());
  EXPECT_THAT(*entries, testing::Contains(added));
  EXPECT_EQ(edit_ld_cache(edit.bytes, {added}).bytes, edit.bytes);
}

class EachCacheFormat : public testing::TestWithParam<CacheFormat> {};

TEST_P(EachCacheFormat, SurvivesBeingCutShortAnywhere) {
  const std::string bytes = full_image(GetParam());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    expect_survives(bytes.substr(0, size));
  }
}

TEST_P(EachCacheFormat, SurvivesFlippedBits) {
  std::mt19937 random(20262);
  const std::string bytes = full_image(GetParam());
  for (int round = 0; round < 10000; ++round) {
    std::string damaged = bytes;
    for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) {
      char& byte = damaged.at(random() % damaged.size());
      byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (random() % 8)));
    }
    expect_survives(damaged);
  }
}

std::string format_name(const testing::TestParamInfo<CacheFormat>& row) {
  switch (row.param) {
    case CacheFormat::old:
      return "Old";
    case CacheFormat::combined:
      return "Combined";
    case CacheFormat::modern:
      return "New";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(LdCache, EachCacheFormat,
                         testing::Values(CacheFormat::old, CacheFormat::combined,
                                         CacheFormat::modern),
                         format_name);

TEST(EditLdCache, MakesAMinimalCacheOfNothing) {
  std::string expected = "glibc-ld.so.cache1.1";
  put32(expected, 1);   // libraries
  put32(expected, 22);  // bytes of strings
  put32(expected, 2);   // little endian
  expected.append(16, '\0');
  put32(expected, kNative);
  put32(expected, 48 + 24 + 9);  // the name is the tail of the path
  put32(expected, 48 + 24);
  expected.append(12, '\0').append("/usr/lib/libcuda.so.1").push_back('\0');
  const LdCacheEdit edit = edit_ld_cache("", {library("libcuda.so.1")});
  EXPECT_EQ(edit.bytes, expected);
  EXPECT_TRUE(edit.kept_existing);
}

TEST(EditLdCache, KeepsEveryOtherLibrary) {
  const LdCacheEdit edit =
      edit_ld_cache(make_ld_cache({.entries = image_libraries()}), {library("libcuda.so.1")});
  EXPECT_TRUE(edit.kept_existing);
  std::vector<LdCacheEntry> expected = image_libraries();
  expected.insert(expected.end() - 1, library("libcuda.so.1"));
  EXPECT_EQ(parse_ld_cache(edit.bytes), expected);
}

TEST(EditLdCache, PutsAnAdditionBeforeTheImagesLibraryOfThatName) {
  const LdCacheEntry stub = library("libcuda.so.1", "/opt/stubs");
  EXPECT_THAT(edited(make_ld_cache({.entries = {stub}}), {library("libcuda.so.1")}),
              ElementsAre(library("libcuda.so.1"), stub));
}

TEST(EditLdCache, PutsAnAdditionBeforeTheImagesHwcapsVariant) {
  LdCacheEntry variant = library("libcuda.so.1", "/usr/lib/glibc-hwcaps/x86-64-v3");
  variant.hwcap = kHwcapExtension;
  const std::string image = make_ld_cache({.entries = {variant}, .hwcaps = {"x86-64-v3"}});
  EXPECT_EQ(edited(image, {library("libcuda.so.1")}),
            (std::vector{library("libcuda.so.1"), variant}));
}

TEST(EditLdCache, PutsAnAdditionBeforeANameThatTheLoaderTakesForEqual) {
  const std::string image = make_ld_cache({.entries = {library("libcuda.so.01")}});
  EXPECT_THAT(names(edited(image, {library("libcuda.so.1")})),
              ElementsAre("libcuda.so.1", "libcuda.so.01"));
}

TEST(EditLdCache, ReplacesTheEntryOfTheSameNameFlagsAndPath) {
  LdCacheEntry stale = library("libcuda.so.1");
  stale.os_version = 7;
  EXPECT_EQ(edited(make_ld_cache({.entries = {stale}}), {library("libcuda.so.1")}),
            std::vector{library("libcuda.so.1")});
}

TEST(EditLdCache, KeepsTheEntryOfTheOtherAbi) {
  const LdCacheEntry compat = library("libcuda.so.1", "/usr/lib", kCompat);
  EXPECT_EQ(edited(make_ld_cache({.entries = {compat}}), {library("libcuda.so.1")}),
            (std::vector{library("libcuda.so.1"), compat}));
}

TEST(EditLdCache, TakesAnAdditionOnce) {
  const LdCacheEntry added = library("libcuda.so.1");
  EXPECT_THAT(edited("", {added, added}), ElementsAre(added));
}

TEST(EditLdCache, KeepsTheOrderOfAdditionsOfOneName) {
  const LdCacheEntry first = library("libcuda.so.1", "/b");
  const LdCacheEntry second = library("libcuda.so.1", "/a");
  EXPECT_THAT(edited("", {first, second}), ElementsAre(first, second));
}

TEST(EditLdCache, ChangesNothingWithoutAdditions) {
  std::vector<LdCacheEntry> entries = image_libraries();
  entries[1].hwcap = kHwcapExtension | (std::uint64_t{3} << 32);
  entries[2].os_version = 0x00030200;
  EXPECT_EQ(edited(make_ld_cache({.entries = entries}), {}), entries);
}

TEST(EditLdCache, KeepsTheExtensions) {
  const std::string bytes =
      edit_ld_cache(full_image(CacheFormat::modern), {library("libcuda.so.1")}).bytes;
  const std::size_t directory = get32(bytes, kExtensionOffsetAt);
  EXPECT_EQ(directory % 4, 0U);
  EXPECT_EQ(get32(bytes, directory), 0xeaa42174);
  ASSERT_EQ(get32(bytes, directory + 4), 3U);
  const auto section = [&](std::size_t tag) {
    EXPECT_EQ(get32(bytes, directory + 8 + 16 * tag), tag);
    return bytes.substr(get32(bytes, directory + 16 + 16 * tag),
                        get32(bytes, directory + 20 + 16 * tag));
  };
  const auto text = [&](std::size_t offset) { return std::string(bytes.c_str() + offset); };
  EXPECT_EQ(section(0), "ldconfig (GNU libc) stable release version 2.44");
  EXPECT_EQ(text(get32(section(1), 0)), "x86-64-v2");
  EXPECT_EQ(text(get32(section(1), 4)), "x86-64-v3");
  ASSERT_EQ(section(2).size(), 16U + 32U);
  EXPECT_EQ(get32(section(2), 16 + 4), 17U);
  EXPECT_EQ(text(get32(section(2), 16 + 8)), "glibc.malloc.check");
  EXPECT_EQ(text(get32(section(2), 16 + 12)), "3");
  EXPECT_EQ(get32(section(2), 16 + 16), 0U);
}

TEST(EditLdCache, DropsExtensionsThatPointNowhere) {
  const std::string image =
      make_ld_cache({.entries = image_libraries(), .generator = "ldconfig 2.36"});
  const std::size_t section = get32(image, kExtensionOffsetAt) + 8;
  for (const std::size_t field : {section + 8, section + 12}) {
    const LdCacheEdit edit = edit_ld_cache(with32(image, field, 0xfffffff0), {});
    EXPECT_TRUE(edit.kept_existing);
    EXPECT_EQ(get32(edit.bytes, kExtensionOffsetAt), 0U);
  }
}

TEST(EditLdCache, SaysTheByteOrderOnlyIfTheImageDid) {
  for (const std::uint8_t flags : {std::uint8_t{0}, std::uint8_t{2}}) {
    const std::string image = make_ld_cache({.entries = image_libraries(), .flags = flags});
    EXPECT_EQ(edit_ld_cache(image, {}).bytes.at(kFlagsAt), static_cast<char>(flags));
  }
}

// apko wrote caches in this order, in which the loader's binary search misses names.
TEST(EditLdCache, SortsAnImageThatWasSortedBytewise) {
  const std::string image =
      make_ld_cache({.entries = {library("libyaml-0.so.2"), library("libyaml-cpp.so.0.8"),
                                 library("libz.so.1")}});
  EXPECT_THAT(names(edited(image, {})),
              ElementsAre("libz.so.1", "libyaml-0.so.2", "libyaml-cpp.so.0.8"));
}

struct NameOrder {
  std::string name;
  std::string first;
  std::string second;
};

std::ostream& operator<<(std::ostream& out, const NameOrder& order) { return out << order.name; }

class LdCacheOrder : public testing::TestWithParam<NameOrder> {};

TEST_P(LdCacheOrder, IsTheLoaders) {
  const LdCacheEntry first = library(GetParam().first);
  const LdCacheEntry second = library(GetParam().second);
  EXPECT_EQ(edited("", {first, second}), (std::vector{first, second}));
  EXPECT_EQ(edited("", {second, first}), (std::vector{first, second}));
}

INSTANTIATE_TEST_SUITE_P(LdCache, LdCacheOrder,
                         testing::Values(NameOrder{"Descending", "libz.so.1", "liba.so.1"},
                                         NameOrder{"NumbersByValue", "libm.so.10", "libm.so.9"},
                                         NameOrder{"NumbersInsideByValue", "lib12a.so", "lib2b.so"},
                                         NameOrder{"DigitsBeforeLetters", "lib2.so", "libz.so"},
                                         NameOrder{"DigitsBeforeTheEnd", "libm.so.1", "libm.so."},
                                         NameOrder{"LongerBeforeShorter", "libm.so.6", "libm.so"},
                                         NameOrder{"CaseMatters", "liba.so", "libA.so"},
                                         NameOrder{"DatesByValue", "libd-20240102.so",
                                                   "libd-20230304.so"}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace nvhook::test
