// SPDX-License-Identifier: Apache-2.0
// Tests links in /dev/char, and what a dry run tells, on a host with real device nodes.
#include "command/nvidia_ctk/dev_char_links.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/device_host.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DevCharLinks : public test::DeviceHost {};

TEST_F(DevCharLinks, NodesThatAreThereAreFound) {
  on_host([&] {
    put_node("/dev/nvidia0", 195, 0);
    put_node("/dev/null", 1, 3);
    std::filesystem::create_directory(path("/dev/nvidia-caps"));
    put_node("/dev/nvidia-caps/nvidia-cap1", 239, 1);
    const auto links = links_of_nodes(*open_root(path("/")));
    EXPECT_THAT(links, ElementsAre(DevCharLink{{195, 0}, "nvidia0"},
                                   DevCharLink{{239, 1}, "nvidia-caps/nvidia-cap1"}));
  });
}

TEST_F(DevCharLinks, ALinkOfAnotherTextToTheSameDeviceIsRight) {
  on_host([&] {
    put_node("/dev/nvidia0", 195, 0);
    std::filesystem::create_directory(path("/dev/char"));
    std::filesystem::create_symlink("../nvidia0", path("/dev/char/195:0"));
    std::filesystem::create_symlink("../nvidia0", path("/dev/char/195:1"));
    const RootDir root = *open_root(path("/"));
    const LinkDirectory links(root, "/dev/char");
    EXPECT_EQ(links.make({195, 0}, "/dev/nvidia0"), LinkResult::present);
    EXPECT_EQ(links.make({195, 1}, "/dev/nvidia1"), LinkResult::occupied);
    EXPECT_EQ(links.make({195, 2}, "/dev/nvidia2"), LinkResult::made);
  });
}

TEST_F(DevCharLinks, ADryRunTellsOfNodesAndMakesNone) {
  on_host([&] {
    EXPECT_THAT(provide({}, {.load_modules = false, .only_tell = true}),
                HasSubstr("info: would make device node /dev/nvidiactl\n"));
    EXPECT_FALSE(std::filesystem::exists(path("/dev/nvidiactl")));
  });
}

TEST_F(DevCharLinks, NodesAreMadeBelowTheRootThatIsNamed) {
  on_host([&] {
    std::filesystem::create_directories(path("/other/dev"));
    const RootDir other = *open_root(path("/other"));
    static_cast<void>(provide({}, {.load_modules = false, .nodes_root = &other}));
    EXPECT_EQ(describe("/other/dev/nvidiactl"), "c 195:255 666 0:0");
    EXPECT_EQ(describe("/dev/nvidiactl"), "nothing");
  });
}

}  // namespace
}  // namespace nvhook
