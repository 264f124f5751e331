// SPDX-License-Identifier: Apache-2.0
// What is read of an image, also of a hostile one.
#include "image/container_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/elf_note_builder.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook::test {
namespace {

using ::testing::ElementsAre;

const std::string kCompat = "/usr/local/cuda/compat/";
constexpr const char* kNote = R"({"Format":1,"CUDA Version":"12.4","Driver":[535],"Device":[2]})";

std::string library(const std::string& soname, std::uint16_t machine = kElfMachine) {
  return build_elf({.machine = machine, .has_soname = !soname.empty(), .soname = soname}).bytes;
}

class ContainerProbe : public ::testing::Test {
 protected:
  [[nodiscard]] std::optional<CompatLibraries> probe() const {
    const auto root = open_root(image_.path());
    return probe_container(*root, {.compat = true}).compat;
  }
  /// Returns "soname=file" for each, in order.
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> texts;
    const auto compat = probe();
    if (!compat) return {"no compatibility libraries"};
    for (const auto& row : compat->libraries) texts.push_back(row.soname + "=" + row.file);
    return texts;
  }
  [[nodiscard]] std::vector<std::string> told() const {
    const auto root = open_root(image_.path());
    std::vector<std::string> texts;
    for (const Note& note : probe_container(*root, {.compat = true}).notes) {
      texts.push_back(note.text);
    }
    return texts;
  }
  void add_libcuda() const { image_.write(kCompat + "libcuda.so.550.54.15", compat_libcuda("")); }

  TemporaryDirectory image_ = {};
};

constexpr const char* kLibcuda = "libcuda.so.1=libcuda.so.550.54.15";
constexpr const char* kNothing = "no compatibility libraries";

TEST_F(ContainerProbe, FindsTheLibrariesOfAnImageOfNvidias) {
  const std::string directory = "/usr/local/cuda-12.4/compat/";
  image_.link("/usr/local/cuda", "/etc/alternatives/cuda");
  image_.link("/etc/alternatives/cuda", "/usr/local/cuda-12.4");
  image_.write(directory + "libcuda.so.550.54.15", compat_libcuda(kNote));
  image_.link(directory + "libcuda.so.1", "libcuda.so.550.54.15");
  image_.link(directory + "libcuda.so", "libcuda.so.1");
  image_.write(directory + "libnvidia-nvvm.so.550.54.15", library("libnvidia-nvvm.so.4"));
  image_.link(directory + "libnvidia-nvvm.so.4", "libnvidia-nvvm.so.550.54.15");
  image_.write(directory + "libnvidia-pkcs11.so.550.54.15", library(""));
  EXPECT_EQ(
      probe(),
      (CompatLibraries{
          .directory = ContainerPath("/usr/local/cuda-12.4/compat"),
          .libraries = {{"libcuda.so.1", "libcuda.so.550.54.15"},
                        {"libnvidia-nvvm.so.4", "libnvidia-nvvm.so.550.54.15"},
                        {"libnvidia-pkcs11.so.550.54.15", "libnvidia-pkcs11.so.550.54.15"}},
          .driver = *Version::parse("550.54.15"),
          .note = CompatNote{.cuda = *Version::parse("12.4"), .drivers = {535}, .brands = {2}}}));
}

TEST_F(ContainerProbe, HasNoNoteWhereThereIsNone) {
  add_libcuda();
  ASSERT_TRUE(probe().has_value());
  EXPECT_EQ(probe()->note, std::nullopt);
}

TEST_F(ContainerProbe, LooksForNothingThatItIsNotAskedFor) {
  add_libcuda();
  const auto root = open_root(image_.path());
  EXPECT_EQ(probe_container(*root, {}).compat, std::nullopt);
  EXPECT_EQ(probe_container(*root, {}).library_directory, ContainerPath("/usr/lib64"));
}

TEST_F(ContainerProbe, FindsNothingWithoutTheDirectory) {
  EXPECT_THAT(found(), ElementsAre(kNothing));
  image_.write("/usr/local/cuda/compat", "a file");
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, FindsNothingWithoutAVersionedLibcuda) {
  image_.write(kCompat + "libcuda.so.1", compat_libcuda(""));
  image_.write(kCompat + "libcuda.so.new.1", compat_libcuda(""));
  image_.write(kCompat + "libnvidia-nvvm.so.550.54.15", library("libnvidia-nvvm.so.4"));
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, FindsNothingWhereTwoLibcudaContradict) {
  add_libcuda();
  image_.write(kCompat + "libcuda.so.535.1", compat_libcuda(""));
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, PrefersTheFileWithTheVersionForASoname) {
  image_.write(kCompat + "libcuda.so.1", compat_libcuda(""));
  image_.write(kCompat + "libnvidia-nvvm.so.4", library("libnvidia-nvvm.so.4"));
  image_.write(kCompat + "libnvidia-nvvm.so.550.54.15", library("libnvidia-nvvm.so.4"));
  add_libcuda();
  EXPECT_THAT(found(), ElementsAre(kLibcuda, "libnvidia-nvvm.so.4=libnvidia-nvvm.so.550.54.15"));
}

TEST_F(ContainerProbe, LeavesOutWhatTheLoaderCannotUse) {
  add_libcuda();
  image_.write(kCompat + "libtext.so.1", "not an object");
  image_.write(kCompat + "libempty.so.1");
  image_.write(kCompat + "libcut.so.1", library("libcut.so.1").substr(0, 150));
  image_.write(kCompat + "libarm.so.1", library("libarm.so.1", 40));
  image_.write(
      kCompat + "libi386.so.1",
      build_elf({.is_64bit = false, .machine = kElfMachine32, .soname = "libi386.so.1"}).bytes);
  image_.write(kCompat + "notalib.so.1", library("notalib.so.1"));
  image_.write(kCompat + "libplain.so", library("libplain.so"));
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
}

TEST_F(ContainerProbe, LeavesOutALibraryThatCallsItselfAnother) {
  add_libcuda();
  image_.write(kCompat + "libnvidia-nvvm.so.4", library("libc.so.6"));
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
}

// A library taken here comes first in the container's loader cache, even before its own libc.
TEST_F(ContainerProbe, TakesNoLibraryThatIsNotTheDrivers) {
  add_libcuda();
  for (const char* name : {"libc.so.6", "libselinux.so.1", "libcuda_evil.so.1", "libcudart.so.12",
                           "libnvidia-evil.so.550.54.15", "libdxcore.so.1", "libnvidia-ml.so.1"}) {
    image_.write(kCompat + name, library(name));
  }
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
  EXPECT_THAT(told(), ::testing::Contains("left out /usr/local/cuda/compat/libselinux.so.1: no "
                                          "library of NVIDIA's driver"));
}

TEST_F(ContainerProbe, TakesWhatThePackagesOfCuda13Bring) {
  add_libcuda();
  std::vector<std::string> expected{kLibcuda};
  for (const std::string name :
       {"libcudadebugger", "libnvidia-gpucomp", "libnvidia-nvvm", "libnvidia-nvvm70",
        "libnvidia-opencl", "libnvidia-pkcs11-openssl3", "libnvidia-pkcs11",
        "libnvidia-ptxjitcompiler", "libnvidia-tileiras"}) {
    const std::string file = name + ".so.550.54.15";
    image_.write(kCompat + file, library(name + ".so.1"));
    expected.push_back(name + ".so.1=" + file);
  }
  EXPECT_THAT(found(), ::testing::UnorderedElementsAreArray(expected));
}

TEST_F(ContainerProbe, LeavesOutEverythingIfLibcudaIsNone) {
  image_.write(kCompat + "libcuda.so.550.54.15", library("libc.so.6"));
  EXPECT_THAT(found(), ElementsAre(kNothing));
  image_.write(kCompat + "libcuda.so.550.54.15", library("libcuda.so.1", 40));
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, LeavesOutLinksThatLeadElsewhere) {
  add_libcuda();
  image_.write("/usr/lib/liba.so.1", library("liba.so.1"));
  image_.link(kCompat + "liba.so.1", "/usr/lib/liba.so.1");
  image_.directory(kCompat + "deeper");
  image_.write(kCompat + "deeper/libb.so.1", library("libb.so.1"));
  image_.link(kCompat + "libb.so.1", "deeper/libb.so.1");
  image_.link(kCompat + "libdangling.so.1", "libnowhere.so.1");
  image_.link(kCompat + "libloop.so.1", "libloop.so.1");
  image_.write(kCompat + "hidden", library("libhidden.so.1"));
  image_.link(kCompat + "libhidden.so.1", "hidden");
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
}

TEST_F(ContainerProbe, NeverLeavesTheImage) {
  const TemporaryDirectory outside;
  outside.write("/compat/libcuda.so.550.54.15", compat_libcuda(""));
  image_.directory("/usr/local/cuda");
  image_.link("/usr/local/cuda/compat", (outside.path() / "compat").string());
  EXPECT_THAT(found(), ElementsAre(kNothing));
  std::filesystem::remove(image_.below("/usr/local/cuda/compat"));
  image_.link("/usr/local/cuda/compat",
              "../../../../../../../../.." + outside.path().string() + "/compat");
  EXPECT_THAT(found(), ElementsAre(kNothing));
  std::filesystem::remove(image_.below("/usr/local/cuda/compat"));
  image_.link("/usr/local/cuda/compat", "/");
  image_.write("/libcuda.so.550.54.15", compat_libcuda(""));
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, IsNotStoppedByWhatIsNoRegularFile) {
  add_libcuda();
  ASSERT_EQ(::mkfifo(image_.below(kCompat + "libfifo.so.1").c_str(), 0644), 0);
  image_.directory(kCompat + "libdirectory.so.1");
  // CVE-2024-0132: a directory named like a driver library, with a link to the host's root in it.
  image_.directory(kCompat + "libnvidia-ml.so.6");
  image_.link(kCompat + "libnvidia-ml.so.6/libnvidia-ml.so.7", "../../../../../..");
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
}

TEST_F(ContainerProbe, IsNotStoppedByALibcudaThatIsAFifo) {
  image_.directory(kCompat);
  ASSERT_EQ(::mkfifo(image_.below(kCompat + "libcuda.so.550.54.15").c_str(), 0644), 0);
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, ReadsLittleOfAHugeFile) {
  add_libcuda();
  std::filesystem::resize_file(image_.below(kCompat + "libcuda.so.550.54.15"), 1ULL << 40U);
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
}

TEST_F(ContainerProbe, GivesUpOnACrowdedDirectory) {
  add_libcuda();
  for (int i = 0; i < 1000; ++i) image_.write(kCompat + "text" + std::to_string(i));
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
  for (int i = 1000; i < 1100; ++i) image_.write(kCompat + "text" + std::to_string(i));
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, GivesUpOnTooManyLibraries) {
  add_libcuda();
  for (int i = 0; i < 63; ++i) image_.write(kCompat + "libtext.so." + std::to_string(i));
  EXPECT_THAT(found(), ElementsAre(kLibcuda));
  image_.write(kCompat + "libtext.so.63");
  EXPECT_THAT(found(), ElementsAre(kNothing));
}

TEST_F(ContainerProbe, TakesAHostileNoteForNone) {
  ElfWithNote hostile =
      with_note(library("libcuda.so.1"), {.descriptor = kNote, .descriptor_size = UINT32_MAX});
  image_.write(kCompat + "libcuda.so.550.54.15", hostile.bytes);
  ASSERT_TRUE(probe().has_value());
  EXPECT_EQ(probe()->note, std::nullopt);
  image_.write(kCompat + "libcuda.so.550.54.15", compat_libcuda(std::string(60'000, '[')));
  EXPECT_EQ(probe()->note, std::nullopt);
}

TEST_F(ContainerProbe, TellsWhatItLeftOut) {
  image_.write(kCompat + "libcuda.so.1", compat_libcuda(""));
  EXPECT_THAT(told(), ElementsAre("left out the CUDA compatibility libraries in "
                                  "/usr/local/cuda/compat: no libcuda.so.<version> in it"));
  add_libcuda();
  image_.write(kCompat + "libtext.so.1", "not an object");
  image_.write(kCompat + "libnvidia-nvvm.so.4", library("libc.so.6"));
  EXPECT_THAT(told(), ElementsAre("left out /usr/local/cuda/compat/libcuda.so.1: another one is "
                                  "libcuda.so.1",
                                  "left out /usr/local/cuda/compat/libnvidia-nvvm.so.4: its SONAME "
                                  "is libc.so.6",
                                  "left out /usr/local/cuda/compat/libtext.so.1: not a shared "
                                  "object of the native ABI"));
}

TEST_F(ContainerProbe, PutsLibrariesWhereTheDistributionHasThem) {
  image_.write("/etc/debian_version", "12\n");
  const auto root = open_root(image_.path());
  EXPECT_THAT(probe_container(*root, {}).library_directory.str(),
              ::testing::EndsWith("-linux-gnu"));
}

TEST_F(ContainerProbe, AnEmptyImageIsTheOneThatIsNotLookedAt) {
  const auto root = open_root(image_.path());
  const ContainerFacts seen = probe_container(*root, {.compat = true});
  const ContainerFacts assumed = empty_image();
  EXPECT_EQ(seen.library_directory, assumed.library_directory);
  EXPECT_EQ(seen.library32_directory, assumed.library32_directory);
  EXPECT_EQ(seen.musl_path_file, assumed.musl_path_file);
  EXPECT_FALSE(seen.compat.has_value());
}

TEST_F(ContainerProbe, FindsTheImagesManifestsWhereLoadersDo) {
  image_.write("/usr/share/vulkan/icd.d/nv.json", "text");
  image_.write("/usr/share/vulkan/icd.d/README", "no manifest");
  image_.link("/usr/share/glvnd/egl_vendor.d/10_nvidia.json", "/opt/egl.json");
  image_.write("/opt/egl.json", "elsewhere");
  image_.link("/etc/OpenCL/vendors/nvidia.icd", "/nowhere");
  image_.write("/etc/vulkan/implicit_layer.d/huge.json", std::string(1UL << 20U, ' '));
  const auto root = open_root(image_.path());
  EXPECT_TRUE(probe_container(*root, {}).manifests.empty());
  const ContainerQuery query{.manifest_directories = {"OpenCL/vendors", "glvnd/egl_vendor.d",
                                                      "vulkan/icd.d", "vulkan/implicit_layer.d"}};
  const std::vector<ImageManifest> expected{
      {ContainerPath("/usr/share/glvnd/egl_vendor.d/10_nvidia.json"),
       ContainerPath("/opt/egl.json"), "elsewhere"},
      {ContainerPath("/usr/share/vulkan/icd.d/nv.json"),
       ContainerPath("/usr/share/vulkan/icd.d/nv.json"), "text"}};
  EXPECT_EQ(probe_container(*root, query).manifests, expected);
}

#if defined(__x86_64__)
constexpr const char* kLoader = "/lib64/ld-linux-x86-64.so.2";
#else
constexpr const char* kLoader = "/lib/ld-linux-aarch64.so.1";
#endif

TEST_F(ContainerProbe, TellsWhichLoadersOfProgramsAreMissing) {
  const std::string store = "/nix/store/1-glibc/lib/ld-linux.so";
  const ContainerQuery query{.interpreters = {store, kLoader}};
  const auto root = open_root(image_.path());
  ContainerFacts facts = probe_container(*root, query);
  EXPECT_EQ(facts.missing_interpreters, query.interpreters);
  EXPECT_EQ(facts.program_loader, ContainerPath());
  image_.write(kLoader);
  facts = probe_container(*root, query);
  EXPECT_EQ(facts.missing_interpreters, std::set<std::string>{store});
  EXPECT_EQ(facts.program_loader, ContainerPath(kLoader));
  image_.write(store);
  EXPECT_TRUE(probe_container(*root, query).missing_interpreters.empty());
}

TEST_F(ContainerProbe, FindsTheModulesOfAnXServer) {
  const auto root = open_root(image_.path());
  const auto directory = [&](bool asked) {
    return probe_container(*root, {.xorg_modules = asked}).xorg_directory.str();
  };
  EXPECT_EQ(directory(true), ContainerPath().str());
  image_.write("/usr/lib64/xorg/modules/extensions/libglx.so");
  EXPECT_EQ(directory(true), "/usr/lib64/xorg/modules");
  EXPECT_EQ(directory(false), ContainerPath().str());
  image_.write("/usr/lib/xorg/modules/extensions/libglx.so");
  EXPECT_EQ(directory(true), "/usr/lib/xorg/modules");
}

}  // namespace
}  // namespace nvhook::test
