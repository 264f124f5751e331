// SPDX-License-Identifier: Apache-2.0
// Which files are the driver's libraries where a distribution names or places them in its own way.
#include "host/driver/driver_libraries.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fake_host.hpp"

namespace nvhook {
namespace {

using ::testing::Contains;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kLibraries = "/usr/lib64/";
const std::string kVersion = ".999.88.77";

test::FakeHost usual_host() {
  test::FakeHost host;
  host.library(kLibraries + "libnvidia-ml.so" + kVersion, "libnvidia-ml.so.1");
  return host;
}

/// The paths of the libraries that `host` has for `wanted`, but the management library.
std::vector<std::string> libraries_of(const test::FakeHost& host, CapabilitySet wanted) {
  const auto root = open_root(host.tree().path());
  DriverFileQuery query;
  query.driver = *Version::parse(host.driver());
  query.wanted = wanted;
  Notes notes;
  std::vector<std::string> paths;
  for (const DriverFile& file : find_libraries(*root, query, notes)) {
    if (file.component->name != "libnvidia-ml.so") paths.push_back(file.path.str());
  }
  return paths;
}

std::vector<std::string> graphics_of(const test::FakeHost& host) {
  return libraries_of(host, {Capability::graphics});
}

TEST(DriverLibraries, AFileToWhichALinkOfTheDriversVersionLeadsIsTaken) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libGLX_nvidia.so.0", "libGLX_nvidia.so.0");
  EXPECT_THAT(graphics_of(host), Not(Contains(kLibraries + "libGLX_nvidia.so.0")))
      << "nothing tells its version";
  host.tree().link(kLibraries + "libGLX_nvidia.so" + kVersion, "libGLX_nvidia.so.0");
  EXPECT_THAT(graphics_of(host), UnorderedElementsAre(kLibraries + "libGLX_nvidia.so.0"));
}

TEST(DriverLibraries, ALinkOfTheDriversVersionDoesNotMakeAnotherDriversFileTheDrivers) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libGLX_nvidia.so.470.57.02", "libGLX_nvidia.so.0");
  host.tree().link(kLibraries + "libGLX_nvidia.so" + kVersion, "libGLX_nvidia.so.470.57.02");
  host.file("/opt/libEGL_nvidia.so.0", "libEGL_nvidia.so.0");
  host.tree().link(kLibraries + "libEGL_nvidia.so" + kVersion, "/opt/libEGL_nvidia.so.0");
  EXPECT_THAT(graphics_of(host), UnorderedElementsAre());
}

TEST(DriverLibraries, WithoutALoaderCacheTheDirectoryOfVdpauIsSearchedToo) {
  for (const std::string directory : {"/usr/local/lib", "/usr/local/glibc/usr/lib64",
                                      "/run/current-system/profile/lib", "/usr/lib64"}) {
    test::FakeHost host;
    host.file(directory + "/libnvidia-ml.so" + kVersion, "libnvidia-ml.so.1");
    const std::string vdpau = directory + "/vdpau/libvdpau_nvidia.so" + kVersion;
    host.file(vdpau, "libvdpau_nvidia.so.1");
    EXPECT_THAT(libraries_of(host, {Capability::video}), UnorderedElementsAre(vdpau));
  }
}

TEST(DriverLibraries, ADriverOfGlvndDoesNotReplaceItsLibraries) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libEGL.so" + kVersion, "libEGL.so.1");
  EXPECT_THAT(graphics_of(host), UnorderedElementsAre(kLibraries + "libEGL.so" + kVersion));
  host.file(kLibraries + "libEGL_nvidia.so" + kVersion, "libEGL_nvidia.so.0");
  EXPECT_THAT(graphics_of(host), UnorderedElementsAre(kLibraries + "libEGL_nvidia.so" + kVersion));
}

}  // namespace
}  // namespace nvhook
