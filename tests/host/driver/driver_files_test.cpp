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

TEST(DriverFiles, OnWsl2LibrariesHaveAnyVersionAndComeFromWslsDirectory) {
  test::FakeHost host;
  host.library(kLibraries + "libcuda.so.1.1", "libcuda.so.1");
  host.file("/usr/lib/wsl/lib/libcuda.so.1.1", "libcuda.so.1");
  host.file("/usr/lib/wsl/lib/libdxcore.so", "libdxcore.so");
  for (const char* file : {"nvidia-smi", "libcuda.so.1.1", "libnvidia-ml.so.1"}) {
    host.tree().write("/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/" + std::string(file));
  }
  host.tree().write("/usr/lib/wsl/drivers/iigd_dch.inf_amd64_2/igd.bin");
  const Found found = find(host, {Capability::compute, Capability::utility},
                           {.search_path = {"/usr/lib/wsl/lib"}, .any_version = true});
  EXPECT_NE(found.at("/usr/lib/wsl/lib/libcuda.so.1.1"), nullptr);
  EXPECT_NE(found.at("/usr/lib/wsl/lib/libdxcore.so"), nullptr);
  EXPECT_EQ(found.at(kLibraries + "libcuda.so.1.1"), nullptr);
  const std::string store = "/usr/lib/wsl/drivers/nv_dispi.inf_amd64_1/";
  const DriverFile* smi = found.at(store + "nvidia-smi");
  ASSERT_NE(smi, nullptr);
  EXPECT_EQ(smi->place.str(), store + "nvidia-smi");
}

}  // namespace
}  // namespace nvhook
