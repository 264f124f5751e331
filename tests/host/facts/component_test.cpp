// SPDX-License-Identifier: Apache-2.0
// The component table against the lists of files that each capability needs.
#include "host/facts/component.hpp"

#include <gtest/gtest.h>

#include <set>

namespace nvhook {
namespace {

TEST(Components, HaveOneRowPerNameAndAPurpose) {
  std::set<std::pair<ComponentKind, std::string_view>> seen;
  for (const Component& row : components()) {
    EXPECT_TRUE(seen.insert({row.kind, row.name}).second) << row.name;
    EXPECT_FALSE(row.purpose.empty()) << row.name;
    const bool for_wsl =
        row.kind == ComponentKind::wsl_store || row.name == std::string_view("libdxcore.so");
    EXPECT_EQ(row.capabilities.empty(), for_wsl) << row.name;
  }
}

TEST(Components, LibrariesAreNamedUpToSo) {
  for (const Component& row : components()) {
    if (row.kind == ComponentKind::library) {
      const bool is_rule = row.name.find('*') != std::string_view::npos;
      EXPECT_TRUE(row.name.ends_with(".so") || is_rule) << row.name;
    }
  }
}

TEST(Components, VideoBringsComputeLibrariesButNotItsBinaries) {
  const Component* cuda = find_component(ComponentKind::library, "libcuda.so");
  const Component* server = find_component(ComponentKind::binary, "nvidia-cuda-mps-server");
  ASSERT_NE(cuda, nullptr);
  ASSERT_NE(server, nullptr);
  EXPECT_TRUE(cuda->capabilities.contains(Capability::video));
  EXPECT_FALSE(server->capabilities.contains(Capability::video));
}

TEST(Components, DisplayBringsGraphicsLibraries) {
  const Component* gl = find_component(ComponentKind::library, "libGLX_nvidia.so");
  ASSERT_NE(gl, nullptr);
  EXPECT_TRUE(gl->capabilities.contains(Capability::display));
}

TEST(Components, UnknownNameHasNoRow) {
  EXPECT_EQ(find_component(ComponentKind::library, "libc.so"), nullptr);
  EXPECT_EQ(find_component(ComponentKind::binary, "libcuda.so"), nullptr);
}

struct RuleCase {
  const char* library;
  const char* purpose;  ///< nullptr: not a file of the driver
};
class UnlistedLibrary : public ::testing::TestWithParam<RuleCase> {};
TEST_P(UnlistedLibrary, IsClassifiedByItsName) {
  const Component* row = classify_library(GetParam().library);
  if (GetParam().purpose == nullptr) {
    EXPECT_EQ(row, nullptr);
  } else {
    ASSERT_NE(row, nullptr);
    EXPECT_EQ(row->purpose, GetParam().purpose);
  }
}
INSTANTIATE_TEST_SUITE_P(
    Names, UnlistedLibrary,
    ::testing::Values(RuleCase{"libcuda.so", "CUDA driver library"},
                      RuleCase{"libnvidia-egl-new.so", "EGL (by name)"},
                      RuleCase{"libnvidia-wayland-client.so", "Wayland (by name)"},
                      RuleCase{"libnvidia-vksc-new.so", "Vulkan (by name)"},
                      RuleCase{"libnvidia-gtk3.so", "nvidia-settings (by name)"},
                      RuleCase{"libglxserver_nvidia.so", "X server's GLX (by name)"},
                      RuleCase{"libnvidia-nvvm80.so", "NVVM (by name)"},
                      RuleCase{"libnvidia-decode.so", "video (by name)"},
                      RuleCase{"libnvidia-something.so", "of the driver, purpose unknown"},
                      RuleCase{"libX_nvidia.so", "of the driver, purpose unknown"},
                      RuleCase{"libc.so", nullptr}, RuleCase{"libnvidia-container.so", nullptr},
                      RuleCase{"libGL.so", "OpenGL without GLVND"},
                      RuleCase{"nvidia.so", nullptr}));

TEST(Versions, OfALibrarysOwnAreNumbersThatAreNoDrivers) {
  for (const char* own : {"1", "4.0.0", "1.1.13", "12"}) EXPECT_TRUE(is_own_version(own)) << own;
  for (const char* other : {"", "580.95.05", "620.10", "1~", "1.rpmsave", "470.57.02.bak", "1 2",
                            "1\n2", "1;65a1b2c3"}) {
    EXPECT_FALSE(is_own_version(other)) << other;
  }
}

TEST(Components, LinksStandBesideLibrariesOfTheTable) {
  for (const ComponentLink& link : component_links()) {
    EXPECT_NE(find_component(ComponentKind::library, link.library), nullptr) << link.library;
  }
}

}  // namespace
}  // namespace nvhook
