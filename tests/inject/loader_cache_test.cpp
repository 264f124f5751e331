// SPDX-License-Identifier: Apache-2.0
// Our loader caches, checked by the real ldconfig and by the real loader in a root of its own.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/ld_cache.hpp"
#include "support/loader_root.hpp"

namespace nvhook::test {
namespace {

constexpr int kImage = 1;
constexpr int kImageVariant = 2;
constexpr int kDriver = 3;

// Names on which other sort orders differ from the loader's.
const std::vector<std::string> kImageNames = {
    "libz.so.1",          "libm.so.6",       "libm.so.10",       "libstdc++.so.6", "libyaml-0.so.2",
    "libyaml-cpp.so.0.8", "libA.so.1",       "liba.so.1",        "lib9.so.1",      "lib10.so.1",
    "libfoo_bar.so.1",    "libfoo-bar.so.1", "libfoo.so.1",      "libfoo.so.1.2",  "libfoo.so.1.10",
    "libd-20240102.so.1", "libd-9999.so.1",  "libx264.so.164",   "libx26.so.4",    "libOpenCL.so.1",
    "libnvidia-egl.so.1", "libcuda.so.1",    "libnvidia-ml.so.1"};
const std::vector<std::string> kDriverNames = {
    "libcuda.so.1",          "libnvidia-ml.so.1",   "libnvidia-ptxjitcompiler.so.1",
    "libnvidia-opencl.so.1", "libnvcuvid.so.1",     "libnvidia-encode.so.1",
    "libEGL_nvidia.so.0",    "libGLX_nvidia.so.0",  "libnvoptix.so.1",
    "libnvidia-cfg.so.1",    "libvdpau_nvidia.so.1"};

std::vector<LdCacheEntry> driver_entries() {
  std::vector<LdCacheEntry> entries;
  entries.reserve(kDriverNames.size());
  for (const std::string& name : kDriverNames) {
    entries.push_back(
        {.flags = native_library_flags(), .name = name, .path = "/opt/driver/" + name});
  }
  return entries;
}

/// A root with the image's libraries in /opt/image and the driver's in /opt/driver, made once.
class LoaderCache : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto compiler = find_program("cc");
    const auto ldconfig = find_program("ldconfig");
    if (!compiler || !ldconfig) {
      return;
    }
    root_ = std::make_unique<LoaderRoot>(testing::TempDir(), *compiler, *ldconfig);
    for (const std::string& name : kImageNames) {
      root_->add_library("/opt/image", name, kImage);
    }
    for (const std::string& name : kDriverNames) {
      root_->add_library("/opt/driver", name, kDriver);
    }
    root_->add_library("/opt/variants", "libcuda.so.1", kImage);
    for (const std::string level : {"x86-64-v2", "x86-64-v3"}) {
      root_->add_library("/opt/variants/glibc-hwcaps/" + level, "libcuda.so.1", kImageVariant);
    }
    root_->add_probe();
  }
  static void TearDownTestSuite() { root_.reset(); }

  void SetUp() override {
    if (!root_) {
      GTEST_SKIP() << "this test needs cc and ldconfig";
    }
    const auto cache = root_->ldconfig({"/opt/image"}, "new");
    if (!cache) {
      GTEST_SKIP() << "no chroot for ldconfig: neither root nor a user namespace";
    }
    image_cache_ = *cache;
  }

  static std::unique_ptr<LoaderRoot> root_;
  std::string image_cache_ = {};
};

std::unique_ptr<LoaderRoot> LoaderCache::root_ = {};

class LoaderCacheFormat : public LoaderCache, public testing::WithParamInterface<std::string> {};

// ldconfig lists the libraries of a directory after those of the directories given before it.
TEST_P(LoaderCacheFormat, IsWhatLdconfigWouldHaveWritten) {
  const auto before = root_->ldconfig({"/opt/image"}, GetParam());
  const auto after = root_->ldconfig({"/opt/driver", "/opt/image"}, "new");
  ASSERT_TRUE(before && after);
  const LdCacheEdit edit = edit_ld_cache(*before, driver_entries());
  EXPECT_TRUE(edit.kept_existing);
  EXPECT_GE(root_->print(*after).size(), kImageNames.size() + kDriverNames.size());
  EXPECT_EQ(root_->print(edit.bytes), root_->print(*after));
}

INSTANTIATE_TEST_SUITE_P(LoaderCache, LoaderCacheFormat, testing::Values("new", "compat", "old"),
                         [](const auto& row) { return row.param; });

TEST_F(LoaderCache, OfNoCacheIsWhatLdconfigWouldHaveWritten) {
  const std::string bytes = edit_ld_cache("", driver_entries()).bytes;
  std::vector<std::string> expected;
  for (const std::string& line :
       root_->print(root_->ldconfig({"/opt/driver"}, "new").value_or(std::string{}))) {
    if (line.find("/opt/driver/") != std::string::npos) {
      expected.push_back(line);
    }
  }
  EXPECT_EQ(expected.size(), kDriverNames.size());
  EXPECT_EQ(root_->print(bytes), expected);
}

TEST_F(LoaderCache, KeepsTheNamesOfHwcapsDirectories) {
  const auto before = root_->ldconfig({"/opt/variants"}, "new");
  ASSERT_TRUE(before);
  EXPECT_EQ(root_->print(edit_ld_cache(*before, {}).bytes), root_->print(*before));
}

TEST_F(LoaderCache, IsReadAsLdconfigPrintsIt) {
  const auto entries = parse_ld_cache(image_cache_);
  ASSERT_TRUE(entries);
  const std::vector<std::string> lines = root_->print(image_cache_);
  ASSERT_EQ(entries->size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].starts_with("\t" + entries->at(i).name + " (")) << lines[i];
    EXPECT_TRUE(lines[i].ends_with(" => " + entries->at(i).path)) << lines[i];
  }
}

TEST_F(LoaderCache, GivesTheLoaderTheDriversLibrary) {
  const int before = root_->probe(image_cache_, {"libcuda.so.1"});
  if (before == kRefused) {
    GTEST_SKIP() << "no chroot for the loader: neither root nor a user namespace";
  }
  EXPECT_EQ(before, kImage);
  EXPECT_EQ(root_->probe(edit_ld_cache(image_cache_, driver_entries()).bytes, {"libcuda.so.1"}),
            kDriver);
}

TEST_F(LoaderCache, GivesTheLoaderTheDriversLibraryBeforeAHwcapsVariant) {
  const auto before = root_->ldconfig({"/opt/variants"}, "new");
  ASSERT_TRUE(before);
  const int chosen_before = root_->probe(*before, {"libcuda.so.1"});
  if (chosen_before == kRefused) {
    GTEST_SKIP() << "no chroot for the loader: neither root nor a user namespace";
  }
  // kImageVariant if processor and loader know one of the levels.
  EXPECT_NE(chosen_before, kDriver);
  EXPECT_EQ(root_->probe(edit_ld_cache(*before, driver_entries()).bytes, {"libcuda.so.1"}),
            kDriver);
}

TEST_F(LoaderCache, LetsTheLoaderFindEveryLibrary) {
  std::vector<std::string> names = kImageNames;
  names.insert(names.end(), kDriverNames.begin(), kDriverNames.end());
  const int found = root_->probe(edit_ld_cache(image_cache_, driver_entries()).bytes, names);
  if (found == kRefused) {
    GTEST_SKIP() << "no chroot for the loader: neither root nor a user namespace";
  }
  EXPECT_EQ(found, kDriver);
}

}  // namespace
}  // namespace nvhook::test
