// SPDX-License-Identifier: Apache-2.0
// Which files of a driver root are found: roots without loader cache, sockets without a daemon,
// files that are not what their names say.
#include "host/driver/driver_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/driver/driver_search.hpp"
#include "support/fake_host.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::string kLibraries = "/usr/lib64/";
const std::string kVersion = ".999.88.77";
const std::string kMps = "/tmp/nvidia-mps";

test::FakeHost usual_host() {
  test::FakeHost host;
  host.library(kLibraries + "libnvidia-ml.so" + kVersion, "libnvidia-ml.so.1");
  return host;
}

struct Found {
  std::vector<DriverFile> files;
  Notes notes;

  [[nodiscard]] const DriverFile* at(const std::string& path) const {
    for (const DriverFile& file : files) {
      if (file.path.str() == path) return &file;
    }
    return nullptr;
  }
  [[nodiscard]] std::string note_text() const {
    std::string text;
    for (const Note& note : notes) text += note.text + "\n";
    return text;
  }
};

Found find(const test::FakeHost& host, CapabilitySet wanted, DriverFileQuery query = {}) {
  const auto root = open_root(host.tree().path());
  query.driver = *Version::parse(host.driver());
  query.wanted = wanted;
  Found found;
  found.files = find_driver_files(*root, query, found.notes);
  const std::vector<DriverFile> endpoints = find_endpoints(*root, query, found.notes);
  found.files.insert(found.files.end(), endpoints.begin(), endpoints.end());
  return found;
}

/// A socket file; a daemon listens on it as long as the descriptor is open.
UniqueFd make_socket(const test::FakeHost& host, const std::string& path) {
  std::filesystem::create_directories(host.tree().below(path).parent_path());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  host.tree().below(path).string().copy(static_cast<char*>(address.sun_path),
                                        sizeof address.sun_path - 1);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1) != 0) {
    throw std::runtime_error("bind");
  }
  return fd;
}

void set_mode(const test::FakeHost& host, const std::string& path, unsigned mode) {
  std::filesystem::permissions(host.tree().below(path), static_cast<std::filesystem::perms>(mode));
}

TEST(DriverFiles, ALibraryOfTheDriversVersionThatNoListNamesIsFound) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libnvidia-brandnew.so" + kVersion, "libnvidia-brandnew.so.1");
  host.file(kLibraries + "libother.so" + kVersion, "libother.so.1");
  const Found found = find(host, {Capability::compute});
  ASSERT_NE(found.at(kLibraries + "libnvidia-brandnew.so" + kVersion), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libother.so" + kVersion), nullptr);
  EXPECT_EQ(find(host, {Capability::utility}).at(kLibraries + "libnvidia-brandnew.so" + kVersion),
            nullptr);
}

TEST(DriverFiles, ALibraryWithAVersionOfItsOwnIsFoundByItsName) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libnvidia-egl-gbm.so.1.1.0", "libnvidia-egl-gbm.so.1");
  host.file(kLibraries + "libnvidia-egl-gbm.so.1.1.2", "libnvidia-egl-gbm.so.1");
  host.file(kLibraries + "libnvidia-egl-gbm.so.1.1.10", "libnvidia-egl-gbm.so.1");
  const Found found = find(host, {Capability::graphics});
  EXPECT_NE(found.at(kLibraries + "libnvidia-egl-gbm.so.1.1.10"), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libnvidia-egl-gbm.so.1.1.0"), nullptr) << "the newest counts";
}

TEST(DriverFiles, AConfiguredDirectoryComesFirst) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libcuda.so" + kVersion, "libcuda.so.1");
  host.file("/srv/lib/libcuda.so" + kVersion, "libcuda.so.1");
  const Found found = find(host, {Capability::compute}, {.search_path = {"/srv/lib"}});
  EXPECT_NE(found.at("/srv/lib/libcuda.so" + kVersion), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libcuda.so" + kVersion), nullptr);
}

TEST(DriverFiles, LibrariesOfTheLoadedDriverAreUsedWhenTheCacheKnowsAnotherOne) {
  test::FakeHost host;
  host.library(kLibraries + "libnvidia-ml.so.111.22.33", "libnvidia-ml.so.1");
  host.file(kLibraries + "libnvidia-ml.so" + kVersion, "libnvidia-ml.so.1");
  EXPECT_NE(find(host, {Capability::utility}).at(kLibraries + "libnvidia-ml.so" + kVersion),
            nullptr);
}

TEST(DriverFiles, ATruncatedLibraryIsLeftOutWithANote) {
  test::FakeHost host = usual_host();
  host.tree().write(kLibraries + "libcuda.so" + kVersion, "\177ELF");
  const Found found = find(host, {Capability::compute});
  EXPECT_EQ(found.at(kLibraries + "libcuda.so" + kVersion), nullptr);
  EXPECT_THAT(found.note_text(), HasSubstr("not a shared object"));
}

TEST(DriverFiles, PlainLinksOfTheHostAreTold) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libnvcuvid.so" + kVersion, "libnvcuvid.so.1");
  host.library(kLibraries + "libcuda.so" + kVersion, "libcuda.so.1");
  host.tree().link(kLibraries + "libnvcuvid.so", "libnvcuvid.so.1");
  const Found found = find(host, {Capability::video});
  EXPECT_TRUE(found.at(kLibraries + "libnvcuvid.so" + kVersion)->has_plain_link);
  EXPECT_FALSE(found.at(kLibraries + "libcuda.so" + kVersion)->has_plain_link);
}

TEST(DriverFiles, FirmwareIsFoundInEveryPathOfTheKernelAndTheFirstFileCounts) {
  test::FakeHost host = usual_host();
  host.tree().write("/srv/firmware/nvidia/999.88.77/gsp_ga10x.bin");
  host.tree().write("/lib/firmware/nvidia/999.88.77/gsp_ga10x.bin");
  host.tree().write("/lib/firmware/nvidia/999.88.77/gsp_tu10x.bin");
  const Found found = find(host, {Capability::utility},
                           {.firmware_directories = {"/srv/firmware", "/lib/firmware"}});
  const DriverFile* file = found.at("/srv/firmware/nvidia/999.88.77/gsp_ga10x.bin");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->place.str(), "/lib/firmware/nvidia/999.88.77/gsp_ga10x.bin");
  EXPECT_EQ(found.at("/lib/firmware/nvidia/999.88.77/gsp_ga10x.bin"), nullptr);
  EXPECT_NE(found.at("/lib/firmware/nvidia/999.88.77/gsp_tu10x.bin"), nullptr);
}

TEST(DriverFiles, ASocketOnWhichNobodyListensIsLeftOut) {
  const test::FakeHost host = usual_host();
  const std::string path = "/var/run/nvidia-persistenced/socket";
  UniqueFd daemon = make_socket(host, path);
  EXPECT_NE(find(host, {Capability::utility}).at(path), nullptr);
  daemon = UniqueFd();
  const Found found = find(host, {Capability::utility});
  EXPECT_EQ(found.at(path), nullptr);
  EXPECT_THAT(found.note_text(), HasSubstr("no daemon listens"));
}

/// The directory of an MPS daemon that root started.
UniqueFd start_mps_daemon(const test::FakeHost& host) {
  UniqueFd daemon = make_socket(host, kMps + "/control");
  set_mode(host, "/tmp", 01777);
  set_mode(host, kMps, 0755);
  return daemon;
}

TEST(DriverFiles, TheMpsDirectoryOfADaemonThatIsGoneIsLeftOut) {
  const test::FakeHost host = usual_host();
  UniqueFd daemon = start_mps_daemon(host);
  EXPECT_NE(find(host, {Capability::compute}).at(kMps), nullptr);
  daemon = UniqueFd();
  EXPECT_EQ(find(host, {Capability::compute}).at(kMps), nullptr);
}

TEST(DriverFiles, AnMpsDirectoryThatOthersCanWriteIsLeftOutWithAWarning) {
  const test::FakeHost host = usual_host();
  const UniqueFd daemon = start_mps_daemon(host);
  set_mode(host, kMps, 0777);
  const Found found = find(host, {Capability::compute});
  EXPECT_EQ(found.at(kMps), nullptr);
  EXPECT_THAT(found.note_text(), HasSubstr("left out /tmp/nvidia-mps: others than root can write"));
}

TEST(DriverFiles, AnMpsDirectoryWithoutControlOfADaemonIsLeftOut) {
  const test::FakeHost host = usual_host();
  host.tree().directory(kMps);
  set_mode(host, "/tmp", 01777);
  set_mode(host, kMps, 0755);
  EXPECT_EQ(find(host, {Capability::compute}).at(kMps), nullptr);
  host.tree().write(kMps + "/control");
  const Found found = find(host, {Capability::compute});
  EXPECT_EQ(found.at(kMps), nullptr);
  EXPECT_THAT(found.note_text(), HasSubstr("no `control` of an MPS daemon"));
  std::filesystem::remove(host.tree().below(kMps + "/control"));
  ASSERT_EQ(::mkfifo(host.tree().below(kMps + "/control").c_str(), 0666), 0);
  EXPECT_NE(find(host, {Capability::compute}).at(kMps), nullptr);
}

TEST(DriverFiles, AnMpsDirectoryWhoseControlIsAnothersIsLeftOut) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const test::FakeHost host = usual_host();
  const UniqueFd daemon = start_mps_daemon(host);
  for (const std::string& path : {kMps + "/control", kMps}) {
    ASSERT_EQ(::chown(host.tree().below(path).c_str(), 1000, 1000), 0);
    const Found found = find(host, {Capability::compute});
    EXPECT_EQ(found.at(kMps), nullptr);
    EXPECT_THAT(found.note_text(), HasSubstr("belongs to user 1000, not to root"));
  }
}

TEST(DriverFiles, ALinkInThePlaceOfTheMpsDirectoryIsNotFollowed) {
  const test::FakeHost host = usual_host();
  host.tree().write("/root/.ssh/id", "secret");
  host.tree().link("/tmp/nvidia-mps", "/root");
  const Found found = find(host, {Capability::compute});
  EXPECT_EQ(found.at("/root"), nullptr);
  EXPECT_THAT(found.note_text(), HasSubstr("left out /tmp/nvidia-mps: not a directory"));
}

TEST(DriverFiles, ALibraryThatLaterDriversVersionSeparatelyIsFoundByItsLinks) {
  test::FakeHost host = usual_host();
  host.file(kLibraries + "libnvidia-nvvm.so.4.0.0", "libnvidia-nvvm.so.4");
  host.tree().link(kLibraries + "libnvidia-nvvm.so.4", "libnvidia-nvvm.so.4.0.0");
  host.file(kLibraries + "libnvidia-brandnew.so.2.1", "libnvidia-brandnew.so.2");
  host.file(kLibraries + "libnvidia-container.so.1.17.8", "libnvidia-container.so.1");
  host.file(kLibraries + "libnvrtc.so.12.4.127", "libnvrtc.so.12");
  const Found found = find(host, {Capability::compute});
  EXPECT_NE(found.at(kLibraries + "libnvidia-nvvm.so.4.0.0"), nullptr);
  EXPECT_NE(found.at(kLibraries + "libnvidia-brandnew.so.2.1"), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libnvidia-container.so.1.17.8"), nullptr) << "the toolkit's";
  EXPECT_EQ(found.at(kLibraries + "libnvrtc.so.12.4.127"), nullptr) << "CUDA's";
}

TEST(DriverFiles, ALibraryOfAnotherDriverIsNotFoundByItsLinks) {
  test::FakeHost host = usual_host();
  for (const char* name : {"libnvidia-compiler.so", "libnvidia-brandnew.so", "libnvidia-nscq.so"}) {
    host.file(kLibraries + name + std::string(".470.57.02"), name + std::string(".1"));
    host.tree().link(kLibraries + name + ".1", name + std::string(".470.57.02"));
  }
  host.listed("libnvidia-nscq.so.1", kLibraries + "libnvidia-nscq.so.1");
  for (const DriverFile& file : find(host, CapabilitySet::all()).files) {
    EXPECT_THAT(file.path.str(), Not(HasSubstr("470.57.02")));
  }
}

TEST(DriverFiles, TheFileOfTheDriversVersionIsTakenBeforeOneWithItsOwn) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libnvidia-nvvm.so.4", "libnvidia-nvvm.so.4");
  host.file(kLibraries + "libnvidia-nvvm.so" + kVersion, "libnvidia-nvvm.so.4");
  const Found found = find(host, {Capability::compute});
  EXPECT_NE(found.at(kLibraries + "libnvidia-nvvm.so" + kVersion), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libnvidia-nvvm.so.4"), nullptr);
}

TEST(DriverFiles, ADriverWithoutGlvndHasOpenGlLibrariesOfItsVersion) {
  test::FakeHost host = usual_host();
  host.library(kLibraries + "libGL.so" + kVersion, "libGL.so.1");
  host.file(kLibraries + "libGLESv2.so" + kVersion, "libGLESv2.so.2");
  host.library(kLibraries + "libEGL.so.1.1.0", "libEGL.so.1");  // GLVND's
  const Found found = find(host, {Capability::graphics});
  EXPECT_NE(found.at(kLibraries + "libGL.so" + kVersion), nullptr);
  EXPECT_NE(found.at(kLibraries + "libGLESv2.so" + kVersion), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libEGL.so.1.1.0"), nullptr);
  EXPECT_THAT(found.note_text(), Not(HasSubstr("libEGL.so,"))) << "today's drivers have none";
}

TEST(DriverFiles, EveryFirmwareOfTheDriverIsFound) {
  test::FakeHost host = usual_host();
  const std::string directory = "/lib/firmware/nvidia/999.88.77/";
  for (const char* name : {"gsp_ga10x.bin", "ucodes_ga10x.bin"})
    host.tree().write(directory + name);
  const Found found =
      find(host, {Capability::utility}, {.firmware_directories = {"/lib/firmware"}});
  EXPECT_NE(found.at(directory + "gsp_ga10x.bin"), nullptr);
  EXPECT_NE(found.at(directory + "ucodes_ga10x.bin"), nullptr);
}

const std::string kExtensions = "/usr/lib64/xorg/modules/extensions/";
const std::string kGlxServer = "libglxserver_nvidia.so";

TEST(DriverFiles, AnXModuleWithoutAVersionInItsNameIsFound) {
  test::FakeHost rpm = usual_host();
  rpm.file(kExtensions + kGlxServer, kGlxServer + kVersion);
  EXPECT_NE(find(rpm, {Capability::display}).at(kExtensions + kGlxServer), nullptr);
  test::FakeHost debian = usual_host();
  const std::string real = "/usr/lib/nvidia/current/" + kGlxServer + kVersion;
  debian.file(real, kGlxServer);
  debian.tree().link(kExtensions + kGlxServer, "/etc/alternatives/glxserver");
  debian.tree().link("/etc/alternatives/glxserver", real);
  const Found found = find(debian, {Capability::display});
  ASSERT_NE(found.at(real), nullptr);
  EXPECT_EQ(found.at(real)->place.str(), kExtensions + kGlxServer);
}

TEST(DriverFiles, AnXModuleOfAnotherDriverOrOfTheXServerIsNotFound) {
  test::FakeHost host = usual_host();
  host.file(kExtensions + kGlxServer, kGlxServer + ".111.22.33");
  host.file(kExtensions + "libglx.so", "libglx.so");
  const Found found = find(host, {Capability::display});
  EXPECT_EQ(found.at(kExtensions + kGlxServer), nullptr);
  EXPECT_EQ(found.at(kExtensions + "libglx.so"), nullptr);
}

const std::string kStore = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/";

/// With a Linux driver that somebody installed into the distribution.
test::FakeHost wsl_host() {
  test::FakeHost host;
  host.library(kLibraries + "libcuda.so.1.1", "libcuda.so.1");
  host.library(kLibraries + "libnvidia-opencl.so.470.57.02", "libnvidia-opencl.so.1");
  host.tree().write("/usr/bin/nvidia-smi");
  host.tree().write("/usr/bin/nvidia-debugdump");
  host.tree().write("/etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1");
  host.tree().write(kExtensions + "nvidia_drv.so");
  for (const char* name : {"libcuda.so.1.1", "libdxcore.so", "libnvwgf2umx.so"}) {
    host.file(std::string("/usr/lib/wsl/lib/") + name, name);
  }
  host.tree().write("/usr/lib/wsl/lib/nvidia-smi");
  for (const char* name : {"nvidia-smi", "libcuda.so.1.1", "libnvidia-nvvm70.so.4",
                           "libnvidia-new.so", "nvcubins.bin", "nvdlss.dll", "oem1.inf"}) {
    host.tree().write(kStore + name);
  }
  host.tree().write("/usr/lib/wsl/drivers/iigd_dch.inf_amd64_2/igd.bin");
  host.tree().write("/usr/lib/wsl/drivers/iigd_dch.inf_amd64_2/libigdgmm_w.so.12");
  return host;
}

TEST(DriverFiles, OnWsl2NothingOfALinuxDriverIsTaken) {
  const Found found = find(wsl_host(), CapabilitySet::all(),
                           {.search_path = {"/usr/lib/wsl/lib"}, .any_version = true});
  for (const DriverFile& file : found.files) {
    EXPECT_THAT(file.path.str(), ::testing::StartsWith("/usr/lib/wsl/"));
  }
  for (const char* name : {"libcuda.so.1.1", "libdxcore.so", "libnvwgf2umx.so", "nvidia-smi"}) {
    EXPECT_NE(found.at(std::string("/usr/lib/wsl/lib/") + name), nullptr) << name;
  }
}

TEST(DriverFiles, OnWsl2TheDriverStoreIsTakenByRule) {
  const Found found = find(wsl_host(), {Capability::utility},
                           {.search_path = {"/usr/lib/wsl/lib"}, .any_version = true});
  for (const char* name : {"nvidia-smi", "libcuda.so.1.1", "libnvidia-nvvm70.so.4",
                           "libnvidia-new.so", "nvcubins.bin", "nvdlss.dll"}) {
    const DriverFile* file = found.at(kStore + name);
    ASSERT_NE(file, nullptr) << name;
    EXPECT_EQ(file->place.str(), kStore + name);
  }
  EXPECT_EQ(found.at(kStore + "oem1.inf"), nullptr);
  for (const DriverFile& file : found.files) {
    EXPECT_THAT(file.path.str(), Not(HasSubstr("iigd"))) << "another vendor's";
  }
}

}  // namespace
}  // namespace nvhook
