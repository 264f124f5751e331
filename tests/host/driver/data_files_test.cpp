// SPDX-License-Identifier: Apache-2.0
// Which manifests are found, and whose loaders they are for.
#include "host/driver/data_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_host.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kVersion = ".999.88.77";

struct Found {
  std::vector<DriverFile> files;
  Notes notes;

  [[nodiscard]] std::vector<std::string> places() const {
    std::vector<std::string> places;
    for (const DriverFile& file : files) places.push_back(file.place.str());
    return places;
  }
};

Found find(const test::FakeHost& host, CapabilitySet wanted) {
  const auto root = open_root(host.tree().path());
  const DriverFileQuery query{.driver = *Version::parse(host.driver()), .wanted = wanted};
  Found found;
  found.files = find_data_files(*root, query, found.notes);
  return found;
}

void manifest(const test::FakeHost& host, const std::string& path, const std::string& library,
              const std::string& more = {}) {
  host.tree().write(path, R"({"ICD": {"library_path": ")" + library + "\"" + more + "}}");
}

/// As negativo17's and NVIDIA's RPM packages.
test::FakeHost rpm_host() {
  test::FakeHost host;
  host.file("/usr/lib64/libGLX_nvidia.so.0", "libGLX_nvidia.so.0");
  host.file("/usr/lib/libGLX_nvidia.so.0", "libGLX_nvidia.so.0", false);
  const std::string directory = "/usr/share/vulkan/icd.d/";
  manifest(host, directory + "nvidia_icd.x86_64.json", "/usr/lib64/libGLX_nvidia.so.0");
  manifest(host, directory + "nvidia_icd.i686.json", "/usr/lib/libGLX_nvidia.so.0");
  return host;
}

TEST(DataFiles, AManifestIsForTheLoadersOfItsLibrarysClass) {
  const test::FakeHost host = rpm_host();
  EXPECT_THAT(find(host, {Capability::graphics}).places(),
              ElementsAre("/etc/vulkan/icd.d/nvidia_icd.x86_64.json"));
  const Found both = find(host, {Capability::graphics, Capability::compat32});
  EXPECT_THAT(both.places(), UnorderedElementsAre("/etc/vulkan/icd.d/nvidia_icd.x86_64.json",
                                                  "/etc/vulkan/icd.d/nvidia_icd.i686.json"));
  for (const DriverFile& file : both.files) {
    const bool is_32_bit = file.place.str().ends_with("i686.json");
    EXPECT_EQ(file.abi, is_32_bit ? Abi::compat32 : Abi::native);
    EXPECT_THAT(file.refers_to, ElementsAre(is_32_bit ? "/usr/lib/libGLX_nvidia.so.0"
                                                      : "/usr/lib64/libGLX_nvidia.so.0"));
  }
}

TEST(DataFiles, TheClassOfALibraryThatCannotBeReadIsToldByTheManifest) {
  test::FakeHost host;
  const std::string directory = "/usr/share/vulkan/icd.d/";
  manifest(host, directory + "nvidia_icd.i686.json", "/gone/libGLX_nvidia.so.0");
  manifest(host, directory + "nvidia_icd_32.json", "libGLX_nvidia.so.0",
           R"(, "library_arch": "32")");
  EXPECT_THAT(find(host, {Capability::graphics}).files, IsEmpty());
}

TEST(DataFiles, AManifestForAnotherArchitectureIsLeftOut) {
  test::FakeHost host;
  host.tree().write("/opt/libGLX_nvidia.so.0",
                    test::build_elf({.machine = 22, .soname = "libGLX_nvidia.so.0"}).bytes);
  manifest(host, "/etc/vulkan/icd.d/nvidia_icd.json", "/opt/libGLX_nvidia.so.0");
  const Found found = find(host, {Capability::graphics, Capability::compat32});
  EXPECT_THAT(found.files, IsEmpty());
  ASSERT_EQ(found.notes.size(), 1U);
  EXPECT_EQ(found.notes[0].text,
            "left out /etc/vulkan/icd.d/nvidia_icd.json: its library is of another architecture");
}

TEST(DataFiles, OfTwoManifestsForOneLibraryOneIsTaken) {
  test::FakeHost host = rpm_host();
  manifest(host, "/etc/vulkan/icd.d/nvidia_icd.json", "libGLX_nvidia.so.0");
  EXPECT_THAT(find(host, {Capability::graphics, Capability::compat32}).places(),
              ElementsAre("/etc/vulkan/icd.d/nvidia_icd.json"));
}

TEST(DataFiles, LayersAndManifestsForLibrariesOfOthersAreAllTaken) {
  test::FakeHost host;
  const std::string directory = "/usr/share/egl/egl_external_platform.d/";
  for (const char* name : {"10_nvidia_a.json", "20_nvidia_b.json"}) {
    manifest(host, directory + name, "libplatform.so");
  }
  manifest(host, "/etc/vulkan/implicit_layer.d/nvidia_layers.json", "libGLX_nvidia.so.0");
  manifest(host, "/etc/vulkan/implicit_layer.d/nvidia_more.json", "libGLX_nvidia.so.0");
  EXPECT_EQ(find(host, {Capability::graphics}).files.size(), 4U);
}

TEST(DataFiles, ManifestsOfNixosAreFoundAndThe32BitOnesGetNamesOfTheirOwn) {
  test::FakeHost host;
  const std::string store = "/nix/store/0-nvidia/lib/";
  const std::string store32 = "/nix/store/0-nvidia-32/lib/";
  for (const char* library : {"libEGL_nvidia.so.0", "libnvidia-opencl.so.1"}) {
    host.file(store + library, library);
    host.file(store32 + library, library, false);
  }
  const std::string egl = "/share/glvnd/egl_vendor.d/10_nvidia.json";
  manifest(host, "/run/opengl-driver" + egl, store + "libEGL_nvidia.so.0");
  manifest(host, "/run/opengl-driver-32" + egl, store32 + "libEGL_nvidia.so.0");
  host.tree().write("/run/opengl-driver/etc/OpenCL/vendors/nvidia.icd",
                    store + "libnvidia-opencl.so.1\n");
  EXPECT_THAT(find(host, CapabilitySet::all()).places(),
              UnorderedElementsAre("/etc/OpenCL/vendors/nvidia.icd",
                                   "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
                                   "/usr/share/glvnd/egl_vendor.d/10_nvidia.i686.json"));
  EXPECT_THAT(find(host, {Capability::compute}).places(),
              ElementsAre("/etc/OpenCL/vendors/nvidia.icd"));
}

TEST(DataFiles, APathBesideTheManifestIsTheOneBesideItInTheContainer) {
  test::FakeHost host;
  host.file("/opt/lib/libGLX_nvidia.so.0", "libGLX_nvidia.so.0", false);
  manifest(host, "/usr/share/vulkan/icd.d/nvidia_icd.json",
           "../../../../opt/lib/libGLX_nvidia.so.0");
  EXPECT_THAT(find(host, {Capability::graphics}).files, IsEmpty()) << "a 32-bit library";
  host.file("/opt/lib/libGLX_nvidia.so.0", "libGLX_nvidia.so.0");
  const Found found = find(host, {Capability::graphics});
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_THAT(found.files[0].refers_to, ElementsAre("/opt/lib/libGLX_nvidia.so.0"));
}

TEST(DataFiles, NamesOfOtherDistributionsAreFound) {
  test::FakeHost host;
  for (const char* path : {"/usr/share/vulkansc/icd.d/nvidia_icd.x86_64.json",
                           "/usr/share/X11/xorg.conf.d/10-nvidia-drm-outputclass.conf",
                           "/usr/share/egl/egl_external_platform.d/99_nvidia_new.json"}) {
    host.tree().write(path, "x");
  }
  EXPECT_EQ(find(host, {Capability::graphics}).files.size(), 3U);
}

}  // namespace
}  // namespace nvhook
