// SPDX-License-Identifier: Apache-2.0
// Device filters of cgroup v2 that another process changes while the hook is at work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/device_cgroup_v2.hpp"
#include "support/restricted_cgroup.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DeviceFilter filter_of(const TestCgroup& cgroup) {
  return {open_directory(cgroup), cgroup.directory(), {kRandom}};
}

DeviceFilter grant(const TestCgroup& cgroup) {
  DeviceFilter filter = filter_of(cgroup);
  EXPECT_THAT(filter.prepare(), IsEmpty());
  filter.grant();
  return filter;
}

struct Flags {
  std::string name;
  std::uint32_t flags;
};

class DeviceFilterChangedMeanwhile : public ::testing::TestWithParam<Flags> {};

TEST_P(DeviceFilterChangedMeanwhile, IsMadeAnewFromTheProgramThatIsThere) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto old = attach_filter(cgroup, runtime_filter(kNull), GetParam().flags);
    DeviceFilter filter = filter_of(cgroup);
    EXPECT_THAT(filter.prepare(), IsEmpty());
    detach_filter(cgroup, old);
    attach_filter(cgroup, runtime_filter(kZero), GetParam().flags);
    filter.grant();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kZero), 0);
    EXPECT_EQ(open_in(cgroup, kNull), EPERM);
    EXPECT_THAT(filters_of(cgroup), SizeIs(1));
  });
}

TEST_P(DeviceFilterChangedMeanwhile, IsNotPutBackInPlaceOfAnotherProgram) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull), GetParam().flags);
    DeviceFilter filter = grant(cgroup);
    detach_filter(cgroup, filters_of(cgroup).at(0));
    const auto other = attach_filter(cgroup, runtime_filter(kZero), GetParam().flags);
    filter.revoke();
    EXPECT_THAT(filters_of(cgroup), ElementsAre(other));
  });
}

// systemd, when it reloads, attaches the program that the runtime named to it beside ours.
TEST(DeviceFilterConfirm, GrantsInAProgramThatCameAfterTheGrant) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull), BPF_F_ALLOW_MULTI);
    DeviceFilter filter = grant(cgroup);
    attach_filter(cgroup, runtime_filter(kZero), BPF_F_ALLOW_MULTI);
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
    filter.confirm();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    filter.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

INSTANTIATE_TEST_SUITE_P(Table, DeviceFilterChangedMeanwhile,
                         ::testing::Values(Flags{"Single", 0}, Flags{"Multi", BPF_F_ALLOW_MULTI}),
                         [](const auto& row) { return row.param.name; });

/// A filter that another process replaced between prepare() and grant().
class ReplacedFilter {
 public:
  explicit ReplacedFilter(const TestCgroup& cgroup) : cgroup_(cgroup), filter_(filter_of(cgroup)) {
    const auto old = attach_filter(cgroup, runtime_filter(kNull));
    EXPECT_THAT(filter_.prepare(), IsEmpty());
    detach_filter(cgroup, old);
    new_ = attach_filter(cgroup, runtime_filter(kNull));
  }

  /// From now on the bpf(2) command `command` is refused.
  void expect_failure(unsigned command, const std::string& why) {
    refuse_call(SYS_bpf, EPERM, command);
    try {
      filter_.grant();
      FAIL() << "success, and nothing was granted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cgroup_denied);
      EXPECT_EQ(error.what(), why + " of `" + cgroup_.directory() + "`: Operation not permitted");
      EXPECT_THAT(error.remedy(), HasSubstr("--device or CDI"));
    }
  }
  [[nodiscard]] bpf::ProgramId there() const { return new_; }

 private:
  const TestCgroup& cgroup_;
  DeviceFilter filter_;
  bpf::ProgramId new_ = 0;
};

TEST(DeviceFilter, FailsIfTheNewFilterMayNotBeQueried) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    ReplacedFilter(cgroup).expect_failure(
        BPF_PROG_QUERY, "device rules skipped: no right to query the device filters");
  });
}

TEST(DeviceFilter, FailsIfTheNewFilterIsProtectedFromUs) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    ReplacedFilter filter(cgroup);
    filter.expect_failure(BPF_PROG_GET_FD_BY_ID,
                          "left in force, and it may deny the devices: device filter program " +
                              std::to_string(filter.there()));
  });
}

// Before each of our system calls another process attaches a filter that allows less than the old
// one.
TEST(DeviceFilter, NeverPutsAnOlderPolicyInThePlaceOfANewerOne) {
  in_private_namespaces([] {
    const Scratch scratch;
    int granted = 0;
    for (int step = 0;; ++step) {
      const TestCgroup cgroup(scratch.v2());
      attach_filter(cgroup, runtime_filter(kNull), 0);
      if (bpf::attached_to(open_directory(cgroup).get())->revision() == 0) {
        throw NotPossibleHere("this kernel does not count changes");
      }
      const bool came = meets_after(
          step, [&] { grant(cgroup); },
          [&](pid_t) { attach_filter(cgroup, runtime_filter(kZero), 0); });
      if (!came) break;
      EXPECT_EQ(open_in(cgroup, kNull), EPERM) << "the old policy is back, step " << step;
      EXPECT_EQ(open_in(cgroup, kZero), 0) << step;
      if (open_in(cgroup, kRandom) == 0) ++granted;
      ASSERT_LT(step, 10000);
    }
    EXPECT_GT(granted, 0);
  });
}

}  // namespace
}  // namespace nvhook
