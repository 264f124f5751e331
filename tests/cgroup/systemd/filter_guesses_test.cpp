// SPDX-License-Identifier: Apache-2.0
// Where the guesses for a hidden filter come from, on a host that is a directory of the test.
#include "cgroup/systemd/filter_guesses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::string kCgroup = "0::/system.slice/docker-a.scope\n";
constexpr const char* kConfig =
    R"({"linux": {"resources": {"devices": [{"allow": false, "access": "rwm"}]}}})";
constexpr DeviceNumber kGpu{.major = 195, .minor = 0};
// Two programs for each text of the unit: with and without our drop-in, before and after systemd
// was told.
constexpr std::size_t kBySystemd = 8;
constexpr std::size_t kByRuntimes = 6;

class FilterGuessesTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::vector<BpfProgram> programs(std::string_view config,
                                                 const std::string& cgroup) const {
    return filter_guesses(config, cgroup, root_, {kGpu}).programs();
  }
  void write_unit() {
    host_.write("/run/systemd/transient/docker-a.scope",
                "[Scope]\nDevicePolicy=strict\nDeviceAllow=/dev/char/195:0 rw\n");
  }

  test::TemporaryDirectory host_;
  RootDir root_ = *open_root(host_.path().string());
};

TEST_F(FilterGuessesTest, ComeFromConfigJsonAndTheUnitOfTheScope) {
  EXPECT_THAT(programs(kConfig, kCgroup), SizeIs(kByRuntimes));
  write_unit();
  EXPECT_THAT(programs(kConfig, kCgroup), SizeIs(kByRuntimes + kBySystemd));
  EXPECT_THAT(programs(kConfig, "0::/other.scope\n"), SizeIs(kByRuntimes));
}

TEST_F(FilterGuessesTest, AreNoneOfAConfigJsonThatCannotBeRead) {
  EXPECT_THAT(programs("", kCgroup), IsEmpty());
  EXPECT_THAT(programs("{", kCgroup), IsEmpty());
}

TEST_F(FilterGuessesTest, TellWhetherConfigJsonIsKnown) {
  EXPECT_THAT(filter_guesses("", kCgroup, root_, {}).none_is_right, HasSubstr("is not known here"));
  EXPECT_THAT(filter_guesses(kConfig, kCgroup, root_, {}).none_is_right, HasSubstr("none that"));
}

}  // namespace
}  // namespace nvhook
