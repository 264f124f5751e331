// SPDX-License-Identifier: Apache-2.0
// Which directories of a container are its own, on real mounts.
#include "image/own_layer.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "cgroup/cgroup_mounts.hpp"
#include "inject/container_process.hpp"
#include "inject/layer_writer.hpp"
#include "support/test_container.hpp"
#include "text/error.hpp"

namespace nvhook::test {
namespace {

using ::testing::HasSubstr;

constexpr auto kTmpfs = SpecMount::Kind::tmpfs;
constexpr auto kVolume = SpecMount::Kind::volume;

/// A container with a bind mount and two tmpfs of the host, and one tmpfs of its own beside /dev.
class OwnLayerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
    host_.directory("/volume/below");
    container_.emplace(
        [](const TemporaryDirectory& tree) {
          for (const char* name : {"/vol", "/run", "/over", "/shared", "/ro"}) tree.directory(name);
          tree.link("/alias", "/over");
          tree.link("/dangling", "/vol/new/directory");
        },
        [this](const std::string& root) {
          const std::string volume = host_.below("/volume").string();
          // Belongs to the host, like everything that is mounted outside of the root file system.
          ::mount("none", volume.c_str(), "tmpfs", 0, nullptr);
          ::mount(volume.c_str(), (root + "/shared").c_str(), nullptr, MS_BIND, nullptr);
          ::mount(host_.path().c_str(), (root + "/vol").c_str(), nullptr, MS_BIND, nullptr);
          ::mount("none", (root + "/run").c_str(), "tmpfs", 0, nullptr);
          ::mount("none", (root + "/over").c_str(), "tmpfs", 0, nullptr);
          ::mount(volume.c_str(), (root + "/over").c_str(), nullptr, MS_BIND, nullptr);
          ::mount("none", (root + "/ro").c_str(), "tmpfs", MS_RDONLY, nullptr);
        });
    if (!container_->usable()) GTEST_SKIP() << "mount namespaces are refused here";
  }

  [[nodiscard]] static ContainerSpec usual_spec() {
    ContainerSpec spec;
    spec.mounts = {{.source = "tmpfs", .destination = "/dev", .kind = kTmpfs},
                   {.source = "tmpfs", .destination = "/run", .kind = kTmpfs},
                   {.source = "tmpfs", .destination = "/ro", .kind = kTmpfs},
                   {.source = "tmpfs", .destination = "/over", .kind = kTmpfs},
                   {.source = "/srv/over", .destination = "/alias", .kind = kVolume},
                   {.source = "/srv/vol", .destination = "/vol", .kind = kVolume},
                   {.source = "/srv/shared", .destination = "/shared", .kind = kVolume}};
    return spec;
  }

  /// The obstacle at `path`; empty if it is the container's own.
  [[nodiscard]] std::string obstacle(const std::string& path, const ContainerSpec* spec) const {
    const ContainerProcess process(container_->pid());
    const RootDir root = process.open_rootfs(container_->rootfs());
    const OwnLayer layer(
        {.rootfs = root, .spec = spec, .mountinfo = [&] { return process.mountinfo(); }});
    return layer.obstacle_at(ContainerPath(path)).value_or("");
  }

  /// The number of the file system at `path`, as in mountinfo.
  [[nodiscard]] static std::string device_of(const RootDir& root, const std::string& path) {
    struct stat status {};
    const UniqueFd fd = root.open(path, O_PATH);
    EXPECT_EQ(::fstat(fd.get(), &status), 0);
    return std::to_string(major(status.st_dev)) + ":" + std::to_string(minor(status.st_dev));
  }

  TemporaryDirectory host_ = {};
  std::optional<TestContainer> container_ = {};
};

TEST_F(OwnLayerTest, TheRootFileSystemsOwnMountIs) {
  const ContainerSpec spec = usual_spec();
  for (const ContainerSpec* told : {&spec, static_cast<const ContainerSpec*>(nullptr)}) {
    EXPECT_EQ(obstacle("/usr/lib", told), "");
    EXPECT_EQ(obstacle("/usr/not/there/yet", told), "");
  }
}

TEST_F(OwnLayerTest, AVolumeIsNotThoughItLiesOnTheSameFileSystem) {
  const ContainerSpec spec = usual_spec();
  EXPECT_EQ(obstacle("/vol", &spec), "lies on the volume `/vol` (from `/srv/vol`)");
  EXPECT_EQ(obstacle("/vol/volume/not/there", &spec),
            "lies on the volume `/vol` (from `/srv/vol`)");
  EXPECT_THAT(obstacle("/vol", nullptr), HasSubstr("not the container's own"));
}

TEST_F(OwnLayerTest, ADanglingLinkIsWhereItLeads) {
  const ContainerSpec spec = usual_spec();
  EXPECT_THAT(obstacle("/dangling/file", &spec), HasSubstr("the volume `/vol`"));
}

TEST_F(OwnLayerTest, ATmpfsIsIfTheRuntimeMadeIt) {
  ContainerSpec spec = usual_spec();
  EXPECT_EQ(obstacle("/run", &spec), "");
  EXPECT_EQ(obstacle("/dev", &spec), "");
  EXPECT_THAT(obstacle("/shared", &spec), HasSubstr("the volume `/shared`"));
  spec.mounts.clear();
  EXPECT_THAT(obstacle("/run", &spec), HasSubstr("not the container's own"))
      << "of an unknown tmpfs nobody knows whose it is";
}

TEST_F(OwnLayerTest, WithoutConfigJsonATmpfsIsIfTheHostDoesNotHaveItToo) {
  EXPECT_EQ(obstacle("/run", nullptr), "");
  EXPECT_EQ(obstacle("/dev", nullptr), "");
  EXPECT_THAT(obstacle("/shared", nullptr), HasSubstr("not the container's own"));
}

TEST_F(OwnLayerTest, OfAContainerThatRunsATmpfsIsIfTheHostHasItNowhere) {
  const ContainerProcess process(container_->pid());
  const RootDir root = process.open_rootfs(container_->rootfs());
  ContainerSpec spec = usual_spec();
  // It was made by the runtime, and the container has since mounted a volume there.
  spec.mounts.push_back({.source = "tmpfs", .destination = "/shared", .kind = kTmpfs});
  std::erase_if(spec.mounts, [](const SpecMount& mount) {
    return mount.kind == kVolume && mount.destination == "/shared";
  });
  const std::string own = own_mountinfo(*open_root("/"));
  for (const ContainerSpec* known :
       {static_cast<const ContainerSpec*>(&spec), static_cast<const ContainerSpec*>(nullptr)}) {
    const OwnLayer layer({.rootfs = root, .spec = known, .host_mountinfo = [&] {
                            return own + "99 1 " + device_of(root, "/shared") +
                                   " / /srv rw - tmpfs t rw\n";
                          }});
    EXPECT_EQ(layer.obstacle_at(ContainerPath("/run")), std::nullopt);
    EXPECT_THAT(layer.obstacle_at(ContainerPath("/shared")).value_or(""),
                HasSubstr("not the container's own"));
  }
}

TEST_F(OwnLayerTest, WhereALinkLeadsTwoMountsToOnePlaceTheVolumeDecides) {
  const ContainerSpec spec = usual_spec();
  EXPECT_NE(obstacle("/over", &spec), "");
  EXPECT_NE(obstacle("/alias", &spec), "");
}

TEST_F(OwnLayerTest, WhatIsReadOnlyIsSaidToBe) {
  const ContainerSpec spec = usual_spec();
  EXPECT_EQ(obstacle("/ro", &spec), "is read-only");
}

TEST_F(OwnLayerTest, AReadOnlyPlainDirectoryMayBeOthersRootToo) {
  ContainerSpec spec = usual_spec();
  spec.root_read_only = true;
  EXPECT_THAT(obstacle("/usr/lib", &spec), HasSubstr("read-only root directory"));
  EXPECT_EQ(obstacle("/run", &spec), "");
}

TEST_F(OwnLayerTest, AVolumeOverTheWholeRootIsNot) {
  const ContainerProcess process(container_->pid());
  const RootDir root = process.open_rootfs(container_->rootfs());
  const ContainerSpec spec = usual_spec();
  const OwnLayer layer({.rootfs = root, .spec = &spec, .is_root_covered = [] { return true; }});
  EXPECT_THAT(layer.obstacle_at(ContainerPath("/usr")).value_or(""), HasSubstr("covers"));
  EXPECT_EQ(layer.obstacle_at(ContainerPath("/run")), std::nullopt);
  EXPECT_TRUE(is_prepared_root(root, container_->rootfs()));
  EXPECT_FALSE(is_prepared_root(root, host_.path().string()));
  EXPECT_FALSE(is_prepared_root(root, host_.below("/gone").string()));
}

TEST_F(OwnLayerTest, NothingIsEverMadeOnAVolumeWhateverIsAskedFor) {
  const ContainerProcess process(container_->pid());
  const RootDir root = process.open_rootfs(container_->rootfs());
  const ContainerSpec spec = usual_spec();
  const OwnLayer layer({.rootfs = root, .spec = &spec});
  const LayerWriter writer(0, 0);
  const LayerDirectory volume = layer.look_at(share(root.open("/vol", O_PATH | O_DIRECTORY)));
  const ContainerPath path("/vol/made");
  const auto refused =
      ::testing::Throws<Error>(::testing::Property("code", &Error::code, Code::target_on_volume));
  EXPECT_THAT([&] { static_cast<void>(writer.make_directory(volume, path, 0755)); }, refused);
  EXPECT_THAT([&] { static_cast<void>(writer.make_file(volume, path, 0644)); }, refused);
  EXPECT_THAT([&] { static_cast<void>(writer.make_link(volume, path, "to")); }, refused);
  EXPECT_THAT([&] { static_cast<void>(writer.make_second_name(volume, path, "two")); }, refused);
  EXPECT_THAT([&] { static_cast<void>(writer.rename_entry(volume, "volume", path)); }, refused);
}

TEST(LayerWriter, MakesNothingAsAnotherUserThanAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user: run ctest as root";
  const TemporaryDirectory image;
  std::filesystem::permissions(image.path(), std::filesystem::perms::all);
  const auto root = open_root(image.path(), FileOwner::image);
  const OwnLayer layer({.rootfs = *root});
  const LayerDirectory top = layer.look_at(share(root->open("/", O_PATH | O_DIRECTORY)));
  const LayerWriter writer(1000, 1000);
  ASSERT_TRUE(writer.make_file(top, ContainerPath("/made"), 0644));
  EXPECT_EQ(status_in(top.fd(), "made")->owner, 1000U);
  const std::string refused = in_child([&]() -> std::string {
    if (::setuid(12345) != 0) return "setuid";  // then the kernel silently ignores setfsuid
    try {
      static_cast<void>(writer.make_file(top, ContainerPath("/other"), 0644));
    } catch (const Error& error) {
      return to_string(error.code()) + " " + error.what();
    }
    return "made";
  });
  EXPECT_THAT(refused, HasSubstr("NVH-0508 make files as user or group 1000"));
  EXPECT_EQ(status_in(top.fd(), "other"), std::nullopt);
}

// As Apptainer 1.4 leaves it to nvidia-container-cli with --contain.
constexpr const char* kApptainersMounts =
    "104 103 0:60 / /dev rw,relatime master:2 - tmpfs tmpfs rw,mode=755\n"
    "183 103 0:61 / /var/lib/apptainer/mnt/session rw,nosuid - tmpfs tmpfs rw,size=65536k\n"
    "235 183 0:62 / /var/lib/apptainer/mnt/session/final rw - overlay overlay rw\n"
    "244 235 0:61 /dev /var/lib/apptainer/mnt/session/final/dev rw,nosuid - tmpfs tmpfs rw\n"
    "245 244 0:68 / /var/lib/apptainer/mnt/session/final/dev/shm rw - tmpfs tmpfs rw\n"
    "249 244 0:60 /zero /var/lib/apptainer/mnt/session/final/dev/zero rw - tmpfs tmpfs rw\n";
constexpr const char* kApptainersRoot = "/var/lib/apptainer/mnt/session/final";

TEST(MountedOutside, PartsOfApptainersSessionAreNot) {
  EXPECT_FALSE(is_mounted_outside(kApptainersMounts, "0:61", kApptainersRoot));
  EXPECT_FALSE(is_mounted_outside(kApptainersMounts, "0:68", kApptainersRoot));
}

TEST(MountedOutside, WhatTheHostHasIsInApptainerToo) {
  EXPECT_TRUE(is_mounted_outside(kApptainersMounts, "0:60", kApptainersRoot));
  const std::string elsewhere =
      kApptainersMounts + std::string("9 1 0:61 /tmp /srv/tmp rw - tmpfs tmpfs rw\n");
  EXPECT_TRUE(is_mounted_outside(elsewhere, "0:61", kApptainersRoot));
}

TEST(MountedOutside, ATmpfsThatMerelyContainsTheRootIs) {
  constexpr const char* kMounts =
      "20 1 0:30 / /run rw - tmpfs tmpfs rw\n"
      "21 20 0:40 / /run/containers/final rw - overlay overlay rw\n"
      "22 21 0:30 /data /run/containers/final/dev rw - tmpfs tmpfs rw\n";
  EXPECT_TRUE(is_mounted_outside(kMounts, "0:30", "/run/containers/final"));
}

TEST(CoveredRoot, IsOneWithAnotherFileSystemOrDirectoryOnTop) {
  const std::string overlay = "30 1 0:50 / /run/b/rootfs rw - overlay overlay rw\n";
  const std::string itself = "31 30 0:50 / /run/b/rootfs rw - overlay overlay rw\n";
  const std::string below = "32 31 0:60 / /run/b/rootfs/vol rw - tmpfs tmpfs rw\n";
  const std::string volume = "33 31 8:1 /srv /run/b/rootfs rw - ext4 /dev/sda1 rw\n";
  const std::string plain = "31 1 8:1 /run/b/rootfs /run/b/rootfs rw - ext4 /dev/sda1 rw\n";
  EXPECT_FALSE(is_covered_mount(overlay + itself + below, "/run/b/rootfs"));
  EXPECT_TRUE(is_covered_mount(overlay + itself + volume, "/run/b/rootfs"));
  EXPECT_FALSE(is_covered_mount(plain, "/run/b/rootfs"));
  EXPECT_TRUE(is_covered_mount(plain + volume, "/run/b/rootfs"));
  EXPECT_TRUE(is_covered_mount("", "/run/b/rootfs")) << "nothing is known";
}

TEST(CoveredRoot, IsOneThatAMountOfTheSpecHas) {
  const TemporaryDirectory directory;
  const auto root = open_root(directory.path().string(), FileOwner::image);
  const ContainerSpec spec{.mounts = {{.source = "/srv", .destination = "/x/..", .kind = kVolume}}};
  EXPECT_TRUE(is_covered_root(*root, &spec, [] { return std::string(); }));
}

/// What is_covered_root says of `path`, and how often it read all mounts: "yes", "no, 1 reads".
std::string covered(const std::string& path, bool by_mountinfo) {
  std::ifstream file("/proc/self/mountinfo");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  if (by_mountinfo) return is_covered_mount(text, path) ? "yes" : "no";
  int reads = 0;
  const auto mountinfo = [&] {
    ++reads;
    return text;
  };
  const auto root = open_root(path, FileOwner::image);
  const std::string answer = is_covered_root(*root, nullptr, mountinfo) ? "yes" : "no";
  return reads == 0 ? answer : answer + ", " + std::to_string(reads) + " reads";
}

TEST(CoveredRoot, IsSeenWithoutReadingAllMounts) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
  constexpr long kStatmount = 457;
  ::syscall(kStatmount, nullptr, nullptr, 0, 0);
  if (errno == ENOSYS) GTEST_SKIP() << "Linux before 6.8";
  const TemporaryDirectory host;
  host.directory("/a root");
  host.directory("/other");
  const std::string root = host.below("/a root").string();
  const std::string other = host.below("/other").string();
  const auto bind = [&](const std::string& source) {
    return ::mount(source.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) == 0;
  };
  EXPECT_EQ(in_child([&]() -> std::string {
              if (::unshare(CLONE_NEWNS) != 0 ||
                  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
                return "no namespace";
              }
              std::string answers;
              for (const std::string& source : {root, root, other, root}) {
                if (!bind(source)) return "no mount";
                answers += covered(root, false) + "=" + covered(root, true) + " ";
              }
              return answers;
            }),
            "no=no no=no yes=yes yes=yes ");
}

}  // namespace
}  // namespace nvhook::test
