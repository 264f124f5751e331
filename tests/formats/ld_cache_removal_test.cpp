// SPDX-License-Identifier: Apache-2.0
// Libraries taken out of a loader cache again.
#include <gtest/gtest.h>

#include "formats/ld_cache.hpp"

namespace nvhook {
namespace {

LdCacheEntry library(const std::string& name, const std::string& path) {
  return {.flags = native_library_flags(), .name = name, .path = path};
}

const LdCacheEntry kLibc = library("libc.so.6", "/lib/libc.so.6");
const LdCacheEntry kCuda = library("libcuda.so.1", "/usr/lib/libcuda.so.1");
const LdCacheEntry kMl = library("libnvidia-ml.so.1", "/usr/lib/libnvidia-ml.so.1");

TEST(LdCacheRemoval, TakesOutWhatWasAddedAndNothingElse) {
  const std::string before = edit_ld_cache("", {kLibc}).bytes;
  const std::string added = edit_ld_cache(before, {kCuda, kMl}).bytes;
  EXPECT_EQ(edit_ld_cache(added, {}, {kCuda, kMl}).bytes, before);
  EXPECT_EQ(parse_ld_cache(edit_ld_cache(added, {}, {kMl}).bytes)->size(), 2U);
}

TEST(LdCacheRemoval, KeepsALibraryOfThatNameInAnotherPlace) {
  const LdCacheEntry own = library("libcuda.so.1", "/opt/libcuda.so.1");
  const std::string both = edit_ld_cache(edit_ld_cache("", {own}).bytes, {kCuda}).bytes;
  const auto left = parse_ld_cache(edit_ld_cache(both, {}, {kCuda}).bytes);
  ASSERT_EQ(left->size(), 1U);
  EXPECT_EQ(left->front().path, own.path);
}

TEST(LdCacheRemoval, WhatIsNotThereIsNoMatter) {
  const std::string before = edit_ld_cache("", {kLibc}).bytes;
  EXPECT_EQ(edit_ld_cache(before, {}, {kCuda}).bytes, before);
  EXPECT_FALSE(edit_ld_cache("no cache", {}, {kCuda}).kept_existing);
}

}  // namespace
}  // namespace nvhook
