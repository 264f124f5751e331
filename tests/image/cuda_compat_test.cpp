// SPDX-License-Identifier: Apache-2.0
// The note of forward compatibility libraries, and when the libraries are used.
#include "image/cuda_compat.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kRealNote =
    R"({"Format":1,"CUDA Version":"13.1","Driver":[535,550,570,575,580,590],)"
    R"("Device":[1,2,7,8,9,10,11,12,13,14]})";

Version version(const std::string& text) { return Version::parse(text).value(); }

CompatNote real_note() {
  return {.cuda = version("13.1"),
          .drivers = {535, 550, 570, 575, 580, 590},
          .brands = {1, 2, 7, 8, 9, 10, 11, 12, 13, 14}};
}

TEST(CompatNote, IsReadAsNvidiaWritesIt) { EXPECT_EQ(parse_compat_note(kRealNote), real_note()); }

TEST(CompatNote, MayBePaddedWithZeroBytes) {
  EXPECT_EQ(parse_compat_note(std::string(kRealNote) + std::string(3, '\0')), real_note());
  EXPECT_EQ(parse_compat_note(std::string(1, '\0') + kRealNote), real_note());
}

TEST(CompatNote, MayLackListsAndHaveOtherMembers) {
  const auto note = parse_compat_note(R"({"Format":1,"CUDA Version":"12.4","Other":{"a":[]}})");
  EXPECT_EQ(note, (CompatNote{.cuda = version("12.4")}));
}

std::string nested(std::size_t depth) {
  return R"({"Format":1,"CUDA Version":"12.4","x":)" + std::string(depth, '[') +
         std::string(depth, ']') + "}";
}

std::string drivers(std::size_t count) {
  std::string list = "1";
  for (std::size_t i = 1; i < count; ++i) list += ",1";
  return R"({"Format":1,"Driver":[)" + list + "]}";
}

TEST(CompatNote, IsTakenUpToItsLimits) {
  EXPECT_TRUE(parse_compat_note(nested(63)).has_value());
  EXPECT_FALSE(parse_compat_note(nested(64)).has_value());
  EXPECT_FALSE(parse_compat_note(nested(30'000)).has_value());
  EXPECT_TRUE(parse_compat_note(drivers(256)).has_value());
  EXPECT_FALSE(parse_compat_note(drivers(257)).has_value());
}

struct BadNote {
  const char* name;
  std::string text;
};
class MalformedNote : public ::testing::TestWithParam<BadNote> {};
TEST_P(MalformedNote, IsNone) { EXPECT_EQ(parse_compat_note(GetParam().text), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(
    CompatNote, MalformedNote,
    ::testing::Values(BadNote{"empty", ""}, BadNote{"zero_bytes", std::string(8, '\0')},
                      BadNote{"text", "13.1"}, BadNote{"list", R"([1])"},
                      BadNote{"cut_short", R"({"Format":1,"CUDA Version":"13.1")"},
                      BadNote{"no_json_inside", R"({"Format":1,"CUDA Version":"13.1",})"},
                      BadNote{"more_behind_it", std::string(kRealNote) + "{}"},
                      BadNote{"no_format", R"({"CUDA Version":"13.1"})"},
                      BadNote{"other_format", R"({"Format":2,"CUDA Version":"13.1"})"},
                      BadNote{"format_as_text", R"({"Format":"1","CUDA Version":"13.1"})"},
                      BadNote{"says_nothing", R"({"Format":1,"Device":[1]})"},
                      BadNote{"cuda_as_number", R"({"Format":1,"CUDA Version":13.1})"},
                      BadNote{"cuda_as_word", R"({"Format":1,"CUDA Version":"new"})"},
                      BadNote{"long_cuda",
                              R"({"Format":1,"CUDA Version":")" + std::string(33, '1') + "\"}"},
                      BadNote{"driver_as_number", R"({"Format":1,"Driver":535})"},
                      BadNote{"driver_as_text", R"({"Format":1,"Driver":["535"]})"},
                      BadNote{"negative_driver", R"({"Format":1,"Driver":[-1]})"},
                      BadNote{"broken_driver", R"({"Format":1,"Driver":[535.5]})"},
                      BadNote{"large_driver", R"({"Format":1,"Driver":[4294967296]})"},
                      BadNote{"device_as_object", R"({"Format":1,"Driver":[535],"Device":{}})"},
                      BadNote{"not_utf8", "{\"Format\":1,\"CUDA Version\":\"13.1\",\"\xff\":1}"}),
    [](const auto& row) { return row.param.name; });

struct Decision {
  const char* name;
  const char* compat;
  std::optional<CompatNote> note;
  const char* driver;
  std::vector<std::string> gpus;
  bool use;
  const char* reason;
};
std::ostream& operator<<(std::ostream& out, const Decision& row) { return out << row.name; }

class CudaCompatDecision : public ::testing::TestWithParam<Decision> {};
TEST_P(CudaCompatDecision, IsExplained) {
  const Decision& row = GetParam();
  const CompatLibraries libraries{.driver = version(row.compat), .note = row.note};
  const CompatDecision decision = decide_cuda_compat(libraries, version(row.driver), row.gpus);
  EXPECT_EQ(decision.use, row.use) << decision.reason;
  EXPECT_THAT(decision.reason, HasSubstr(row.reason));
}
const std::optional<CompatNote> kNone;
INSTANTIATE_TEST_SUITE_P(
    Versions, CudaCompatDecision,
    ::testing::Values(
        Decision{"later_branch", "550.54.15", kNone, "535.1", {}, true, "of a later driver branch"},
        Decision{"same_branch", "535.161", kNone, "535.1", {}, false, "not of a later driver"},
        Decision{"branches_are_numbers_1", "99.1", kNone, "535.1", {}, false, "not of a later"},
        Decision{"branches_are_numbers_2", "1000.1", kNone, "999.1", {}, true, "of a later"},
        Decision{"listed", "590.44", real_note(), "535.1", {}, true, "lists driver branch 535"},
        Decision{"not_listed", "590.44", real_note(), "565.1", {}, false, "not list driver branch"},
        Decision{"same_branch_newer", "590.44", real_note(), "590.9", {}, true, "newer"},
        Decision{"same_branch_older", "590.9", real_note(), "590.44", {}, false, "not newer"},
        Decision{"equal", "590.44.01", real_note(), "590.44.01", {}, false, "not newer"},
        Decision{"listed_but_older", "535.99", real_note(), "590.1", {}, false, "not newer"},
        Decision{"newer_cuda",
                 "1.1",
                 CompatNote{.cuda = version("12.10")},
                 "535.1",
                 {},
                 true,
                 "their CUDA 12.10 is newer than CUDA 12.2"},
        Decision{"same_cuda",
                 "999.1",
                 CompatNote{.cuda = version("12.2")},
                 "535.1",
                 {},
                 false,
                 "is not newer than CUDA 12.2"},
        Decision{"same_cuda_as_an_earlier_branch",
                 "999.1",
                 CompatNote{.cuda = version("13.1")},
                 "4000.1",
                 {},
                 false,
                 "not newer than CUDA 13.4, which that driver has at least"},
        Decision{"unknown_cuda",
                 "999.1",
                 CompatNote{.cuda = version("99.0")},
                 "4000.1",
                 {},
                 false,
                 "not known which CUDA"}),
    [](const auto& row) { return row.param.name; });

struct Model {
  const char* name;
  const char* model;
  bool without_note;
  bool with_note;  ///< the note of CUDA 13.1
  unsigned brand;  ///< a note with this brand alone allows the GPU
};
std::ostream& operator<<(std::ostream& out, const Model& row) { return out << row.name; }
class CudaCompatGpu : public ::testing::TestWithParam<Model> {};
TEST_P(CudaCompatGpu, IsAllowedByItsClass) {
  const Model& row = GetParam();
  const auto use = [&](const std::optional<CompatNote>& note) {
    const CompatLibraries libraries{.driver = version("590.44"), .note = note};
    return decide_cuda_compat(libraries, version("535.1"), {row.model}).use;
  };
  EXPECT_EQ(use(std::nullopt), row.without_note);
  EXPECT_EQ(use(real_note()), row.with_note);
  EXPECT_TRUE(use(CompatNote{.drivers = {535}, .brands = {row.brand}}));
  EXPECT_FALSE(use(CompatNote{.drivers = {535}, .brands = {0}}));
  EXPECT_EQ(use(CompatNote{.drivers = {535}}), row.without_note);
}
INSTANTIATE_TEST_SUITE_P(
    Models, CudaCompatGpu,
    ::testing::Values(Model{"geforce", "NVIDIA GeForce RTX 3090", false, false, 5},
                      Model{"geforce_rtx", "NVIDIA GeForce RTX 5090", false, false, 15},
                      Model{"old_geforce", "GeForce GTX 1080 Ti", false, false, 5},
                      Model{"titan", "NVIDIA TITAN V", false, false, 6},
                      Model{"titan_rtx", "TITAN RTX", false, false, 16},
                      Model{"nvs", "NVS 510", false, false, 3},
                      Model{"grid", "GRID V100D-8Q", true, true, 4},
                      Model{"virtual_compute", "GRID A100-4C", true, true, 9},
                      Model{"quadro_rtx", "Quadro RTX 6000", true, true, 12},
                      Model{"rtx", "NVIDIA RTX A6000", true, true, 13},
                      Model{"quadro", "Quadro P4000", true, true, 1},
                      Model{"tesla", "Tesla V100-SXM2-32GB", true, true, 2},
                      Model{"h200", "NVIDIA H200", true, true, 14},
                      Model{"a100", "NVIDIA A100-SXM4-40GB", true, true, 14},
                      Model{"unknown", "", true, true, 14}),
    [](const auto& row) { return row.param.name; });

TEST(CudaCompat, OneGpuThatItDoesNotSupportIsEnough) {
  const CompatLibraries libraries{.driver = version("550.54.15")};
  const auto decision = decide_cuda_compat(libraries, version("535.1"),
                                           {"NVIDIA A100-SXM4-40GB", "NVIDIA GeForce RTX 3090"});
  EXPECT_EQ(decision, (CompatDecision{
                          .use = false,
                          .reason = "550.54.15 on driver 535.1 with NVIDIA GeForce RTX 3090: CUDA "
                                    "supports no forward compatibility on such a GPU"}));
}

TEST(CudaCompat, ReasonNamesVersionsGpusAndRule) {
  const CompatLibraries libraries{.driver = version("590.44.01"), .note = real_note()};
  const std::vector<std::string> gpus{"NVIDIA H200", "NVIDIA H200", "NVIDIA A100-SXM4-40GB"};
  EXPECT_EQ(decide_cuda_compat(libraries, version("570.86"), gpus).reason,
            "590.44.01 on driver 570.86 with NVIDIA H200, NVIDIA A100-SXM4-40GB: they are newer, "
            "and their note lists driver branch 570");
}

TEST(CudaCompat, IsWantedByWhoGetsComputeLibraries) {
  const auto wanted = [](CapabilitySet set, CudaCompat mode = CudaCompat::ldconfig) {
    return wants_cuda_compat({.capabilities = set}, {.cuda_compat = mode});
  };
  EXPECT_TRUE(wanted({Capability::compute}));
  EXPECT_TRUE(wanted({Capability::video}));
  EXPECT_FALSE(wanted({Capability::utility, Capability::graphics}));
  EXPECT_FALSE(wanted({Capability::compute}, CudaCompat::disabled));
}

}  // namespace
}  // namespace nvhook
