// SPDX-License-Identifier: Apache-2.0
// The text format of the host cache.
#include "host/cache/cached_host.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

const std::string kKey = "what was asked";

CachedHost usual_memo() {
  return {
      .gpus = {{.index = 1, .minor = 3, .uuid = "GPU-a", .pci = "0000:07:00.0", .model = "A B"}},
      .files = {{.kind = ComponentKind::library,
                 .component = find_component(ComponentKind::library, "libcuda.so"),
                 .abi = Abi::compat32,
                 .path = HostPath("/usr/lib/libcuda.so.1.2"),
                 .found_as = HostPath("/usr/lib/libcuda.so.1"),
                 .soname = "libcuda.so.1",
                 .has_plain_link = true},
                {.kind = ComponentKind::firmware,
                 .component = &firmware_component(),
                 .path = HostPath("/lib/firmware/gsp.bin"),
                 .place = ContainerPath("/lib/firmware/nvidia/1.2/gsp.bin"),
                 .refers_to = {"libx.so.1", "/usr/lib/liby.so.1"}}},
      .notes = {info("missing programs: a, b"), warning("left out c")},
      .dependencies = {{.file = {.root = HostRoot::driver, .path = HostPath("/usr/lib")},
                        .exists = true,
                        .device = 65024,
                        .inode = 18446744073709551615U,
                        .links = 3,
                        .changed_seconds = -1,
                        .changed_nanoseconds = 999999999},
                       {.file = {.path = HostPath("/opt")}}}};
}

std::string usual_text() { return to_text(usual_memo(), kKey).value(); }

TEST(CachedHost, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_cached_host(usual_text(), kKey), usual_memo());
  EXPECT_EQ(parse_cached_host(to_text({}, kKey).value(), kKey), CachedHost());
}

TEST(CachedHost, AnotherQuestionHasNoAnswer) {
  EXPECT_FALSE(parse_cached_host(usual_text(), "what was asked?"));
  EXPECT_FALSE(parse_cached_host(usual_text(), ""));
}

TEST(CachedHost, NoPartOfATextIsOne) {
  const std::string text = usual_text();
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_cached_host(text.substr(0, size), kKey)) << size;
  }
  EXPECT_FALSE(parse_cached_host(text + "end\n", kKey));
}

TEST(CachedHost, ALineThatMeansNothingIsRefused) {
  for (const std::string line :
       {"", "gpu", "disk\t0", "note\t2\tx", "note\t0", "note\t0\tx\ty", "gpu\t-1\t0\tu\tp\tm\t0",
        "gpu\t0\t99999999999\tu\tp\tm\t0", "gpu\t0x1\t0\tu\tp\tm\t0",
        "file\t0\tlibother.so\t0\t/p\t/q\ts\t\t0\t", "file\t99\tlibcuda.so\t0\t/p\t/q\ts\t\t0\t",
        "file\t-1\tlibcuda.so\t0\t/p\t/q\ts\t\t0\t", "dependency\t0\t/p\t1\t1\t1\t1\t1"}) {
    EXPECT_FALSE(parse_cached_host(kKey + "\n" + line + "\nend\n", kKey)) << line;
  }
}

TEST(CachedHost, WhatWouldTearALineIsNotWritten) {
  CachedHost cached = usual_memo();
  cached.gpus[0].model = "A\tB";
  EXPECT_FALSE(to_text(cached, kKey));
  EXPECT_FALSE(to_text(usual_memo(), "two\nlines"));
}

}  // namespace
}  // namespace nvhook
