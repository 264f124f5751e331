// SPDX-License-Identifier: Apache-2.0
// Which images get a search path file for musl.
#include "image/musl_probe.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/temporary_directory.hpp"

namespace nvhook::test {
namespace {

#if defined(__x86_64__)
const std::string kArchitecture = "x86_64";
#else
const std::string kArchitecture = "aarch64";
#endif
const std::string kLoader = "/lib/ld-musl-" + kArchitecture + ".so.1";
const std::string kPathFile = "/etc/ld-musl-" + kArchitecture + ".path";

class MuslProbe : public ::testing::Test {
 protected:
  [[nodiscard]] std::string find() const {
    return find_musl_path_file(*open_root(image_.path())).str();
  }

  TemporaryDirectory image_ = {};
};

TEST_F(MuslProbe, AlpineHasAPathFileWhetherItExistsOrNot) {
  image_.write(kLoader);
  EXPECT_EQ(find(), kPathFile);
  image_.write(kPathFile, "/lib\n");
  EXPECT_EQ(find(), kPathFile);
}

TEST_F(MuslProbe, TheLoaderMayBeALinkInTheImage) {
  image_.link(kLoader, "/usr/lib/libc.so");
  image_.write("/usr/lib/libc.so");
  EXPECT_EQ(find(), kPathFile);
}

TEST_F(MuslProbe, AnImageWithoutMuslHasNone) {
  image_.write("/lib64/ld-linux-x86-64.so.2");
  EXPECT_EQ(find(), "");
}

TEST_F(MuslProbe, AnotherArchitecturesLoaderDoesNotCount) {
  image_.write("/lib/ld-musl-riscv64.so.1");
  EXPECT_EQ(find(), "");
}

TEST_F(MuslProbe, MuslBesideDebiansGlibcIsLeftAlone) {
  image_.write(kLoader);
  image_.write("/etc/debian_version", "12.5\n");
  EXPECT_EQ(find(), "");
}

}  // namespace
}  // namespace nvhook::test
