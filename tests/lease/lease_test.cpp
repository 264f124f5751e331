// SPDX-License-Identifier: Apache-2.0
// The file of a lease, whole and damaged, and which devices contain which.
#include "lease/lease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

const Lease kLease{
    .holder = {.container = "web \"1\"\n",
               .pid = 4711,
               .start_ticks = 18446744073709551615ULL,
               .cgroup = "/sys/fs/cgroup/system.slice/web.scope",
               .cgroup_inode = 77},
    .since = 1'790'000'000,
    .devices = {{.gpu = "0000:3b:00.0", .is_exclusive = true},
                {.gpu = "0000:5e:00.0", .mig = LeasedDevice::Instance{.gpu = 5, .compute = 1}}}};

TEST(Lease, ComesBackFromItsText) { EXPECT_EQ(parse_lease(lease_text(kLease)), kLease); }

TEST(Lease, IsOneLine) {
  const std::string text = lease_text(kLease);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(Lease, OfAnIdThatIsNoTextIsATextAllTheSame) {
  Lease lease = kLease;
  lease.holder.container = "\xff\xfe" + std::string(5000, 'x');
  const auto read = parse_lease(lease_text(lease));
  ASSERT_TRUE(read);
  EXPECT_LT(read->holder.container.size(), 300U);
}

TEST(Lease, ThatIsCutAnywhereIsNone) {
  const std::string text = lease_text(kLease);
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    EXPECT_FALSE(parse_lease(text.substr(0, size))) << size;
  }
}

TEST(Lease, OfSomebodyElseIsNone) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = lease_text(kLease);
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text :
       {with("\"format\":1", "\"format\":2"), with("4711", "-1"), with("4711", "4711.5"),
        with("4711", "99999999999"), with("4711", "\"4711\""), with("true", "1"),
        with("\"since\"", "\"when\""), with("[{", "{"), std::string("[]"), std::string("{}"),
        std::string("null"), std::string(10'000, '[')}) {
    EXPECT_FALSE(parse_lease(text)) << text.substr(0, 200);
  }
}

TEST(LeaseFile, IsNamedByTheProcess) {
  EXPECT_EQ(lease_file(kLease.holder), "4711-18446744073709551615.json");
  EXPECT_TRUE(is_lease_file(lease_file(kLease.holder)));
  for (const char* name : {"lock", ".1-2.json.0123456789abcdef", "1.json", "1-2", "a-2.json",
                           "1-2-3.json", "-.json", "../1-2.json"}) {
    EXPECT_FALSE(is_lease_file(name)) << name;
  }
}

TEST(LeasedDevices, AreGpusOrTheirMigDevices) {
  const Gpu whole{.index = 0, .minor = 1, .pci = "0000:3b:00.0"};
  const Gpu divided{.index = 1, .minor = 0, .pci = "0000:5e:00.0"};
  const MigDevice part{.gpu_minor = 0, .gpu_instance = 5, .compute_instance = 1};
  EXPECT_THAT(
      leased_devices({.gpus = {whole, divided}, .mig_devices = {part}}, true),
      ::testing::ElementsAre(LeasedDevice{.gpu = "0000:3b:00.0", .is_exclusive = true},
                             LeasedDevice{.gpu = "0000:5e:00.0",
                                          .mig = LeasedDevice::Instance{.gpu = 5, .compute = 1},
                                          .is_exclusive = true}));
}

TEST(LeasedDevices, OverlapIfOneContainsTheOther) {
  const LeasedDevice gpu{.gpu = "a"};
  const LeasedDevice part{.gpu = "a", .mig = LeasedDevice::Instance{.gpu = 1}};
  const LeasedDevice other_part{.gpu = "a", .mig = LeasedDevice::Instance{.gpu = 2}};
  EXPECT_TRUE(overlaps(gpu, part));
  EXPECT_TRUE(overlaps(part, gpu));
  EXPECT_TRUE(overlaps(part, part));
  EXPECT_FALSE(overlaps(part, other_part));
  EXPECT_FALSE(overlaps(gpu, {.gpu = "b"}));
}

TEST(LeasedDevices, AreNamedByTheUuidWhereThereIsNoPciAddress) {
  EXPECT_EQ(lease_name({.uuid = "GPU-1"}), "GPU-1");
  EXPECT_EQ(lease_name({.uuid = "GPU-1", .pci = "0000:3b:00.0"}), "0000:3b:00.0");
}

TEST(LeaseHolder, IsNamedAsPeopleKnowIt) {
  EXPECT_EQ(describe({.container = std::string(64, 'a'), .pid = 7}),
            "container aaaaaaaaaaaa (process 7)");
  EXPECT_EQ(describe({.container = "web", .pid = 7}), "container web (process 7)");
  EXPECT_EQ(describe({.pid = 7}), "the container of process 7");
}

}  // namespace
}  // namespace nvhook
