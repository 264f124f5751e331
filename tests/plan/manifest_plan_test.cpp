// SPDX-License-Identifier: Apache-2.0
// Where manifests go in a container, and what makes their paths true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using test::host;
using test::mount_at;
using test::plan_for;
using test::request;
using test::targets;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kVulkan = "/etc/vulkan/icd.d/nvidia_icd.json";

DriverFile vulkan_manifest(const std::string& library, Abi abi = Abi::native) {
  return {.kind = ComponentKind::data_file,
          .component = find_component(ComponentKind::data_file, "vulkan/icd.d/nvidia_icd*.json"),
          .abi = abi,
          .path = HostPath("/usr/share/vulkan/icd.d/nvidia_icd.json"),
          .place = ContainerPath(kVulkan),
          .refers_to = {library}};
}

auto link_to(const std::string& link, const std::string& target) {
  return Contains(
      AllOf(Field(&Symlink::link, ContainerPath(link)), Field(&Symlink::target, target)));
}

TEST(ManifestPlan, ALibraryNamedByItsHostPathIsThereInTheContainer) {
  Inventory inventory = host();
  inventory.files.push_back(vulkan_manifest("/nix/store/x/lib/libGLX_nvidia.so.0"));
  const Plan plan = plan_for(request(NoDevices{}, {Capability::graphics}), inventory);
  EXPECT_TRUE(mount_at(plan, kVulkan).optional);
  EXPECT_THAT(plan.symlinks,
              link_to("/nix/store/x/lib/libGLX_nvidia.so.0", "/usr/lib64/libGLX_nvidia.so.0"));
}

TEST(ManifestPlan, APathLeadsToTheLibraryOfItsClass) {
  Inventory inventory = host();
  inventory.files.push_back(test::library("libGLX_nvidia.so", "/usr/lib/libGLX_nvidia.so.535.1",
                                          "libGLX_nvidia.so.0", Abi::compat32));
  inventory.files.push_back(vulkan_manifest("/opt/lib/libGLX_nvidia.so.0", Abi::compat32));
  const Plan both =
      plan_for(request(NoDevices{}, {Capability::graphics, Capability::compat32}), inventory);
  EXPECT_THAT(both.symlinks,
              link_to("/opt/lib/libGLX_nvidia.so.0", "/usr/lib32/libGLX_nvidia.so.0"));
  const Plan native = plan_for(request(NoDevices{}, {Capability::graphics}), inventory);
  EXPECT_THAT(targets(native), Not(Contains(kVulkan)));
}

TEST(ManifestPlan, AManifestWhoseLibraryIsNotInjectedIsLeftOut) {
  Inventory inventory = host();
  inventory.files.push_back(vulkan_manifest("/opt/lib/libGLX_nvidia.so.0", Abi::compat32));
  const Plan plan =
      plan_for(request(NoDevices{}, {Capability::graphics, Capability::compat32}), inventory);
  EXPECT_THAT(targets(plan), Not(Contains(kVulkan)));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("libGLX_nvidia.so.0 is not inj"))));
}

/// The targets of manifests `files` in an image with manifests of both classes, which RPM packages
/// brought.
std::vector<std::string> targets_beside_both_classes(std::vector<DriverFile> files) {
  Inventory inventory = host();
  inventory.files.push_back(test::library("libGLX_nvidia.so", "/usr/lib/libGLX_nvidia.so.535.1",
                                          "libGLX_nvidia.so.0", Abi::compat32));
  for (DriverFile& file : files) inventory.files.push_back(std::move(file));
  const auto own = [](const std::string& name, const std::string& library) {
    const ContainerPath path("/usr/share/vulkan/icd.d/" + name);
    return ImageManifest{path, path, R"({"ICD": {"library_path": ")" + library + R"("}})"};
  };
  const Plan plan =
      make_plan(request(NoDevices{}, {Capability::graphics, Capability::compat32}), inventory,
                {.library_directory = ContainerPath("/usr/lib64"),
                 .library32_directory = ContainerPath("/usr/lib"),
                 .manifests = {own("nvidia_icd.i686.json", "/usr/lib/libGLX_nvidia.so.0"),
                               own("nvidia_icd.x86_64.json", "/usr/lib64/libGLX_nvidia.so.0")}},
                Config());
  std::vector<std::string> found;
  for (const std::string& target : targets(plan)) {
    if (target.find("vulkan") != std::string::npos) found.push_back(target);
  }
  return found;
}

TEST(ManifestPlan, AManifestCoversTheImagesOwnOfItsClass) {
  DriverFile native = vulkan_manifest("/opt/lib64/libGLX_nvidia.so.0");
  native.place = ContainerPath("/etc/vulkan/icd.d/a.json");
  DriverFile other = vulkan_manifest("/opt/lib/libGLX_nvidia.so.0", Abi::compat32);
  other.place = ContainerPath("/etc/vulkan/icd.d/b.json");
  EXPECT_THAT(targets_beside_both_classes({native, other}),
              ::testing::UnorderedElementsAre("/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json",
                                              "/usr/share/vulkan/icd.d/nvidia_icd.i686.json"));
  EXPECT_THAT(targets_beside_both_classes({vulkan_manifest("libGLX_nvidia.so.0")}),
              ::testing::ElementsAre("/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json"));
  EXPECT_THAT(targets_beside_both_classes({native}),
              ::testing::ElementsAre("/usr/share/vulkan/icd.d/nvidia_icd.x86_64.json"));
}

TEST(ManifestPlan, ASecondManifestOfTheImageIsCoveredWithTheListOfLayers) {
  Inventory inventory = host();
  inventory.files.push_back(vulkan_manifest("/opt/lib64/libGLX_nvidia.so.0"));
  DriverFile layers = vulkan_manifest("libGLX_nvidia.so.0");
  layers.component =
      find_component(ComponentKind::data_file, "vulkan/implicit_layer.d/nvidia_*.json");
  layers.place = ContainerPath("/etc/vulkan/implicit_layer.d/nvidia_layers.json");
  layers.path = HostPath("/x/nvidia_layers.json");
  inventory.files.push_back(layers);
  const auto own = [](const std::string& name, const std::string& library) {
    const ContainerPath path("/usr/share/vulkan/" + name);
    return ImageManifest{path, path, R"({"ICD": {"library_path": ")" + library + R"("}})"};
  };
  const Plan plan = make_plan(request(NoDevices{}, {Capability::graphics}), inventory,
                              {.library_directory = ContainerPath("/usr/lib64"),
                               .library32_directory = ContainerPath("/usr/lib"),
                               .manifests = {own("icd.d/a.json", "/x/libGLX_nvidia.so.0"),
                                             own("icd.d/b.json", "libGLX_nvidia.so.0"),
                                             own("icd.d/c.i686.json", "libGLX_nvidia.so.0"),
                                             own("icd.d/d.i686.json", "/x/libGLX_nvidia.so.0"),
                                             own("icd.d/e.json", "libvulkan_radeon.so"),
                                             own("implicit_layer.d/f.json", "libGLX_nvidia.so.0")}},
                              Config());
  std::vector<std::string> covered;
  for (const BindMount& mount : plan.mounts) {
    if (mount.source.path.str() == "/x/nvidia_layers.json" &&
        mount.target.str().find("/icd.d/") != std::string::npos) {
      covered.push_back(mount.target.str());
      EXPECT_TRUE(mount.optional && mount.by_image && mount.attributes.read_only);
    }
  }
  EXPECT_THAT(covered, ::testing::UnorderedElementsAre("/usr/share/vulkan/icd.d/b.json",
                                                       "/usr/share/vulkan/icd.d/c.i686.json"))
      << "another's, one for 32-bit loaders alone, and layers stay";
}

TEST(ManifestPlan, TheImagesOwnManifestForTheLibraryIsCovered) {
  Inventory inventory = host();
  inventory.files.push_back(vulkan_manifest("libGLX_nvidia.so.0"));
  const std::string own = "/usr/share/vulkan/icd.d/nv.json";
  const std::string text = R"({"ICD": {"library_path": "libGLX_nvidia.so.0"}})";
  const auto plan = [&](std::vector<ImageManifest> manifests) {
    return make_plan(request(NoDevices{}, {Capability::graphics}), inventory,
                     {.library_directory = ContainerPath("/usr/lib64"),
                      .library32_directory = ContainerPath("/usr/lib32"),
                      .manifests = std::move(manifests)},
                     Config());
  };
  const Plan covered = plan({{ContainerPath(own), ContainerPath("/opt/nv.json"), text}});
  EXPECT_THAT(targets(covered), AllOf(Contains("/opt/nv.json"), Not(Contains(kVulkan))));
  EXPECT_THAT(targets(plan({{ContainerPath(own), ContainerPath(own), "libvulkan_radeon.so"}})),
              Contains(kVulkan));
  EXPECT_THAT(targets(plan({{ContainerPath("/usr/share/glvnd/egl_vendor.d/nv.json"),
                             ContainerPath("/usr/share/glvnd/egl_vendor.d/nv.json"), text}})),
              Contains(kVulkan))
      << "another loader's";
}

}  // namespace
}  // namespace nvhook
