// SPDX-License-Identifier: Apache-2.0
// Which files of a folder count as libraries, on real mounts and with hostile files.
#include "nvidia_ctk/folder_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "inject/container_process.hpp"
#include "support/elf_builder.hpp"
#include "support/linux_kernel_fixture.hpp"

namespace nvhook::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kLibraries = "/usr/lib/x86_64-linux-gnu";

std::string library(const std::string& soname, bool is_64bit = true) {
  return build_elf({.is_64bit = is_64bit,
                    .machine = is_64bit ? kElfMachine : kElfMachine32,
                    .has_soname = !soname.empty(),
                    .soname = soname})
      .bytes;
}

class FolderProbe : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
#if !defined(__x86_64__)
    GTEST_SKIP() << "the libraries of this test are those of x86-64";
#endif
    host_.write("/libcuda.so.535.1", library("libcuda.so.1"));
    host_.write("/libcuda32.so.535.1", library("libcuda32.so.1", false));
  }

  /// Mounts files of the host over files of the image.
  void mount_into(const std::string& root, const std::string& folder) const {
    for (const char* name : {"libcuda.so.535.1", "libcuda32.so.535.1"}) {
      const std::string source = host_.below("/" + std::string(name)).string();
      ::mount(source.c_str(), (root + folder + "/" + name).c_str(), nullptr, MS_BIND, nullptr);
    }
  }

  static void make_image(const TemporaryDirectory& tree) {
    for (const std::string& folder : {kLibraries, std::string("/opt/lib")}) {
      tree.write(folder + "/libcuda.so.535.1");
      tree.write(folder + "/libcuda32.so.535.1");
      tree.write(folder + "/libown.so.1", library("libown.so.1"));
      tree.write(folder + "/libtext.so", "no library");
      tree.link(folder + "/liblink.so", "/etc/passwd");
    }
    ::mkfifo(tree.below("/opt/lib/libfifo.so").c_str(), 0666);
  }

  /// What was found, a line for each library: folder, name, SONAME and what that name is.
  static std::vector<std::string> found_in(const TestContainer& container,
                                           const std::vector<std::string>& folders,
                                           const ContainerSpec* spec = nullptr) {
    const ContainerProcess process(container.pid());
    const RootDir rootfs = process.open_rootfs(container.rootfs());
    const OwnLayer layer({.rootfs = rootfs, .mountinfo = [&] { return process.mountinfo(); }});
    const ContainerFacts image{.library_directory = ContainerPath(kLibraries)};
    Notes notes;
    std::vector<std::string> lines;
    for (const LibraryFolder& folder : probe_folders(folders, image, rootfs, layer, spec, notes)) {
      for (const FolderLibrary& library : folder.libraries) {
        lines.push_back(folder.path.str() + " " + library.name + " " + library.soname +
                        (library.abi == Abi::native ? "" : " compat32") +
                        (library.link ? " -> " + *library.link : "") +
                        (library.is_soname_taken ? " taken" : ""));
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  TemporaryDirectory host_ = {};
};

TEST_F(FolderProbe, InADirectoryOfTheLoaderOnlyMountedFilesCount) {
  const TestContainer container(make_image,
                                [&](const std::string& root) { mount_into(root, kLibraries); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(found_in(container, {kLibraries, "/usr/lib/../lib/x86_64-linux-gnu"}),
              ElementsAre(kLibraries + " libcuda.so.535.1 libcuda.so.1",
                          kLibraries + " libcuda32.so.535.1 libcuda32.so.1 compat32"));
}

// config.json only says where to look first: an engine or another hook may have mounted more, and
// what is not mounted is the image's.
TEST_F(FolderProbe, WhatIsMountedCountsWhateverTheSpecSays) {
  const TestContainer container(make_image,
                                [&](const std::string& root) { mount_into(root, kLibraries); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const ContainerSpec spec{.mounts = {{.destination = kLibraries + "/libcuda.so.535.1"},
                                      {.destination = kLibraries + "/libown.so.1"},
                                      {.destination = kLibraries + "/libtext.so"},
                                      {.destination = kLibraries + "/libmissing.so"},
                                      {.destination = kLibraries + "/below/libcuda32.so.535.1"},
                                      {.destination = kLibraries + "/libcuda.so.535.1"}}};
  EXPECT_THAT(found_in(container, {kLibraries}, &spec),
              ElementsAre(kLibraries + " libcuda.so.535.1 libcuda.so.1",
                          kLibraries + " libcuda32.so.535.1 libcuda32.so.1 compat32"));
}

TEST_F(FolderProbe, InAnotherDirectoryAllLibrariesCount) {
  const TestContainer container(make_image,
                                [&](const std::string& root) { mount_into(root, "/opt/lib"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(found_in(container, {"/opt/lib"}),
              ElementsAre("/opt/lib libcuda.so.535.1 libcuda.so.1",
                          "/opt/lib libcuda32.so.535.1 libcuda32.so.1 compat32",
                          "/opt/lib libown.so.1 libown.so.1"));
}

TEST_F(FolderProbe, WhatHasTheNameOfTheSonameIsSeen) {
  const auto image = [](const TemporaryDirectory& tree) {
    make_image(tree);
    tree.link("/opt/lib/libcuda.so.1", "libcuda.so.111");
    tree.write("/opt/lib/libcuda32.so.1");
  };
  const TestContainer container(image,
                                [&](const std::string& root) { mount_into(root, "/opt/lib"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(found_in(container, {"/opt/lib"}),
              ElementsAre("/opt/lib libcuda.so.535.1 libcuda.so.1 -> libcuda.so.111",
                          "/opt/lib libcuda32.so.535.1 libcuda32.so.1 compat32 taken",
                          "/opt/lib libown.so.1 libown.so.1"));
}

TEST_F(FolderProbe, LinksOfTheImageLeadNowhereElse) {
  const TestContainer container([&](const TemporaryDirectory& tree) {
    tree.link("/outside", "/../../../../../../.." + host_.path().string());
    tree.link("/loop", "loop");
    tree.write("/file");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(found_in(container, {"/outside", "/loop", "/file", "/missing", ""}), IsEmpty());
}

}  // namespace
}  // namespace nvhook::test
