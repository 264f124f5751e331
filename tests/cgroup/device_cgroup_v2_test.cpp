// SPDX-License-Identifier: Apache-2.0
// Device filters of cgroup v2: what a process in the cgroup may open before, during and after.
#include "cgroup/device_cgroup_v2.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/device_number.hpp"
#include "support/restricted_cgroup.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DeviceFilter filter_of(const TestCgroup& cgroup, std::vector<DeviceNumber> devices = {kRandom}) {
  return {open_directory(cgroup), cgroup.directory(), std::move(devices)};
}

/// As one run of the hook does.
DeviceFilter grant(const TestCgroup& cgroup, std::vector<DeviceNumber> devices = {kRandom}) {
  DeviceFilter filter = filter_of(cgroup, std::move(devices));
  EXPECT_THAT(filter.prepare(), IsEmpty());
  filter.grant();
  return filter;
}

TEST(DeviceFilter, GrantsReadAndWriteOfTheDevicesAndNothingElse) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    ASSERT_EQ(open_in(cgroup, kRandom), EPERM);
    grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom, O_RDWR), 0);
    EXPECT_EQ(open_in(cgroup, kRandom, O_RDONLY), 0);
    EXPECT_EQ(open_in(cgroup, kUrandom), EPERM);
    EXPECT_EQ(make_in(cgroup, kRandom), EPERM);
    EXPECT_EQ(open_in(cgroup, kNull), 0);
    EXPECT_EQ(make_in(cgroup, kNull), 0);
  });
}

TEST(DeviceFilter, GrantsNothingBeforeItIsToldTo) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    DeviceFilter filter = filter_of(cgroup);
    EXPECT_THAT(filter.prepare(), IsEmpty());
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

TEST(DeviceFilter, PutsTheOldProgramBack) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto old = attach_filter(cgroup, runtime_filter(kNull));
    DeviceFilter filter = grant(cgroup);
    ASSERT_EQ(open_in(cgroup, kRandom), 0);
    filter.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
    EXPECT_THAT(filters_of(cgroup), ElementsAre(old));
  });
}

TEST(DeviceFilter, ChangesEachOfSeveralProgramsBecauseAllMustAgree) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto first = attach_filter(cgroup, runtime_filter(kNull));
    const auto second = attach_filter(cgroup, runtime_filter(kZero));
    DeviceFilter filter = grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kNull), EPERM);
    EXPECT_EQ(open_in(cgroup, kZero), EPERM);
    EXPECT_THAT(filters_of(cgroup), SizeIs(2));
    filter.revoke();
    EXPECT_THAT(filters_of(cgroup), ElementsAre(first, second));
  });
}

TEST(DeviceFilter, AddsNothingTheSecondTime) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    grant(cgroup, {kRandom, kUrandom});
    const auto once = filters_of(cgroup);
    grant(cgroup, {kUrandom});
    EXPECT_EQ(filters_of(cgroup), once);
  });
}

TEST(DeviceFilter, MergesWithTheRulesOfAnEarlierRun) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    grant(cgroup, {kRandom});
    grant(cgroup, {kUrandom});
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kUrandom), 0);
    EXPECT_EQ(instructions_of(filters_of(cgroup).at(0)),
              prepend_device_rules(runtime_filter(kNull), {kRandom, kUrandom}));
  });
}

TEST(DeviceFilter, TakesBackOnlyWhatThisRunGranted) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    grant(cgroup, {kRandom});
    DeviceFilter second = grant(cgroup, {kRandom, kUrandom});
    second.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kUrandom), EPERM);
  });
}

TEST(DeviceFilter, AttachesNothingWhereNothingIsAttached) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    DeviceFilter filter = grant(cgroup);
    EXPECT_THAT(filters_of(cgroup), IsEmpty());
    EXPECT_EQ(filter.attached(), 0U);
    filter.revoke();
    EXPECT_THAT(filters_of(cgroup), IsEmpty());
  });
}

struct Flags {
  std::string name;
  std::uint32_t flags;
};

class DeviceFilterFlags : public ::testing::TestWithParam<Flags> {};

TEST_P(DeviceFilterFlags, StayAsTheyWere) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto old = attach_filter(cgroup, runtime_filter(kNull), GetParam().flags);
    DeviceFilter filter = grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(flags_of(cgroup), GetParam().flags);
    EXPECT_THAT(filters_of(cgroup), SizeIs(1));
    filter.revoke();
    EXPECT_THAT(filters_of(cgroup), ElementsAre(old));
    EXPECT_EQ(flags_of(cgroup), GetParam().flags);
  });
}

INSTANTIATE_TEST_SUITE_P(Table, DeviceFilterFlags,
                         ::testing::Values(Flags{"None", 0},
                                           Flags{"Override", BPF_F_ALLOW_OVERRIDE},
                                           Flags{"Multi", BPF_F_ALLOW_MULTI}),
                         [](const auto& row) { return row.param.name; });

TEST(DeviceFilter, UpdatesALinkThatAttachesTheProgram) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const bpf::Loaded loaded = bpf::load_device_filter(runtime_filter(kNull));
    const UniqueFd directory = open_directory(cgroup);
    bpf_attr request{};
    request.link_create.prog_fd = static_cast<std::uint32_t>(loaded.program.get());
    request.link_create.target_fd = static_cast<std::uint32_t>(directory.get());
    request.link_create.attach_type = BPF_CGROUP_DEVICE;
    const UniqueFd link(
        static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &request, sizeof request)));
    if (!link) throw NotPossibleHere("this kernel has no cgroup links");
    DeviceFilter filter = grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_THAT(filters_of(cgroup), SizeIs(1));
    filter.revoke();
    EXPECT_THAT(filters_of(cgroup), ElementsAre(bpf::id_of(loaded.program.get())));
  });
}

/// A filter that denies everything and refers to a map.
BpfProgram filter_with_map() {
  bpf_attr request{};
  request.map_type = BPF_MAP_TYPE_ARRAY;
  request.key_size = 4;
  request.value_size = 4;
  request.max_entries = 1;
  const long map = ::syscall(SYS_bpf, BPF_MAP_CREATE, &request, sizeof request);
  require(map >= 0, "create a map");
  BpfProgram program = {bpf_instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0,
                                        static_cast<int>(map)),
                        0};
  for (const BpfInstruction instruction : constant_filter(0)) program.push_back(instruction);
  return program;
}

TEST(DeviceFilter, NamesAProgramThatCannotBeLoadedAgain) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto id = attach_filter(cgroup, filter_with_map());
    try {
      (void)filter_of(cgroup).prepare();
      FAIL() << "a program with a map was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::device_filter_failed);
      EXPECT_EQ(error.what(), "device filter program " + std::to_string(id) + " of `" +
                                  cgroup.directory() + "` cannot be extended: it refers to a map");
      EXPECT_THAT(error.remedy(), HasSubstr("--device or CDI"));
    }
    EXPECT_THAT(filters_of(cgroup), ElementsAre(id));
  });
}

TEST(DeviceFilter, FailsWhereTheParentForbidsAFilter) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto old = attach_filter(cgroup, runtime_filter(kNull), BPF_F_ALLOW_MULTI);
    DeviceFilter filter = filter_of(cgroup);
    EXPECT_THAT(filter.prepare(), IsEmpty());
    // Attached with other flags than the filter had when it was prepared.
    detach_filter(cgroup, old);
    const auto other = attach_filter(cgroup, runtime_filter(kNull), 0);
    try {
      filter.grant();
      FAIL() << "replaced";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cgroup_denied);
      EXPECT_EQ(error.what(), "replace device filter program " + std::to_string(old) + " of `" +
                                  cgroup.directory() + "`: Operation not permitted");
    }
    EXPECT_THAT(filters_of(cgroup), ElementsAre(other));
  });
}

TEST(DeviceFilter, IsSkippedWithANoteWithoutTheRightToQuery) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    const int found = cgroup.run([&] {
      DeviceFilter filter = filter_of(cgroup);
      if (::setresuid(65534, 65534, 65534) != 0) return 100;
      const Notes notes = filter.prepare();
      filter.grant();
      const std::string expected =
          "device rules skipped: no right to query the device filters of `" + cgroup.directory() +
          "`: Operation not permitted";
      return notes == Notes{warning(expected)} ? 0 : 1;
    });
    EXPECT_EQ(found, 0);
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

TEST(DeviceFilter, LeavesAProgramThatIsProtectedFromUs) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto id = attach_filter(cgroup, runtime_filter(kNull));
    DeviceFilter filter = filter_of(cgroup);
    refuse_call(SYS_bpf, EPERM, BPF_PROG_GET_FD_BY_ID);
    EXPECT_THAT(
        filter.prepare(),
        ElementsAre(warning("left in force, and it may deny the devices: device filter program " +
                            std::to_string(id) + " of `" + cgroup.directory() +
                            "`: Operation not permitted")));
    filter.grant();
    EXPECT_THAT(filters_of(cgroup), ElementsAre(id));
  });
}

TEST(DeviceFilter, NamesTheProgramThatCannotBeLoaded) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto id = attach_filter(cgroup, runtime_filter(kNull));
    refuse_call(SYS_bpf, EPERM, BPF_PROG_LOAD);
    try {
      (void)filter_of(cgroup).prepare();
      FAIL() << "loaded";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::device_filter_failed);
      EXPECT_EQ(error.what(), "load an extended device filter program " + std::to_string(id) +
                                  " of `" + cgroup.directory() + "`: Operation not permitted");
    }
  });
}

TEST(DeviceFilter, IsNothingToAKernelWithoutBpf) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    DeviceFilter filter = filter_of(cgroup);
    refuse_call(SYS_bpf, ENOSYS);
    EXPECT_THAT(filter.prepare(), ElementsAre(info("no device filters of `" + cgroup.directory() +
                                                   "`: Function not implemented")));
    filter.grant();
  });
}

TEST(DeviceFilter, IsNeverMoreOpenThanAskedForWhereverTheHookIsKilled) {
  in_private_namespaces([] {
    const Scratch scratch;
    bool was_killed = true;
    int opened = 0;
    for (int step = 0; was_killed; ++step) {
      const TestCgroup cgroup(scratch.v2());
      attach_filter(cgroup, runtime_filter(kNull));
      attach_filter(cgroup, runtime_filter(kZero));
      was_killed = is_killed_after(step, [&] { grant(cgroup).revoke(); });
      expect_no_more_than_asked_for(cgroup, step);
      if (open_in(cgroup, kRandom) == 0) ++opened;
      ASSERT_LT(step, 10000);
    }
    EXPECT_GT(opened, 0) << "never killed between grant and revoke";
  });
}

}  // namespace
}  // namespace nvhook
