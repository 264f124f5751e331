// SPDX-License-Identifier: Apache-2.0
// Texts that loaders read: musl's search path, manifests of Vulkan and EGL.
#include <gtest/gtest.h>

#include "formats/musl_path.hpp"
#include "host/facts/driver_manifest.hpp"

namespace nvhook {
namespace {

const std::vector<ContainerPath> kLib64{ContainerPath("/usr/lib64")};

TEST(MuslPath, WithoutAFileTheBuiltInPathComesFirst) {
  EXPECT_EQ(extend_musl_path(std::nullopt, kLib64), "/lib:/usr/local/lib:/usr/lib\n/usr/lib64\n");
}

struct PathCase {
  const char* name;
  const char* existing;
  const char* extended;
};
class MuslPathCase : public ::testing::TestWithParam<PathCase> {};
TEST_P(MuslPathCase, KeepsWhatIsThere) {
  EXPECT_EQ(extend_musl_path(GetParam().existing, kLib64), GetParam().extended);
}
INSTANTIATE_TEST_SUITE_P(
    Files, MuslPathCase,
    ::testing::Values(PathCase{"Lines", "/lib\n/usr/lib\n", "/lib\n/usr/lib\n/usr/lib64\n"},
                      PathCase{"Colons", "/lib:/usr/lib", "/lib:/usr/lib\n/usr/lib64\n"},
                      PathCase{"KnownAmongColons", "/lib:/usr/lib64", "/lib:/usr/lib64"},
                      PathCase{"KnownAsALine", "/lib\n/usr/lib64\n", "/lib\n/usr/lib64\n"},
                      PathCase{"LongerNameIsAnother", "/usr/lib64/x\n",
                               "/usr/lib64/x\n/usr/lib64\n"},
                      PathCase{"Empty", "", "/usr/lib64\n"}),
    [](const auto& row) { return row.param.name; });

struct ManifestCase {
  const char* name;
  const char* text;
  const char* library;
};
class Manifest : public ::testing::TestWithParam<ManifestCase> {};
TEST_P(Manifest, TellsAnAbsoluteLibraryOnly) {
  EXPECT_EQ(absolute_library_of(GetParam().text), GetParam().library);
}
INSTANTIATE_TEST_SUITE_P(
    Texts, Manifest,
    ::testing::Values(
        ManifestCase{"Icd", R"({"ICD": {"library_path": "/nix/x/libGLX_nvidia.so.0"}})",
                     "/nix/x/libGLX_nvidia.so.0"},
        ManifestCase{"Layer", R"({"layer": {"library_path": "/x/lib.so"}})", "/x/lib.so"},
        ManifestCase{"ByName", R"({"ICD": {"library_path": "libGLX_nvidia.so.0"}})", ""},
        ManifestCase{"Climbing", R"({"ICD": {"library_path": "/x/../../etc/passwd"}})", ""},
        ManifestCase{"Unclean", R"({"ICD": {"library_path": "/x//y"}})", ""},
        ManifestCase{"NoText", "", ""}, ManifestCase{"NoObject", "[1]", ""},
        ManifestCase{"NoString", R"({"ICD": {"library_path": 1}})", ""},
        ManifestCase{"NoIcdObject", R"({"ICD": "x"})", ""}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace nvhook
