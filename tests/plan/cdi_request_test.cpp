// SPDX-License-Identifier: Apache-2.0
// Requests of hooks that complete a CDI specification: the nodes that the container has already.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/capability.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "os/device_number.hpp"
#include "plan/container_task.hpp"
#include "plan/spec_hooks.hpp"
#include "request/request.hpp"
#include "support/fails_with.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const SpecNode kControl{"/dev/nvidiactl", DeviceNumber{195, 255}};
const SpecNode kGpu0{"/dev/nvidia2", DeviceNumber{195, 2}};

SelectedDevices selected(std::vector<SpecNode> nodes, const Inventory& inventory = test::host()) {
  return select_devices(GrantedNodes{std::move(nodes)}, inventory);
}

TEST(CdiRequest, IsTheNodesAndNotTheEnvironment) {
  const ContainerSpec spec{.environment = {{"NVIDIA_VISIBLE_DEVICES", "all"},
                                           {"NVIDIA_DRIVER_CAPABILITIES", "all"},
                                           {"NVIDIA_GDS", "enabled"},
                                           {"NVIDIA_MIG_CONFIG_DEVICES", "all"},
                                           {"NVIDIA_IMEX_CHANNELS", "0"},
                                           {"NVIDIA_REQUIRE_CUDA", "cuda>=12"}}};
  const LinuxSpec linux_spec{.nodes = {kControl, kGpu0}};
  const Request expected{.devices = GrantedNodes{linux_spec.nodes},
                         .devices_source = "CDI",
                         .capabilities = {Capability::video},
                         .requirements = {{"NVIDIA_REQUIRE_CUDA", "cuda>=12"}}};
  EXPECT_EQ(derive_cdi_request(spec, linux_spec, {Capability::video}, {}).request, expected);
}

TEST(CdiRequest, NeedsNoPermissionForVariables) {
  EXPECT_TRUE(derive_cdi_request({}, {.nodes = {kControl}}, CapabilitySet::all(),
                                 {.accept_envvar_when_unprivileged = false})
                  .request);
}

TEST(CdiRequest, NoneWithoutTheControlDevice) {
  const RequestResult result = derive_cdi_request({}, {.nodes = {kGpu0}}, CapabilitySet::all(), {});
  EXPECT_FALSE(result.request);
  EXPECT_THAT(result.notes, SizeIs(1));
}

TEST(CdiRequest, CapabilitiesAreLimitedByTheConfiguration) {
  const auto result = derive_cdi_request({}, {.nodes = {kControl}}, CapabilitySet::all(),
                                         {.supported_capabilities = {Capability::compute}});
  EXPECT_EQ(result.request->capabilities, CapabilitySet{Capability::compute});
}

const std::string kDenyAll = R"({"allow":false,"access":"rwm"})";
const std::string kAllowControl =
    R"({"allow":true,"type":"c","major":195,"minor":255,"access":"rw"})";

std::string gpu_rule(const std::string& access, const std::string& allow = "true") {
  return R"({"allow":)" + allow + R"(,"type":"c","major":195,"minor":2,"access":")" + access +
         R"("})";
}

std::string with_rules(const std::string& rules) {
  return R"({"linux":{"devices":[
               {"path":"/dev/nvidiactl","type":"c","major":195,"minor":255},
               {"path":"/dev/nvidia2","type":"c","major":195,"minor":2}],
             "resources":{"devices":[)" +
         rules + "]}}}";
}

/// Returns the minor numbers of the GPUs that the hook of a CDI specification handles.
std::vector<unsigned> handled_with(const std::string& rules) {
  const ContainerTask task = derive_cdi_task(with_rules(rules), {}, CapabilitySet::all(), {});
  std::vector<unsigned> minors;
  if (!task.request.request) return {0};  // marks that there is no request
  for (const Gpu& gpu : select_devices(task.request.request->devices, test::host()).gpus) {
    minors.push_back(gpu.minor);
  }
  return minors;
}

TEST(CdiTask, IsForGpusThatTheRulesLetTheContainerReadAndWrite) {
  const std::string before = kDenyAll + "," + kAllowControl + ",";
  EXPECT_THAT(handled_with(before + gpu_rule("rw")), ElementsAre(2));
  EXPECT_THAT(handled_with(before + gpu_rule("r") + "," + gpu_rule("w")), ElementsAre(2));
  for (const char* access : {"r", "w", "m", "rm"}) {
    EXPECT_THAT(handled_with(before + gpu_rule(access)), IsEmpty()) << access;
  }
  EXPECT_THAT(handled_with(before + gpu_rule("rw") + "," + gpu_rule("w", "false")), IsEmpty());
  EXPECT_THAT(handled_with(kDenyAll + "," + kAllowControl), IsEmpty()) << "no rule at all";
}

TEST(CdiTask, IsForAllGivenNodesWhereNothingIsRestricted) {
  EXPECT_THAT(handled_with(""), ElementsAre(2));
  EXPECT_THAT(handled_with(R"({"allow":true,"access":"rwm"})"), ElementsAre(2));
}

TEST(CdiTask, IsNoneWithoutTheRightToTheControlDevice) {
  const ContainerTask task =
      derive_cdi_task(with_rules(kDenyAll + "," + gpu_rule("rw")), {}, CapabilitySet::all(), {});
  EXPECT_EQ(task.injector, Injector::nobody);
  ASSERT_THAT(task.request.notes, SizeIs(2));
  EXPECT_THAT(task.request.notes[0].text, HasSubstr("`/dev/nvidiactl` does not count as given"));
}

// No rule can match it, and it is an error if it has the path of a GPU.
TEST(CdiTask, KeepsANodeWithoutANumber) {
  const std::string text = R"({"linux":{"devices":[{"path":"/dev/nvidia2","type":"b"}],
                              "resources":{"devices":[)" +
                           kDenyAll + "]}}}";
  EXPECT_THAT(derive_cdi_task(text, {}, CapabilitySet::all(), {}).linux_spec.nodes,
              ElementsAre(SpecNode{"/dev/nvidia2", std::nullopt}));
}

TEST(GrantedNodes, SelectTheGpusWhoseNodesTheyAre) {
  const SelectedDevices both = selected({kControl, kGpu0, {"/dev/nvidia0", DeviceNumber{195, 0}}});
  EXPECT_THAT(both.gpus, SizeIs(2));
  const SelectedDevices one = selected({kControl, kGpu0});
  ASSERT_THAT(one.gpus, SizeIs(1));
  EXPECT_EQ(one.gpus[0].minor, 2U);
  EXPECT_THAT(selected({kControl}).gpus, IsEmpty());
  EXPECT_THAT(selected({{"/dev/nvidia1", DeviceNumber{195, 1}}}).gpus, IsEmpty());
}

TEST(GrantedNodes, OfAnotherDeviceAreRefused) {
  for (const SpecNode& node :
       {SpecNode{"/dev/nvidia2", DeviceNumber{195, 0}},
        SpecNode{"/dev/nvidia2", DeviceNumber{1, 3}}, SpecNode{"/dev/nvidia2", std::nullopt}}) {
    EXPECT_THAT([&] { static_cast<void>(selected({node})); },
                fails_with(Code::device_node_wrong, "`/dev/nvidia2`"));
  }
}

TEST(GrantedNodes, AMigDeviceNeedsItsGpuAndAllNodesThatOpenIt) {
  Inventory inventory = test::host();
  for (const unsigned minor : {30U, 31U}) {
    inventory.mig_capabilities.push_back(
        {.role = MigCapability::Role::instance,
         .gpu_minor = 2,
         .gpu_instance = 7,
         .compute_instance = minor == 30 ? std::nullopt : std::optional(0U),
         .minor = minor});
    inventory.nodes.push_back(test::node(
        DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap" + std::to_string(minor), {239, minor}));
  }
  inventory.mig_devices = {{.gpu_minor = 2, .gpu_instance = 7}};
  const SpecNode instance{"/dev/nvidia-caps/nvidia-cap30", DeviceNumber{239, 30}};
  const SpecNode compute{"/dev/nvidia-caps/nvidia-cap31", DeviceNumber{239, 31}};
  EXPECT_THAT(selected({kGpu0, instance, compute}, inventory).mig_devices, SizeIs(1));
  EXPECT_THAT(selected({kGpu0, instance}, inventory).mig_devices, IsEmpty());
  EXPECT_THAT(selected({kGpu0, compute}, inventory).mig_devices, IsEmpty());
  EXPECT_THAT(selected({kGpu0}, inventory).mig_devices, IsEmpty());
  EXPECT_THAT(selected({instance, compute}, inventory).mig_devices, IsEmpty());
  inventory.mig_capabilities.clear();
  EXPECT_THAT(selected({kGpu0}, inventory).mig_devices, IsEmpty());
}

TEST(CdiHook, IsKnownByItsFlag) {
  const auto with_hook = [](const std::string& words) {
    return R"({"hooks":{"createRuntime":[{"path":"/x","args":[)" + words + "]}]}}";
  };
  for (const char* words : {R"("oci-nvidia-hook","-cdi=all","createRuntime")",
                            R"("/opt/oci-nvidia-hook","-cdi","all")"}) {
    EXPECT_TRUE(has_cdi_hook(with_hook(words))) << words;
    EXPECT_FALSE(is_edited(with_hook(words))) << words;
  }
  for (const char* words : {"", R"("oci-nvidia-hook","createRuntime")", R"("other","-cdi=all")",
                            R"("oci-nvidia-hook","-complete")", R"("oci-nvidia-hook","-cdix")"}) {
    EXPECT_FALSE(has_cdi_hook(with_hook(words))) << words;
  }
  EXPECT_FALSE(has_cdi_hook("{}"));
}

// ---- `docker run --gpus` beside `--device nvidia.com/gpu=…`

const std::string kGpusHook =
    R"("prestart":[{"path":"/usr/bin/nvidia-container-runtime-hook",
                    "args":["nvidia-container-runtime-hook","prestart"],"env":["PATH=/bin"]}])";
const std::string kCdiHook =
    R"("createRuntime":[{"path":"/x","args":["oci-nvidia-hook","-cdi=all","createRuntime"]}])";

Notes notes_of(const std::string& hooks, const std::string& devices,
               std::vector<SpecMount> mounts = {}) {
  const std::string text =
      R"({"hooks":{)" + hooks + R"(},"linux":{"devices":[{"path":"/dev/nvidiactl","type":"c"}]}})";
  const ContainerSpec spec{.environment = {{"NVIDIA_VISIBLE_DEVICES", devices}},
                           .mounts = std::move(mounts)};
  return derive_task(text, spec, {}).request.notes;
}

// The edits by CDI replace the variable that Docker adds for --gpus.
TEST(GpusOption, BesideCdiIsNotedEvenIfItsRequestIsReplaced) {
  const Notes notes = notes_of(kGpusHook + "," + kCdiHook, "void");
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0].level, Note::Level::warning);
  EXPECT_THAT(notes[0].text, HasSubstr("hook that `docker run --gpus` adds beside GPUs by CDI"));
  EXPECT_THAT(notes[0].text, HasSubstr("Use one of the two"));
}

TEST(GpusOption, BesideCdiIsNotedWithItsRequestIfThatIsThere) {
  const Notes notes = notes_of(kGpusHook + "," + kCdiHook, "1");
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text, HasSubstr("with NVIDIA_VISIBLE_DEVICES=`1`, beside GPUs by CDI"));
}

TEST(GpusOption, BesideASpecificationOfOthersIsNoted) {
  const SpecMount library{"/usr/lib/libcuda.so.535", "/usr/lib/libcuda.so.535"};
  EXPECT_THAT(notes_of(kGpusHook, "void", {library}), SizeIs(1));
  EXPECT_THAT(notes_of(kGpusHook, "1", {library}), SizeIs(1));
}

TEST(GpusOption, AloneIsNotNoted) {
  EXPECT_THAT(notes_of(kGpusHook, "1"), IsEmpty());
  EXPECT_THAT(notes_of(kGpusHook, "void"), IsEmpty()) << "void without CDI";
  EXPECT_THAT(notes_of(kCdiHook, "void"), IsEmpty()) << "CDI alone";
  EXPECT_THAT(
      notes_of(R"("prestart":[{"path":"/x","args":["oci-nvidia-hook","prestart"]}],)" + kCdiHook,
               "void"),
      IsEmpty())
      << "a hook of Podman's or CRI-O's directory";
}

TEST(CapabilityList, IsAllOrNames) {
  EXPECT_EQ(parse_capabilities("all"), CapabilitySet::all());
  EXPECT_EQ(parse_capabilities("video, compute"),
            (CapabilitySet{Capability::video, Capability::compute}));
  for (const char* bad : {"", ",", "compute,nothing", "ALL"}) {
    EXPECT_EQ(parse_capabilities(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace nvhook
