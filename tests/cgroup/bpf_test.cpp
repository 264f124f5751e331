// SPDX-License-Identifier: Apache-2.0
// bpf(2) alone: reasons of failed loads, and replacing without BPF_F_REPLACE.
#include "cgroup/bpf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/restricted_cgroup.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;

TEST(LoadDeviceFilter, GivesTheVerifiersLastWord) {
  in_private_namespaces([] {
    const bpf::Loaded good = bpf::load_device_filter(constant_filter(0));
    if (!good.program) throw NotPossibleHere("bpf(2) is refused");
    // Exits without setting a return value.
    const bpf::Loaded bad = bpf::load_device_filter({bpf_exit()});
    EXPECT_FALSE(static_cast<bool>(bad.program));
    EXPECT_EQ(bad.reason, "Permission denied (R0 !read_ok)");
  });
}

TEST(InstructionsOf, AreThoseThatWereLoaded) {
  in_private_namespaces([] {
    const bpf::Loaded loaded = bpf::load_device_filter(runtime_filter(kNull));
    if (!loaded.program) throw NotPossibleHere("bpf(2) is refused");
    EXPECT_EQ(bpf::instructions_of(loaded.program.get()), runtime_filter(kNull));
  });
}

TEST(ReplaceInTwoSteps, LeavesTheNewProgramAlone) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const UniqueFd old = bpf::open_program(attach_filter(cgroup, runtime_filter(kNull)));
    const bpf::Loaded loaded = bpf::load_device_filter(runtime_filter(kZero));
    EXPECT_EQ(bpf::replace_in_two_steps(open_directory(cgroup).get(), BPF_F_ALLOW_MULTI, old.get(),
                                        loaded.program.get()),
              0);
    EXPECT_THAT(filters_of(cgroup), ElementsAre(bpf::id_of(loaded.program.get())));
  });
}

TEST(ReplaceInTwoSteps, LeavesNothingOfTheNewProgramIfTheOldOneIsNotThere) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto there = attach_filter(cgroup, runtime_filter(kNull));
    const bpf::Loaded absent = bpf::load_device_filter(runtime_filter(kZero));
    const bpf::Loaded loaded = bpf::load_device_filter(constant_filter(1));
    EXPECT_EQ(bpf::replace_in_two_steps(open_directory(cgroup).get(), BPF_F_ALLOW_MULTI,
                                        absent.program.get(), loaded.program.get()),
              ENOENT);
    EXPECT_THAT(filters_of(cgroup), ElementsAre(there));
  });
}

TEST(ReplaceInTwoSteps, IsNeverMoreOpenThanAskedForWhereverTheHookIsKilled) {
  in_private_namespaces([] {
    const Scratch scratch;
    bool was_killed = true;
    for (int step = 0; was_killed; ++step) {
      const TestCgroup cgroup(scratch.v2());
      const UniqueFd old = bpf::open_program(attach_filter(cgroup, runtime_filter(kNull)));
      const UniqueFd directory = open_directory(cgroup);
      was_killed = is_killed_after(step, [&] {
        const auto extended = prepend_device_rules(runtime_filter(kNull), {kRandom});
        const bpf::Loaded loaded = bpf::load_device_filter(extended);
        (void)bpf::replace_in_two_steps(directory.get(), BPF_F_ALLOW_MULTI, old.get(),
                                        loaded.program.get());
      });
      expect_no_more_than_asked_for(cgroup, step);
      ASSERT_LT(step, 10000);
    }
  });
}

}  // namespace
}  // namespace nvhook
