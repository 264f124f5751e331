// SPDX-License-Identifier: Apache-2.0
// What of a container is of a driver of before. Mounts are in tests/engine/test_refresh.py.
#include "command/containers/stale_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/ld_cache.hpp"
#include "support/planner_host.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string kLibraries = "/usr/lib64/";

/// A container with libraries of driver 535.1, which the host has.
class StaleDriverTest : public testing::Test {
 protected:
  StaleDriverTest() {
    root_.write(kLibraries + "libcuda.so.535.1", "library");
    root_.link(kLibraries + "libcuda.so.1", "libcuda.so.535.1");
    has_.files.push_back(*as_driver_file({.target = kLibraries + "libcuda.so.535.1"}));
  }

  [[nodiscard]] StaleDriver find() const {
    const auto root = open_root(root_.path());
    return find_stale_driver(*root, has_, host_, nullptr);
  }

  [[nodiscard]] std::vector<std::string> links() const {
    std::vector<std::string> paths;
    for (const Symlink& link : find().links) paths.push_back(link.link.filename());
    return paths;
  }

  void write_cache(const std::vector<std::string>& names) const {
    std::vector<LdCacheEntry> entries;
    for (const std::string& name : names) {
      entries.push_back({.flags = native_library_flags(), .name = name, .path = kLibraries + name});
    }
    root_.write("/etc/ld.so.cache", edit_ld_cache("", entries).bytes);
  }

  test::TemporaryDirectory root_;
  Inventory host_ = test::host();
  ContainerDriver has_;
};

TEST_F(StaleDriverTest, OfTodayIsNothing) {
  write_cache({"libcuda.so.1"});
  EXPECT_TRUE(find().empty());
}

TEST_F(StaleDriverTest, LinksThatLeadToNamesOfBefore) {
  root_.link(kLibraries + "libnvidia-ml.so.1", "libnvidia-ml.so.530.9");
  root_.link(kLibraries + "libnvidia-ml.so", "libnvidia-ml.so.1");
  root_.link(kLibraries + "libnvcuvid.so.1", kLibraries + "libnvcuvid.so.530.9");
  root_.link(kLibraries + "libz.so.1", "libz.so.1.3");
  EXPECT_THAT(links(),
              UnorderedElementsAre("libnvidia-ml.so.1", "libnvidia-ml.so", "libnvcuvid.so.1"));
}

TEST_F(StaleDriverTest, LinksThatTheInstallerMakes) {
  root_.link(kLibraries + "libGLX_indirect.so.0", "libGLX_nvidia.so.530.9");
  root_.link(kLibraries + "gbm/nvidia-drm_gbm.so", "../libnvidia-allocator.so.1");
  root_.link(kLibraries + "libnvidia-allocator.so.1", "libnvidia-allocator.so.530.9");
  root_.link(kLibraries + "libnvidia-opticalflow.so", "libcuda.so.535.1");
  EXPECT_THAT(links(), UnorderedElementsAre("libGLX_indirect.so.0", "nvidia-drm_gbm.so",
                                            "libnvidia-allocator.so.1"));
}

TEST_F(StaleDriverTest, TheEmptyPlaceOfAMountIsNoLibrary) {
  root_.link(kLibraries + "libnvidia-ml.so.1", "libnvidia-ml.so.530.9");
  root_.write(kLibraries + "libnvidia-ml.so.530.9");
  EXPECT_THAT(links(), ElementsAre("libnvidia-ml.so.1"));
}

TEST_F(StaleDriverTest, ALibraryOfTheImagesOwnIsNotStale) {
  root_.link(kLibraries + "libnvidia-ml.so.1", "libnvidia-ml.so.530.9");
  root_.write(kLibraries + "libnvidia-ml.so.530.9", "library");
  EXPECT_TRUE(find().empty());
}

TEST_F(StaleDriverTest, EntriesOfTheLoaderCache) {
  root_.link(kLibraries + "libnvidia-ml.so.1", "libnvidia-ml.so.530.9");
  write_cache({"libcuda.so.1", "libnvidia-ml.so.1", "libnvidia-tls.so.530.9", "libz.so.1"});
  std::vector<std::string> names;
  for (const LoaderEntry& entry : find().cached) names.push_back(entry.soname);
  EXPECT_THAT(names, UnorderedElementsAre("libnvidia-ml.so.1", "libnvidia-tls.so.530.9"));
}

TEST_F(StaleDriverTest, ACacheThatIsNoneHasNoEntries) {
  root_.write("/etc/ld.so.cache", "nonsense");
  EXPECT_TRUE(find().empty());
}

TEST_F(StaleDriverTest, NodesWithAnotherNumberOrOfNoDevice) {
  const DeviceNode& known = host_.nodes.front();
  const std::string path = known.file.path.str();
  has_.nodes = {{.path = path, .number = known.number},
                {.path = path, .number = {known.number.major, known.number.minor + 1}},
                {.path = "/dev/nvidia99", .number = {195, 99}},
                {.path = "/dev/dri/card9", .number = {226, 9}},
                {.path = "/dev/nvidia98", .number = {1, 3}}};
  EXPECT_THAT(find().nodes, ElementsAre(has_.nodes[1], has_.nodes[2]));
}

TEST_F(StaleDriverTest, WhatIsNoMountIsNotTakenAway) {
  has_.files.push_back(*as_driver_file({.target = kLibraries + "libcuda.so.530.9"}));
  root_.write(kLibraries + "libcuda.so.530.9", "library");
  EXPECT_THAT(find().mounts, IsEmpty());
}

}  // namespace
}  // namespace nvhook
