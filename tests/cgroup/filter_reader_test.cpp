// SPDX-License-Identifier: Apache-2.0
// Device filters that the kernel does not show: a guess counts only if it is exactly the program.
#include "cgroup/filter_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/device_cgroup_v2.hpp"
#include "cgroup/runtime_filters.hpp"
#include "os/own_procfs.hpp"
#include "support/restricted_cgroup.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The kernel says nothing of a program any more.
void hide_programs() { refuse_call(SYS_bpf, EPERM, BPF_OBJ_GET_INFO_BY_FD); }

FilterGuesses guesses_of(std::vector<BpfProgram> programs) {
  return {.programs = [programs = std::move(programs)] { return programs; }};
}

UniqueFd loaded(const BpfProgram& program) {
  bpf::Loaded result = bpf::load_device_filter(program);
  if (!result.program) throw NotPossibleHere("bpf(2) is refused: " + result.reason);
  return std::move(result.program);
}

TEST(ReadFilter, AsksForNoGuessIfTheKernelShowsTheProgram) {
  in_private_namespaces([] {
    const FilterGuesses none{
        .programs = []() -> std::vector<BpfProgram> { throw std::logic_error("asked for"); }};
    const FilterReading reading = read_filter(loaded(runtime_filter(kNull)).get(), none, {kRandom});
    EXPECT_EQ(reading.instructions, runtime_filter(kNull));
    EXPECT_FALSE(reading.is_guessed);
  });
}

TEST(ReadFilter, TakesTheGuessThatIsTheProgram) {
  in_private_namespaces([] {
    const UniqueFd program = loaded(runtime_filter(kNull));
    hide_programs();
    const FilterReading reading =
        read_filter(program.get(), guesses_of({runtime_filter(kZero), runtime_filter(kNull)}), {});
    EXPECT_EQ(reading.instructions, runtime_filter(kNull));
    EXPECT_TRUE(reading.is_guessed);
  });
}

TEST(ReadFilter, KnowsWhatAnEarlierRunMadeOfAGuess) {
  in_private_namespaces([] {
    const BpfProgram once = prepend_device_rules(runtime_filter(kNull), {kRandom});
    const UniqueFd program = loaded(once);
    hide_programs();
    FilterGuesses guesses = guesses_of({runtime_filter(kNull)});
    EXPECT_EQ(read_filter(program.get(), guesses, {kRandom}).instructions, once);
    EXPECT_THAT(read_filter(program.get(), guesses, {kUrandom}).instructions, IsEmpty());
    guesses.granted = {{kZero}, {kRandom}};
    EXPECT_EQ(read_filter(program.get(), guesses, {kUrandom}).instructions, once);
  });
}

TEST(ReadFilter, TakesNoGuessThatDiffersInOneBit) {
  in_private_namespaces([] {
    const BpfProgram right = runtime_filter(kNull);
    const UniqueFd program = loaded(right);
    hide_programs();
    std::vector<BpfProgram> wrong;
    for (std::size_t at = 0; at < right.size(); ++at) {
      for (unsigned bit = 0; bit < 64; ++bit) {
        wrong.push_back(right);
        wrong.back()[at] ^= BpfInstruction{1} << bit;
      }
    }
    const FilterReading reading = read_filter(program.get(), guesses_of(wrong), {});
    EXPECT_THAT(reading.instructions, IsEmpty());
    EXPECT_THAT(reading.why_not, HasSubstr("cannot be read: Operation not permitted"));
  });
}

DeviceFilter filter_of(const TestCgroup& cgroup, std::vector<BpfProgram> programs,
                       std::vector<DeviceNumber> devices = {kRandom}) {
  return {open_directory(cgroup), cgroup.directory(), std::move(devices),
          guesses_of(std::move(programs))};
}

std::vector<BpfProgram> by_runtimes(std::vector<FilterRule> rules) {
  return runtime_filters({.rules = std::move(rules)});
}

const FilterRule kDenyAll{.access = "rwm"};

TEST(HiddenDeviceFilter, IsExtendedIfItIsWhatARuntimeMakes) {
  in_private_namespaces([] {
    const std::vector<BpfProgram> programs = by_runtimes({kDenyAll});
    for (const BpfProgram& program : programs) {
      EXPECT_EQ(TestCgroup(Scratch().v2()).run([&] {
        const TestCgroup cgroup("/tmp/v2");
        const auto old = attach_filter(cgroup, program);
        hide_programs();
        DeviceFilter filter = filter_of(cgroup, programs);
        const Notes notes = filter.prepare();
        if (notes.size() != 1 || notes.at(0).level != Note::Level::info) return 1;
        filter.grant();
        if (open_in(cgroup, kRandom) != 0 || open_in(cgroup, {195, 0}) != EPERM) return 2;
        // A second run, which cannot read what the first one made.
        DeviceFilter second = filter_of(cgroup, programs);
        (void)second.prepare();
        if (!second.missing().empty()) return 3;
        second.grant();
        filter.revoke();
        return filters_of(cgroup) == std::vector{old} ? 0 : 4;
      }),
                0);
    }
  });
}

TEST(HiddenDeviceFilter, IsLeftInForceIfItIsNotWhatARuntimeMakes) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const auto id = attach_filter(cgroup, runtime_filter(kNull));
    hide_programs();
    try {
      (void)filter_of(cgroup, by_runtimes({kDenyAll})).prepare();
      FAIL() << "an unknown program was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::device_filter_failed);
      EXPECT_THAT(error.what(),
                  HasSubstr("it is none that runc, crun or systemd makes of this container's"));
      EXPECT_THAT(error.remedy(), HasSubstr("net.core.bpf_jit_harden"));
    }
    EXPECT_THAT(filters_of(cgroup), ElementsAre(id));
  });
}

// All programs must agree, so one that is not known leaves the other as it is, too.
TEST(HiddenDeviceFilter, IsLeftInForceBesideAnUnknownOne) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const std::vector<BpfProgram> programs = by_runtimes({kDenyAll});
    const auto known = attach_filter(cgroup, programs.front());
    const auto unknown = attach_filter(cgroup, runtime_filter(kNull));
    hide_programs();
    EXPECT_THROW((void)filter_of(cgroup, programs).prepare(), Error);
    EXPECT_THAT(filters_of(cgroup), ElementsAre(known, unknown));
  });
}

}  // namespace
}  // namespace nvhook
