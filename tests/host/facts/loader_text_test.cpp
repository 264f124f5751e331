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
  std::vector<std::string> libraries;
  unsigned bits = 0;
};
class ManifestText : public ::testing::TestWithParam<ManifestCase> {};
TEST_P(ManifestText, TellsItsLibraries) {
  const Manifest manifest = parse_manifest("nvidia_icd.json", GetParam().text);
  EXPECT_EQ(manifest.libraries, GetParam().libraries);
  EXPECT_EQ(manifest.bits, GetParam().bits);
}
INSTANTIATE_TEST_SUITE_P(
    Texts, ManifestText,
    ::testing::Values(
        ManifestCase{"Icd",
                     R"({"ICD": {"library_path": "/nix/x/libGLX_nvidia.so.0"}})",
                     {"/nix/x/libGLX_nvidia.so.0"}},
        ManifestCase{"Layer", R"({"layer": {"library_path": "/x/lib.so"}})", {"/x/lib.so"}},
        ManifestCase{"Layers",
                     R"({"layers": [{"library_path": "/x/a.so"}, {"library_path": "b.so"},
                         {"library_path": "b.so"}]})",
                     {"/x/a.so", "b.so"}},
        ManifestCase{
            "ByName", R"({"ICD": {"library_path": "libGLX_nvidia.so.0"}})", {"libGLX_nvidia.so.0"}},
        ManifestCase{
            "OfAClass", R"({"ICD": {"library_path": "x.so", "library_arch": "32"}})", {"x.so"}, 32},
        ManifestCase{"Climbing", R"({"ICD": {"library_path": "/x/../../etc/passwd"}})", {}},
        ManifestCase{"Unclean", R"({"ICD": {"library_path": "/x//y"}})", {}},
        ManifestCase{"ControlCharacter", R"({"ICD": {"library_path": "/x\ty"}})", {}},
        ManifestCase{"NoText", "", {}}, ManifestCase{"NoObject", "[1]", {}},
        ManifestCase{"NoString", R"({"ICD": {"library_path": 1}})", {}},
        ManifestCase{"NoIcdObject", R"({"ICD": "x", "layers": 1})", {}}),
    [](const auto& row) { return row.param.name; });

TEST(OpenClManifest, IsALine) {
  const auto libraries = [](const char* text) {
    return parse_manifest("nvidia.icd", text).libraries;
  };
  EXPECT_EQ(libraries("libnvidia-opencl.so.1\n"),
            std::vector<std::string>{"libnvidia-opencl.so.1"});
  EXPECT_EQ(libraries("/nix/x/lib.so"), std::vector<std::string>{"/nix/x/lib.so"});
  EXPECT_TRUE(libraries("\n").empty());
}

}  // namespace
}  // namespace nvhook
