// SPDX-License-Identifier: Apache-2.0
// What each hook does in which container.
#include "nvidia_ctk/hook_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

const std::string kLibraries = "/usr/lib/x86_64-linux-gnu";

LibraryFolder usual_folder(std::vector<FolderLibrary> libraries) {
  return {.path = ContainerPath(kLibraries),
          .is_own = true,
          .is_default = true,
          .libraries = std::move(libraries)};
}

FolderLibrary libcuda(const std::string& version = "535.1") {
  return {.name = "libcuda.so." + version, .soname = "libcuda.so.1"};
}

Plan update(HookFacts facts) {
  facts.has_ld_so_conf = true;
  return plan_hook(UpdateLoaderCache{}, facts);
}

std::vector<std::string> links_of(const Plan& plan) {
  std::vector<std::string> texts;
  for (const Symlink& link : plan.symlinks) texts.push_back(link.link.str() + " -> " + link.target);
  return texts;
}

std::vector<std::string> entries_of(const Plan& plan) {
  std::vector<std::string> texts;
  for (const LoaderEntry& entry : plan.loader_entries) {
    texts.push_back(entry.soname + " " + entry.path.str() +
                    (entry.abi == Abi::native ? "" : " compat32"));
  }
  return texts;
}

TEST(HookPlan, LinksReplaceWhatHasTheirName) {
  const Plan plan = plan_hook(CreateSymlinks{{{"libcuda.so.1", "/usr/lib/libcuda.so"}}}, {});
  ASSERT_EQ(plan.symlinks.size(), 1U);
  EXPECT_TRUE(plan.symlinks[0].replace && plan.symlinks[0].replace_file);
  EXPECT_THAT(links_of(plan), ElementsAre("/usr/lib/libcuda.so -> libcuda.so.1"));
}

TEST(HookPlan, ALibraryIsFoundByItsSoname) {
  const Plan plan = update({.folders = {usual_folder({libcuda()})}});
  EXPECT_THAT(links_of(plan), ElementsAre(kLibraries + "/libcuda.so.1 -> libcuda.so.535.1"));
  EXPECT_THAT(entries_of(plan), ElementsAre("libcuda.so.1 " + kLibraries + "/libcuda.so.1"));
  EXPECT_THAT(plan.texts, IsEmpty()) << "a later ldconfig searches this directory anyway";
}

TEST(HookPlan, ALinkThatIsRightIsNotMadeAgain) {
  FolderLibrary library = libcuda();
  library.link = library.name;
  const Plan plan = update({.folders = {usual_folder({library})}});
  EXPECT_THAT(links_of(plan), IsEmpty());
  EXPECT_THAT(entries_of(plan), ElementsAre("libcuda.so.1 " + kLibraries + "/libcuda.so.1"));
}

/// The cache can lead to the file itself where no link can be made.
TEST(HookPlan, WithoutAPlaceForTheLinkTheCacheLeadsToTheFile) {
  LibraryFolder closed = usual_folder({libcuda()});
  closed.is_own = false;
  FolderLibrary taken = libcuda();
  taken.is_soname_taken = true;
  for (const LibraryFolder& folder : {closed, usual_folder({taken})}) {
    const Plan plan = update({.folders = {folder}});
    EXPECT_THAT(links_of(plan), IsEmpty());
    EXPECT_THAT(entries_of(plan), ElementsAre("libcuda.so.1 " + kLibraries + "/libcuda.so.535.1"));
  }
}

TEST(HookPlan, OfTwoLibrariesWithOneSonameTheLaterCounts) {
  const Plan plan = update({.folders = {usual_folder({libcuda("535.309.01"), libcuda("550.1")})}});
  EXPECT_THAT(links_of(plan), ElementsAre(kLibraries + "/libcuda.so.1 -> libcuda.so.550.1"));
  const FolderLibrary by_name{.name = "libcuda.so.1", .soname = "libcuda.so.1"};
  EXPECT_THAT(links_of(update({.folders = {usual_folder({by_name, libcuda("550.1")})}})),
              IsEmpty());
}

TEST(HookPlan, LibrariesOfBothKindsHaveTheirEntries) {
  LibraryFolder folder32{.path = ContainerPath("/usr/lib/i386-linux-gnu"), .is_own = true};
  folder32.libraries = {libcuda()};
  folder32.libraries[0].abi = Abi::compat32;
  const Plan plan = update({.folders = {usual_folder({libcuda()}), folder32}});
  EXPECT_THAT(entries_of(plan),
              ElementsAre("libcuda.so.1 " + kLibraries + "/libcuda.so.1",
                          "libcuda.so.1 /usr/lib/i386-linux-gnu/libcuda.so.1 compat32"));
  ASSERT_EQ(plan.texts.size(), 1U);
  EXPECT_EQ(plan.texts[0].path, kFolderConf);
  EXPECT_EQ(plan.texts[0].text, "/usr/lib/i386-linux-gnu\n");
}

TEST(HookPlan, TheListOfFoldersGrowsWithEachCallAndNamesEachOnce) {
  LibraryFolder folder{.path = ContainerPath("/opt/b"), .libraries = {libcuda()}};
  HookFacts facts{.folders = {folder}, .folder_conf = "/opt/a\n", .has_ld_so_conf = true};
  Plan plan = plan_hook(UpdateLoaderCache{}, facts);
  ASSERT_EQ(plan.texts.size(), 1U);
  EXPECT_EQ(plan.texts[0].text, "/opt/a\n/opt/b\n");
  facts.folder_conf = plan.texts[0].text;
  EXPECT_THAT(plan_hook(UpdateLoaderCache{}, facts).texts, IsEmpty());
  facts.folder_conf = "/opt/b/c\n/x/opt/b\n";
  EXPECT_EQ(plan_hook(UpdateLoaderCache{}, facts).texts.size(), 1U) << "another path";
}

TEST(HookPlan, AnImageWithoutLdSoConfGetsOneThatIncludesTheList) {
  const Plan plan =
      plan_hook(UpdateLoaderCache{},
                {.folders = {{.path = ContainerPath("/opt/a"), .libraries = {libcuda()}}}});
  ASSERT_EQ(plan.texts.size(), 2U);
  EXPECT_EQ(plan.texts[0].path, kLoaderConf);
  EXPECT_EQ(plan.texts[0].text, "include /etc/ld.so.conf.d/*.conf\n");
}

TEST(HookPlan, MuslHasDirectoriesOfNativeLibraries) {
  LibraryFolder folder32 = usual_folder({libcuda()});
  folder32.path = ContainerPath("/usr/lib32");
  folder32.libraries[0].abi = Abi::compat32;
  const Plan plan = update({.folders = {usual_folder({libcuda()}), folder32},
                            .musl_path_file = ContainerPath("/etc/ld-musl-x86_64.path")});
  ASSERT_TRUE(plan.loader_path);
  EXPECT_THAT(plan.loader_path->directories, ElementsAre(ContainerPath(kLibraries)));
  EXPECT_THAT(plan.loader_entries, IsEmpty());
  EXPECT_EQ(plan.symlinks.size(), 2U);
}

TEST(HookPlan, OnlyLinksBySoname) {
  const Plan plan =
      plan_hook(UpdateLoaderCache{.links_only = true}, {.folders = {usual_folder({libcuda()})}});
  EXPECT_EQ(plan.symlinks.size(), 1U);
  EXPECT_THAT(plan.loader_entries, IsEmpty());
}

// ---- CUDA compatibility

CompatLibraries compat_libraries(const std::string& version, std::optional<CompatNote> note = {}) {
  return {.directory = ContainerPath("/usr/local/cuda-12.9/compat"),
          .libraries = {{"libcuda.so.1", "libcuda.so." + version}},
          .driver = *Version::parse(version),
          .note = std::move(note)};
}

HookFacts with_compat(CompatLibraries libraries) {
  return {.compat = std::move(libraries), .has_ld_so_conf = true};
}

TEST(HookPlan, NewerCompatibilityLibrariesComeFirstNowAndLater) {
  const Plan plan = plan_hook(EnableCudaCompat{.driver_version = "535.1"},
                              with_compat(compat_libraries("575.57.08")));
  const std::string file = "libcuda.so.1 /usr/local/cuda-12.9/compat/libcuda.so.575.57.08";
  EXPECT_THAT(entries_of(plan), ElementsAre(file));
  ASSERT_EQ(plan.texts.size(), 1U);
  EXPECT_EQ(plan.texts[0].path, kCompatConf);
  EXPECT_EQ(plan.texts[0].text, "/usr/local/cuda-12.9/compat\n");
  // Whichever call comes first.
  const Plan after = update(
      {.folders = {usual_folder({libcuda()})}, .preferred = {compat_libraries("575.57.08")}});
  EXPECT_THAT(entries_of(after), ElementsAre(file, "libcuda.so.1 " + kLibraries + "/libcuda.so.1"));
}

TEST(HookPlan, OlderCompatibilityLibrariesAreLeftAlone) {
  const Plan plan = plan_hook(EnableCudaCompat{.driver_version = "580.1"},
                              with_compat(compat_libraries("575.57.08")));
  EXPECT_THAT(entries_of(plan), IsEmpty());
  EXPECT_THAT(plan.texts, IsEmpty());
  ASSERT_EQ(plan.notes.size(), 1U);
  EXPECT_THAT(plan.notes[0].text, HasSubstr("are not used"));
}

/// The image may be made of a container that ran on an older driver.
TEST(HookPlan, AnEarlierDecisionForCompatibilityIsTakenBack) {
  HookFacts facts = with_compat(compat_libraries("575.57.08"));
  facts.compat_conf = "/usr/local/cuda-12.9/compat\n";
  const Plan plan = plan_hook(EnableCudaCompat{.driver_version = "580.1"}, facts);
  ASSERT_EQ(plan.texts.size(), 1U);
  EXPECT_EQ(plan.texts[0].text, "");
  facts.compat_conf = "";
  EXPECT_THAT(plan_hook(EnableCudaCompat{.driver_version = "580.1"}, facts).texts, IsEmpty());
}

TEST(HookPlan, ACudaVersionDecidesByTheNote) {
  const CompatNote newer{.cuda = *Version::parse("13.1")};
  const auto use = [&](const EnableCudaCompat& call, std::optional<CompatNote> note) {
    return !plan_hook(call, with_compat(compat_libraries("590.1", std::move(note)))).texts.empty();
  };
  EXPECT_TRUE(use({.cuda_version = "13.0"}, newer));
  EXPECT_FALSE(use({.cuda_version = "13.1"}, newer));
  EXPECT_FALSE(use({.cuda_version = "12.0"}, std::nullopt));
  EXPECT_TRUE(use({.driver_version = "999.1", .cuda_version = "13.0"}, newer))
      << "a note without driver branches";
  const CompatNote branches{.cuda = *Version::parse("13.1"), .drivers = {580}};
  EXPECT_FALSE(use({.driver_version = "535.1", .cuda_version = "12.2"}, branches));
  EXPECT_TRUE(use({.driver_version = "580.1", .cuda_version = "13.2"}, branches));
}

TEST(HookPlan, WithoutAVersionOrLibrariesThereIsNothingToDo) {
  EXPECT_EQ(plan_hook(EnableCudaCompat{}, with_compat(compat_libraries("999.1"))), Plan{});
  EXPECT_EQ(plan_hook(EnableCudaCompat{.driver_version = "535.1"}, {}), Plan{});
  const EnableCudaCompat wrong{.driver_version = "new"};
  EXPECT_THAT([&] { static_cast<void>(plan_hook(wrong, with_compat(compat_libraries("575.1")))); },
              ThrowsMessage<Error>(HasSubstr("--host-driver-version `new` is no version")));
}

// ---- the rest

/// A host with two GPUs, of which the container has the node of one.
Inventory two_gpus() {
  Inventory driver;
  driver.gpus = {{.index = 0, .minor = 1, .uuid = "GPU-a", .pci = "0000:07:00.0"},
                 {.index = 1, .minor = 0, .uuid = "GPU-b", .pci = "0000:0f:00.0"}};
  driver.proc_texts = {{.name = "params", .text = "ModifyDeviceFiles: 1\n"}};
  driver.nodes = {
      {.role = DeviceRole::gpu,
       .file = {.path = HostPath("/dev/nvidia1")},
       .number = {195, 1},
       .gpu_minor = 1},
      {.role = DeviceRole::gpu, .file = {.path = HostPath("/dev/nvidia0")}, .number = {195, 0}}};
  return driver;
}

TEST(HookPlan, TheViewOfTheDriverShowsTheContainersGpusAndForbidsChanges) {
  const HookFacts facts{
      .driver = two_gpus(),
      .nodes = {{"/dev/nvidia1", DeviceNumber{195, 1}}, {"/dev/nvidiactl", DeviceNumber{195, 255}}},
      .mount_label = "label"};
  const Plan plan = plan_hook(DisableNodeModification{}, facts);
  ASSERT_EQ(plan.tmpfs.size(), 1U);
  EXPECT_TRUE(plan.tmpfs[0].on_procfs);
  EXPECT_EQ(plan.tmpfs[0].label, "label");
  ASSERT_FALSE(plan.tmpfs[0].entries.empty());
  EXPECT_EQ(plan.tmpfs[0].entries[0].content, "ModifyDeviceFiles: 0\n");
  ASSERT_EQ(plan.mounts.size(), 1U);
  EXPECT_EQ(plan.mounts[0].target, ContainerPath("/proc/driver/nvidia/gpus/0000:07:00.0"));
  EXPECT_THAT(plan.device_rules, IsEmpty());
  EXPECT_EQ(plan_hook(DisableNodeModification{}, {}), Plan{});
}

TEST(HookPlan, WhoAdministersMigSeesAllOfIt) {
  HookFacts facts{.driver = two_gpus(),
                  .nodes = {{"/dev/nvidia1", DeviceNumber{195, 1}},
                            {"/dev/nvidia-caps/nvidia-cap1", DeviceNumber{240, 1}}}};
  facts.driver->has_mig_capabilities = true;
  facts.driver->nvidia_caps_major = 240;
  facts.driver->mig_capabilities = {{.role = MigCapability::Role::config, .minor = 1}};
  const Plan plan = plan_hook(DisableNodeModification{}, facts);
  ASSERT_EQ(plan.mounts.size(), 2U);
  EXPECT_EQ(plan.mounts[1].target, ContainerPath("/proc/driver/nvidia/capabilities"));
}

TEST(HookPlan, TheProfileNamesTheGpusOfTheContainer) {
  const Plan plan = plan_hook(UpdateApplicationProfile{}, {.gpu_minors = {0, 5}});
  ASSERT_EQ(plan.texts.size(), 1U);
  EXPECT_THAT(plan.texts[0].text, HasSubstr("[\"EGLVisibleDGPUDevices\", 0x21]"));
  EXPECT_EQ(plan_hook(UpdateApplicationProfile{}, {}), Plan{});
}

TEST(HookPlan, ModesAreSetBelowTheRoot) {
  const Plan plan = plan_hook(ChangeModes{0755, {"/dev/dri", "../x"}}, {});
  ASSERT_EQ(plan.modes.size(), 2U);
  EXPECT_EQ(plan.modes[0], (ModeChange{ContainerPath("/dev/dri"), 0755}));
  EXPECT_EQ(plan.modes[1].path, ContainerPath("/x"));
}

TEST(HookPlan, NoHookIsNothing) { EXPECT_EQ(plan_hook(NoHook{"?"}, {}), Plan{}); }

}  // namespace
}  // namespace nvhook
