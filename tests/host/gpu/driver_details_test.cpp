// SPDX-License-Identifier: Apache-2.0
// The probe's document: which one is accepted, and that nothing else is.
#include "host/gpu/driver_details.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace nvhook {
namespace {

using ::testing::Optional;

constexpr std::string_view kWhole =
    R"({"cuda":"12.2","driver":"535.309.01","errors":["GPU 1: GPU is lost"],)"
    R"("gpus":[{"brand":"Nvidia","compute_capability":"8.0",)"
    R"("mig":[{"compute_instance":0,"gpu_instance":7,"index":0,"profile":"",)"
    R"("uuid":"MIG-12345678-aaaa"},)"
    R"({"compute_instance":1,"gpu_instance":9,"index":2,"profile":"1g.24gb+gfx",)"
    R"("uuid":"MIG-12345678-bbbb"}],)"
    R"("pci":"0000:07:00.0","uuid":"GPU-12345678-1234-1234-1234-123456780000"}]})";

Version version(std::string_view text) { return Version::parse(text).value(); }

DriverDetails whole() {
  return {.driver = version("535.309.01"),
          .cuda = version("12.2"),
          .gpus = {{.pci = "0000:07:00.0",
                    .uuid = "GPU-12345678-1234-1234-1234-123456780000",
                    .compute_capability = version("8.0"),
                    .brand = "Nvidia",
                    .mig = {{.gpu_instance = 7, .uuid = "MIG-12345678-aaaa"},
                            {.index = 2,
                             .gpu_instance = 9,
                             .compute_instance = 1,
                             .uuid = "MIG-12345678-bbbb",
                             .profile = "1g.24gb+gfx"}}}},
          .errors = {"GPU 1: GPU is lost"}};
}

/// The valid document with one piece replaced.
std::string with(std::string_view piece, std::string_view by) {
  std::string text(kWhole);
  const auto at = text.find(piece);
  EXPECT_NE(at, std::string::npos) << piece;
  return text.replace(at, piece.size(), by);
}

DriverDetails with_gpus(unsigned count) {
  DriverDetails details{.cuda = version("12.2")};
  for (unsigned i = 0; i < count; ++i) {
    GpuDetails gpu = whole().gpus.front();
    gpu.pci = pci_address_from_nvml(0, i, 0);
    details.gpus.push_back(gpu);
  }
  return details;
}

TEST(DriverDetails, AreParsedFromTheDocument) {
  EXPECT_THAT(parse_driver_details(kWhole), Optional(whole()));
}

TEST(DriverDetails, AreWrittenAsTheDocument) { EXPECT_EQ(to_json(whole()), kWhole); }

TEST(DriverDetails, MayHaveNoGpu) {
  EXPECT_THAT(parse_driver_details(R"({"cuda":"12.2","errors":[],"gpus":[]})"),
              Optional(DriverDetails{.cuda = version("12.2")}));
}

TEST(DriverDetails, KeepTheSpellingOfAVersion) {
  EXPECT_EQ(parse_driver_details(kWhole)->gpus.front().compute_capability.str(), "8.0");
}

TEST(DriverDetails, HoldAsManyGpusAsTheLimit) {
  const auto details = parse_driver_details(to_json(with_gpus(kMaxGpus)));
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->gpus.size(), kMaxGpus);
}

TEST(DriverDetails, WithMoreGpusThanTheLimitAreRefused) {
  EXPECT_EQ(parse_driver_details(to_json(with_gpus(kMaxGpus + 1))), std::nullopt);
}

TEST(DriverDetails, HaveRoomForOneErrorPerGpu) {
  DriverDetails details = with_gpus(kMaxGpus);
  details.errors.assign(kMaxGpus, "lost");
  EXPECT_TRUE(parse_driver_details(to_json(details)).has_value());
  details.errors.emplace_back("one more");
  EXPECT_EQ(parse_driver_details(to_json(details)), std::nullopt);
}

TEST(DriverDetails, NeedNoDriverVersion) {
  DriverDetails details = whole();
  details.driver = Version();
  EXPECT_EQ(to_json(details), with(R"("driver":"535.309.01",)", ""));
  EXPECT_THAT(parse_driver_details(to_json(details)), Optional(details));
}

/// One GPU with this many MIG devices, whose UUIDs have the greatest length allowed.
GpuDetails with_mig_devices(unsigned count) {
  GpuDetails gpu = whole().gpus.front();
  gpu.mig.clear();
  for (unsigned i = 0; i < count; ++i) {
    const std::string number = std::to_string(1000 + i);
    gpu.mig.push_back(
        {.index = i, .gpu_instance = i, .uuid = "MIG-" + std::string(87, 'a') + number});
  }
  return gpu;
}

TEST(DriverDetails, HoldAsManyMigDevicesAsTheLimitOfSixtyFourGpus) {
  DriverDetails details = whole();
  details.gpus.assign(64, with_mig_devices(kMaxMigDevices));
  for (unsigned i = 0; i < 64; ++i) details.gpus[i].pci = pci_address_from_nvml(0, i, 0);
  EXPECT_EQ(parse_driver_details(to_json(details)), std::optional(details));
}

TEST(DriverDetails, WithMoreMigDevicesThanTheLimitAreRefused) {
  DriverDetails details = whole();
  details.gpus = {with_mig_devices(kMaxMigDevices + 1)};
  EXPECT_EQ(parse_driver_details(to_json(details)), std::nullopt);
}

TEST(DriverDetails, EndTheUuidsOfMigDevicesAtTheLimit) {
  constexpr std::string_view kUuid = "MIG-12345678-aaaa";
  const std::string longest = "MIG-" + std::string(91, 'a');
  EXPECT_TRUE(parse_driver_details(with(kUuid, longest)).has_value());
  EXPECT_FALSE(parse_driver_details(with(kUuid, longest + "a")).has_value());
}

TEST(DriverDetails, TakeTheMigUuidsOfOldDrivers) {
  constexpr std::string_view kLegacy = "MIG-GPU-12345678-1234-1234-1234-123456780000/7/0";
  const auto details = parse_driver_details(with("MIG-12345678-aaaa", kLegacy));
  ASSERT_TRUE(details.has_value());
  EXPECT_EQ(details->gpus.front().mig.front().uuid, kLegacy);
}

TEST(DriverDetails, OfMoreThanOneMebibyteAreRefused) {
  const std::string padding(1UL << 20U, ' ');
  EXPECT_EQ(parse_driver_details(std::string(kWhole) + padding), std::nullopt);
}

TEST(DriverDetails, EndTheirTextsAtTheLimit) {
  const std::string longest = "GPU-" + std::string(252, 'a');
  constexpr std::string_view kUuid = "GPU-12345678-1234-1234-1234-123456780000";
  EXPECT_TRUE(parse_driver_details(with(kUuid, longest)).has_value());
  EXPECT_FALSE(parse_driver_details(with(kUuid, longest + "a")).has_value());
}

TEST(DriverDetails, MakeTheirErrorTextsPrintableAndShort) {
  DriverDetails details = whole();
  details.errors = {"bell \a, " + std::string(1000, 'x'), "caf\xC3\xA9 \xFF", ""};
  const auto read = parse_driver_details(to_json(details));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->errors[0], "bell \\x07, " + std::string(245, 'x'));
  EXPECT_EQ(read->errors[1], "caf?? \\xff");
  EXPECT_EQ(read->errors[2], "?");
}

TEST(DriverDetails, OfAThousandNestedArraysAreRefused) {
  EXPECT_EQ(parse_driver_details(std::string(500'000, '[')), std::nullopt);
}

TEST(DriverDetails, OfAHundredThousandKeysAreRefusedSoon) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += '"' + std::to_string(i) + "\":1,";
  EXPECT_EQ(parse_driver_details(text + "\"x\":1}"), std::nullopt);
}

struct BadDocument {
  const char* name = nullptr;
  std::string text = {};
};

class BadDocuments : public ::testing::TestWithParam<BadDocument> {};

TEST_P(BadDocuments, AreRefused) {
  EXPECT_EQ(parse_driver_details(GetParam().text), std::nullopt) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    DriverDetails, BadDocuments,
    ::testing::Values(
        BadDocument{"Empty", ""}, BadDocument{"Words", "Segmentation fault"},
        BadDocument{"Truncated", std::string(kWhole.substr(0, kWhole.size() - 1))},
        BadDocument{"Twice", std::string(kWhole) + std::string(kWhole)},
        BadDocument{"Zeros", std::string(64, '\0')}, BadDocument{"Number", "1e999999"},
        BadDocument{"Null", "null"}, BadDocument{"Array", "[" + std::string(kWhole) + "]"},
        BadDocument{"NoCuda", R"({"errors":[],"gpus":[]})"},
        BadDocument{"NoErrors", R"({"cuda":"12.2","gpus":[]})"},
        BadDocument{"UnknownKey", R"({"cuda":"12.2","errors":[],"gpus":[],"more":1})"},
        BadDocument{"CudaIsANumber", with(R"("12.2")", "12.2")},
        BadDocument{"CudaIsNoVersion", with("12.2", "12.x")},
        BadDocument{"GpusIsAnObject", R"({"cuda":"12.2","errors":[],"gpus":{}})"},
        BadDocument{"ErrorsIsAString", R"({"cuda":"12.2","errors":"","gpus":[]})"},
        BadDocument{"ErrorIsANumber", R"({"cuda":"12.2","errors":[1],"gpus":[]})"},
        BadDocument{"ErrorIsEmpty", R"({"cuda":"12.2","errors":[""],"gpus":[]})"},
        BadDocument{"GpuIsAString", R"({"cuda":"12.2","errors":[],"gpus":["GPU-1"]})"},
        BadDocument{"GpuWithAnotherKey", with(R"({"brand")", R"({"name":"x","brand")")},
        BadDocument{"GpuWithoutABrand", with(R"("brand":"Nvidia",)", "")},
        BadDocument{"UnknownBrandName", with("Nvidia", "Matrox")},
        BadDocument{"PciIsAPath", with("0000:07:00.0", "../../etc/passwd")},
        BadDocument{"PciInCapitals", with("0000:07:00.0", "0000:0F:00.0")},
        BadDocument{"PciWithALongDomain", with("0000:07:00.0", "00000000:07:00.0")},
        BadDocument{"PciWithAFunction", with("0000:07:00.0", "0000:07:00.1")},
        BadDocument{"UuidOfAMigDevice", with("GPU-1234", "MIG-1234")},
        BadDocument{"UuidIsEmpty", with("GPU-12345678-1234-1234-1234-123456780000", "")},
        BadDocument{"UuidIsAPrefix", with("GPU-12345678-1234-1234-1234-123456780000", "GPU-")},
        BadDocument{"UuidOfQuestionMarks", with("12345678", "????????")},
        BadDocument{"ControlCharacter", with("GPU is lost", R"(\u001b[31m)")},
        BadDocument{"NotUtf8", with("GPU is lost", "\xff")},
        BadDocument{"NotAscii", with("GPU is lost", "caf\xC3\xA9")},
        BadDocument{"DriverIsANumber", with(R"("535.309.01")", "535.1")},
        BadDocument{"DriverIsNoVersion", with("535.309.01", "535.x")},
        BadDocument{"DriverIsEmpty", with("535.309.01", "")},
        BadDocument{"GpuWithoutMigDevices", with(R"("mig":[)", R"("nig":[)")},
        BadDocument{"MigIsAnObject", R"({"cuda":"12.2","errors":[],"gpus":[{"brand":"Nvidia",)"
                                     R"("compute_capability":"8.0","mig":{},)"
                                     R"("pci":"0000:07:00.0","uuid":"GPU-1"}]})"},
        BadDocument{"MigDeviceIsAString", with(R"("mig":[)", R"("mig":["MIG-1",)")},
        BadDocument{"MigDeviceWithAnotherKey", with(R"("index":0)", R"("index":0,"more":1)")},
        BadDocument{"MigDeviceWithoutAnIndex", with(R"("index":0,)", "")},
        BadDocument{"MigIndexIsAText", with(R"("index":0)", R"("index":"0")")},
        BadDocument{"MigIndexIsNegative", with(R"("index":0)", R"("index":-1)")},
        BadDocument{"MigIndexIsAFraction", with(R"("index":0)", R"("index":0.5)")},
        BadDocument{"MigIndexAtTheLimit", with(R"("index":2)", R"("index":64)")},
        BadDocument{"MigIndexOfThirtyThreeBits", with(R"("index":0)", R"("index":4294967296)")},
        BadDocument{"MigIndexTwice", with(R"("index":2)", R"("index":0)")},
        BadDocument{"MigIndicesOutOfOrder", with(R"("index":0)", R"("index":3)")},
        BadDocument{"GpuInstanceOfThirtyThreeBits",
                    with(R"("gpu_instance":7)", R"("gpu_instance":4294967303)")},
        BadDocument{"ComputeInstanceIsNull",
                    with(R"("compute_instance":0)", R"("compute_instance":null)")},
        BadDocument{"SameInstancesTwice", with(R"("compute_instance":1,"gpu_instance":9)",
                                               R"("compute_instance":0,"gpu_instance":7)")},
        BadDocument{"SameMigUuidTwice", with("MIG-12345678-bbbb", "MIG-12345678-AAAA")},
        BadDocument{"MigUuidOfAGpu", with("MIG-12345678-aaaa", "GPU-12345678-aaaa")},
        BadDocument{"MigUuidIsAPrefix", with("MIG-12345678-aaaa", "MIG-")},
        BadDocument{"MigUuidIsEmpty", with("MIG-12345678-aaaa", "")},
        BadDocument{"MigUuidIsAPath", with("MIG-12345678-aaaa", "MIG-../../etc")},
        BadDocument{"MigUuidWithAControlCharacter", with("MIG-12345678-aaaa", R"(MIG-\u001b)")},
        BadDocument{"MigUuidOfAnotherGpu",
                    with("MIG-12345678-aaaa", "MIG-GPU-12345678-1234-1234-1234-123456780001/7/0")},
        BadDocument{"MigUuidOfOtherInstances",
                    with("MIG-12345678-aaaa", "MIG-GPU-12345678-1234-1234-1234-123456780000/7/1")},
        BadDocument{"MigProfileIsMissing", with(R"("profile":"",)", "")},
        BadDocument{"MigProfileIsANumber", with(R"("profile":"")", R"("profile":1)")},
        BadDocument{"MigProfileIsAPath", with("1g.24gb+gfx", "../1g")},
        BadDocument{"MigProfileIsTooLong", with("1g.24gb+gfx", std::string(65, 'g'))},
        BadDocument{"CapabilityIsEmpty", with("8.0", "")},
        BadDocument{"CapabilityIsNegative", with("8.0", "-8.0")}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(DriverDetails, OfTwoGpusAtOneAddressAreRefused) {
  DriverDetails details = with_gpus(2);
  EXPECT_TRUE(parse_driver_details(to_json(details)).has_value());
  details.gpus[1].pci = details.gpus[0].pci;
  EXPECT_EQ(parse_driver_details(to_json(details)), std::nullopt);
}

TEST(CacheDocument, GivesTheDetailsBackForItsKey) {
  const std::string document = to_cache_document(whole(), "boot 1\ndriver 2");
  EXPECT_THAT(parse_cache_document(document, "boot 1\ndriver 2"), Optional(whole()));
}

TEST(CacheDocument, IsRefusedForAnotherKey) {
  const std::string document = to_cache_document(whole(), "boot 1");
  EXPECT_EQ(parse_cache_document(document, "boot 2"), std::nullopt);
  EXPECT_EQ(parse_cache_document(document, "boot"), std::nullopt);
}

TEST(CacheDocument, IsRefusedIfItsDetailsAreWrong) {
  const std::string details = with("Nvidia", "Matrox");
  EXPECT_EQ(parse_cache_document(R"({"key":"k","details":)" + details + "}", "k"), std::nullopt);
}

TEST(CacheDocument, IsRefusedIfItIsFromBeforeMigDevicesWereTold) {
  EXPECT_EQ(parse_cache_document(
                R"({"key":"k","details":{"cuda":"12.2","errors":[],"gpus":[{"brand":"Nvidia",)"
                R"("compute_capability":"8.0","pci":"0000:07:00.0","uuid":"GPU-1"}]}})",
                "k"),
            std::nullopt);
}

TEST(CacheDocument, IsRefusedIfItsKeyIsNoString) {
  EXPECT_EQ(parse_cache_document(R"({"key":1,"details":)" + std::string(kWhole) + "}", "1"),
            std::nullopt);
}

TEST(CacheDocument, IsNoProbeDocument) {
  EXPECT_EQ(parse_driver_details(to_cache_document(whole(), "k")), std::nullopt);
  EXPECT_EQ(parse_cache_document(kWhole, ""), std::nullopt);
}

/// Two GPUs whose minors are not in PCI order, with the same instances on both.
Inventory two_gpus_in_mig_mode() {
  return {.gpus = {{.index = 0, .minor = 1, .pci = "0000:07:00.0"},
                   {.index = 1, .minor = 0, .pci = "0000:0f:00.0"}},
          .mig_devices = {{.gpu_minor = 0, .gpu_instance = 9, .compute_instance = 1},
                          {.gpu_minor = 1, .gpu_instance = 7, .compute_instance = 0},
                          {.gpu_minor = 1, .gpu_instance = 7, .compute_instance = 1},
                          {.gpu_minor = 1, .gpu_instance = 9, .compute_instance = 0},
                          {.gpu_minor = 1, .gpu_instance = 9, .compute_instance = 1}}};
}

TEST(MigDevices, AreNamedByTheAddressOfTheirGpuAndTheirInstances) {
  const Inventory host = two_gpus_in_mig_mode();
  std::vector<MigDevice> named = host.mig_devices;
  named[1].index = 0;
  named[1].uuid = "MIG-12345678-aaaa";
  named[4].index = 2;
  named[4].uuid = "MIG-12345678-bbbb";
  named[4].profile = "1g.24gb+gfx";
  EXPECT_EQ(name_mig_devices(host, whole()), named);
}

TEST(MigDevices, OfAGpuThatCouldNotBeAskedStayWithoutNames) {
  const Inventory host = two_gpus_in_mig_mode();
  EXPECT_EQ(name_mig_devices(host, {}), host.mig_devices);
}

TEST(Nvml, NumbersOfCudaVersionsAreSpelledOut) {
  EXPECT_EQ(cuda_version_from_nvml(12020).str(), "12.2");
  EXPECT_EQ(cuda_version_from_nvml(11080).str(), "11.8");
  EXPECT_EQ(cuda_version_from_nvml(13000).str(), "13.0");
  EXPECT_EQ(cuda_version_from_nvml(-5).str(), "0.0");
}

TEST(Nvml, AMigDevicesNameEndsInItsProfile) {
  EXPECT_EQ(mig_profile_from_nvml("NVIDIA A100-SXM4-40GB MIG 1g.5gb"), "1g.5gb");
  EXPECT_EQ(mig_profile_from_nvml("NVIDIA RTX PRO 6000 MIG 1c.2g.48gb+gfx"), "1c.2g.48gb+gfx");
  EXPECT_EQ(mig_profile_from_nvml("NVIDIA A100-SXM4-40GB"), "");
  EXPECT_EQ(mig_profile_from_nvml("GPU MIG 1g/../5gb"), "");
  EXPECT_EQ(mig_profile_from_nvml(""), "");
}

TEST(Nvml, PciAddressesAreSpelledAsInProc) {
  EXPECT_EQ(pci_address_from_nvml(0, 0x3b, 0), "0000:3b:00.0");
  EXPECT_EQ(pci_address_from_nvml(0xABCD, 0x0F, 0x1F), "abcd:0f:1f.0");
  EXPECT_EQ(pci_address_from_nvml(0x10001, 1, 0), "10001:01:00.0");
}

struct BrandCase {
  unsigned number = 0;
  const char* text = nullptr;
};

class Brands : public ::testing::TestWithParam<BrandCase> {};

TEST_P(Brands, HaveTheSpellingOfTheReference) {
  EXPECT_EQ(brand_from_nvml(GetParam().number), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(Nvml, Brands,
                         ::testing::Values(BrandCase{0, "Unknown"}, BrandCase{1, "Quadro"},
                                           BrandCase{2, "Tesla"}, BrandCase{3, "NVS"},
                                           BrandCase{4, "GRID"}, BrandCase{5, "GeForce"},
                                           BrandCase{6, "TITAN"}, BrandCase{7, "VApps"},
                                           BrandCase{8, "VPC"}, BrandCase{9, "VCS"},
                                           BrandCase{10, "VWS"}, BrandCase{11, "CloudGaming"},
                                           BrandCase{12, "QuadroRTX"}, BrandCase{13, "NvidiaRTX"},
                                           BrandCase{14, "Nvidia"}, BrandCase{15, "GeForceRTX"},
                                           BrandCase{16, "TitanRTX"}, BrandCase{17, "Unknown"},
                                           BrandCase{~0U, "Unknown"}),
                         [](const auto& row) { return "Nvml" + std::to_string(row.param.number); });

}  // namespace
}  // namespace nvhook
