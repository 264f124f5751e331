// SPDX-License-Identifier: Apache-2.0
// The document about memory and utilisation, and the probe that writes it with a mock of NVML.
#include "host/gpu/gpu_usage.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/gpu/gpu_query.hpp"
#include "support/fails_with.hpp"
#include "support/probe_fixture.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kGiB = 1UL << 30U;

GpuUsage usage() {
  return {
      .devices = {{.pci = "0000:07:00.0",
                   .memory_used = 5,
                   .memory_total = 18446744073709551615ULL,
                   .busy = 100,
                   .processes = {{.pid = 4711, .memory = 7, .busy = 0}, {.pid = 815}}},
                  {.pci = "0000:07:00.0", .mig = DeviceUsage::Instance{.gpu = 2, .compute = 1}}},
      .errors = {"GPU 1: lost"}};
}

TEST(GpuUsage, ComesBackFromItsDocument) { EXPECT_EQ(parse_gpu_usage(to_json(usage())), usage()); }

TEST(GpuUsage, OfNothingIsADocument) {
  EXPECT_EQ(parse_gpu_usage(R"({"devices":[],"errors":[]})"), GpuUsage());
}

class NoUsage : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(NoUsage, IsRefused) {
  std::string text = to_json(usage());
  const std::string from = GetParam().first;
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << from << " in " << text;
  EXPECT_FALSE(parse_gpu_usage(text.replace(at, from.size(), GetParam().second)))
      << GetParam().second;
}
INSTANTIATE_TEST_SUITE_P(
    Document, NoUsage,
    ::testing::Values(
        std::pair{"0000:07:00.0", "../../etc"}, std::pair{"\"busy\":100", "\"busy\":101"},
        std::pair{"\"busy\":100", "\"busy\":-1"}, std::pair{"\"memory\":7", "\"memory\":7.5"},
        std::pair{"\"memory\":7", "\"memory\":\"7\""}, std::pair{"\"memory\":7", "\"more\":7"},
        std::pair{"\"memory_used\":5", "\"memory_used\":5,\"more\":1"},
        std::pair{"\"pid\":4711", "\"pid\":99999999999"}, std::pair{"\"pid\":4711", "\"pid\":null"},
        std::pair{"\"compute_instance\":1", "\"compute_instance\":null"},
        std::pair{"[\"GPU 1: lost\"]", "[1]"}, std::pair{"\"errors\"", "\"faults\""},
        std::pair{"{\"devices\"", "[{\"devices\""}));

TEST(GpuUsage, HasNoErrorThatATerminalObeys) {
  GpuUsage hostile = usage();
  hostile.errors = {"\x1b[2J\n" + std::string(5000, 'x')};
  const auto read = parse_gpu_usage(to_json(hostile));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->errors.front().find('\x1b'), std::string::npos);
  EXPECT_LT(read->errors.front().size(), 300U);
}

class ProbeOfUsage : public ProbeFixture {
 protected:
  void SetUp() override {
    if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  }
};

TEST_F(ProbeOfUsage, TellsMemoryAndTimeOfGpusAndProcesses) {
  use_library(NVML_MOCK);
  configure_mock(
      "process=0000:0f:00.0 4711 1073741824 60\nprocess=0000:0f:00.0 815 2147483648 0\n");
  const GpuUsage found = query_usage(query_);
  ASSERT_THAT(found.devices, SizeIs(8));
  EXPECT_THAT(found.errors, IsEmpty());
  const DeviceUsage& used = found.devices[1];
  EXPECT_EQ(used.pci, "0000:0f:00.0");
  EXPECT_EQ(used.memory_used, 3 * kGiB);
  EXPECT_EQ(used.memory_total, 40 * kGiB);
  EXPECT_EQ(used.busy, 60U);
  EXPECT_THAT(used.processes, ElementsAre(ProcessUsage{.pid = 815, .memory = 2 * kGiB, .busy = 0},
                                          ProcessUsage{.pid = 4711, .memory = kGiB, .busy = 60}));
  EXPECT_THAT(found.devices[0].processes, IsEmpty());
}

TEST_F(ProbeOfUsage, TellsTheMemoryOfMigDevices) {
  use_library(NVML_MOCK);
  configure_mock("mig=0000:07:00.0 2 7 1 MIG-12345678-0000\n");
  const GpuUsage found = query_usage(query_);
  ASSERT_THAT(found.devices, SizeIs(9));
  EXPECT_EQ(found.devices[1].mig, (DeviceUsage::Instance{.gpu = 7, .compute = 1}));
  EXPECT_EQ(found.devices[1].memory_total, 4 * kGiB);
}

TEST_F(ProbeOfUsage, LeavesOutWhatAGpuDoesNotSupport) {
  use_library(NVML_MOCK);
  configure_mock("usage=0000:07:00.0 3\n");
  const GpuUsage found = query_usage(query_);
  ASSERT_THAT(found.devices, SizeIs(8));
  EXPECT_EQ(found.devices[0], DeviceUsage{.pci = "0000:07:00.0"});
  EXPECT_THAT(found.errors, IsEmpty());
}

TEST_F(ProbeOfUsage, NamesAGpuThatFailsAndTellsOfTheOthers) {
  use_library(NVML_MOCK);
  configure_mock("broken=0000:07:00.0\nusage=0000:0f:00.0 15\n");
  const GpuUsage found = query_usage(query_);
  EXPECT_THAT(found.devices, SizeIs(6));
  EXPECT_THAT(found.errors, ElementsAre("GPU 0: nvmlDeviceGetHandleByIndex_v2: GPU is lost",
                                        "GPU 1: nvmlDeviceGetMemoryInfo: GPU is lost"));
}

TEST_F(ProbeOfUsage, OfALibraryWithoutTheFunctionsIsWithoutFigures) {
  use_library(NVML_WITHOUT_MIG);
  const GpuUsage found = query_usage(query_);
  ASSERT_THAT(found.devices, SizeIs(8));
  EXPECT_EQ(found.devices[0].memory_used, std::nullopt);
}

TEST_F(ProbeOfUsage, IsAskedAnewEachTime) {
  use_library(NVML_MOCK);
  static_cast<void>(query_usage(query_));
  configure_mock("process=0000:07:00.0 4711 1073741824 60\n");
  EXPECT_THAT(query_usage(query_).devices[0].processes, SizeIs(1));
}

TEST_F(ProbeFixture, AnAnswerThatIsNoneIsAnError) {
  use_fake("garbage");
  EXPECT_THAT([&] { static_cast<void>(query_usage(query_)); }, fails_with(Code::probe_failed, ""));
}

}  // namespace
}  // namespace nvhook
