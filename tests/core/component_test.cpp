// SPDX-License-Identifier: Apache-2.0
// The component table against the lists of what each capability needs.
#include "core/component.hpp"

#include <gtest/gtest.h>

#include <set>

namespace nvhook {
namespace {

TEST(Components, HaveOneRowPerNameAndAPurpose) {
  std::set<std::pair<ComponentKind, std::string_view>> seen;
  for (const Component& row : components()) {
    EXPECT_TRUE(seen.insert({row.kind, row.name}).second) << row.name;
    EXPECT_FALSE(row.purpose.empty()) << row.name;
    EXPECT_FALSE(row.capabilities.empty()) << row.name;
  }
}

TEST(Components, LibrariesAreNamedUpToSo) {
  for (const Component& row : components()) {
    if (row.kind == ComponentKind::library) {
      EXPECT_TRUE(row.name.ends_with(".so")) << row.name;
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

TEST(Components, LinksStandBesideLibrariesOfTheTable) {
  for (const ComponentLink& link : component_links()) {
    EXPECT_NE(find_component(ComponentKind::library, link.library), nullptr) << link.library;
  }
}

}  // namespace
}  // namespace nvhook
