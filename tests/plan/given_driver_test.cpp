// SPDX-License-Identifier: Apache-2.0
// Tests which containers have the driver by a CDI specification of NVIDIA's, and that nobody else
// gives it to them then.
#include "plan/given_driver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "plan/container_task.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Json = nlohmann::ordered_json;

Json hook(const std::string& path, const std::vector<std::string>& arguments) {
  return {{"path", path}, {"args", arguments}};
}

/// As NVIDIA's programs write it: argv[0] is the name of the file.
Json cdi_hook(const std::string& path, const std::string& command) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == "nvidia-ctk" ? hook(path, {name, "hook", command, "--link", "a::b"})
                              : hook(path, {name, command, "--link", "a::b"});
}

Json config_json(const std::string& devices) {
  return {
      {"ociVersion", "1.0.2"},        {"process", {{"env", {"NVIDIA_VISIBLE_DEVICES=" + devices}}}},
      {"root", {{"path", "rootfs"}}}, {"mounts", Json::array()},
      {"hooks", Json::object()},      {"linux", {{"devices", Json::array()}}}};
}

void add_node(Json& config, const std::string& path) {
  config["linux"]["devices"].push_back(
      {{"path", path}, {"type", "c"}, {"major", 195}, {"minor", 255}});
}

/// A container with the nodes of a specification, and hooks of its form.
Json by_hooks(const std::string& devices, const std::vector<Json>& hooks,
              const std::string& stage = "createContainer") {
  Json config = config_json(devices);
  add_node(config, "/dev/nvidiactl");
  add_node(config, "/dev/nvidia0");
  for (const Json& one : hooks) config["hooks"][stage].push_back(one);
  return config;
}

ContainerTask task_of(const std::string& text, const Config& config = {}) {
  return derive_task(text, parse_spec(text), config);
}

Injector injector_of(const Json& config) { return task_of(config.dump()).injector; }

const std::vector<std::string> kCommands{"create-symlinks", "update-ldcache", "enable-cuda-compat",
                                         "disable-device-node-modification",
                                         "update-application-profile"};

TEST(DriverOfNvidia, IsKnownByEachOfItsHooksAtEachPathAndStage) {
  for (const char* path :
       {"/usr/bin/nvidia-cdi-hook", "/usr/bin/nvidia-ctk",
        "/usr/local/nvidia/toolkit/nvidia-cdi-hook",
        "/var/lib/kubelet/plugins/gpu.nvidia.com/nvidia-cdi-hook", "nvidia-cdi-hook"}) {
    for (const std::string& command : kCommands) {
      EXPECT_EQ(injector_of(by_hooks("all", {cdi_hook(path, command)})), Injector::engine)
          << path << " " << command;
    }
  }
  for (const char* stage : {"prestart", "createRuntime", "createContainer", "startContainer"}) {
    EXPECT_EQ(injector_of(by_hooks("all", {cdi_hook("/x/nvidia-ctk", "update-ldcache")}, stage)),
              Injector::engine)
        << stage;
  }
  EXPECT_EQ(
      injector_of(by_hooks("all", {hook("/bin/true", {"nvidia-cdi-hook", "update-ldcache"})})),
      Injector::engine)
      << "another program in its place";
}

TEST(DriverOfNvidia, IsKnownWithANodeThatIsMountedAndOnWsl) {
  Json rootless = config_json("all");
  rootless["mounts"].push_back({{"destination", "/dev/nvidiactl"}, {"source", "/dev/nvidiactl"}});
  rootless["hooks"]["createContainer"] =
      Json::array({cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")});
  EXPECT_EQ(injector_of(rootless), Injector::engine);
  Json wsl = config_json("all");
  add_node(wsl, "/dev/dxg");
  wsl["hooks"]["createContainer"] =
      Json::array({cdi_hook("/usr/bin/nvidia-cdi-hook", "create-symlinks")});
  EXPECT_EQ(injector_of(wsl), Injector::engine);
}

TEST(DriverOfNvidia, IsNotKnownByHooksThatOtherSpecificationsMayHave) {
  for (const char* command : {"chmod", "noop", "disable-ipc-discoverer", "something-new"}) {
    EXPECT_EQ(injector_of(by_hooks("0", {cdi_hook("/usr/bin/nvidia-cdi-hook", command)})),
              Injector::this_hook)
        << command;
  }
  for (const Json& other :
       {hook("/usr/bin/nvidia-ctk", {"nvidia-ctk", "cdi", "update-ldcache"}),
        hook("/usr/bin/nvidia-ctk", {"nvidia-ctk", "update-ldcache"}),
        hook("/usr/bin/nvidia-cdi-hook", {"nvidia-cdi-hook"}), hook("/usr/bin/nvidia-cdi-hook", {}),
        hook("/usr/bin/other", {"other", "nvidia-cdi-hook", "update-ldcache"}),
        hook("/usr/bin/amd-ctk", {"amd-ctk", "hook", "update-ldcache"})}) {
    EXPECT_EQ(injector_of(by_hooks("0", {other})), Injector::this_hook) << other;
  }
}

TEST(DriverOfNvidia, IsNotKnownByHooksWithoutADeviceOfTheDriver) {
  Json config = config_json("0");
  config["hooks"]["createContainer"] =
      Json::array({cdi_hook("/usr/bin/nvidia-ctk", "update-ldcache")});
  EXPECT_EQ(injector_of(config), Injector::this_hook);
  add_node(config, "/dev/nvidia-fs0");
  EXPECT_EQ(injector_of(config), Injector::this_hook);
}

// NVIDIA's runtime adds them in the mode `legacy`, and Docker all devices for --privileged.
TEST(DriverOfNvidia, IsNotKnownByHooksBesideTheHookThatInjectsIt) {
  Json config = by_hooks("all", {cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")});
  config["hooks"]["prestart"] = Json::array({hook("/usr/bin/nvidia-container-runtime-hook",
                                                  {"nvidia-container-runtime-hook", "prestart"})});
  EXPECT_EQ(injector_of(config), Injector::this_hook);
  config["mounts"].push_back({{"destination", "/usr/lib64/libcuda.so.550.54.15"}});
  EXPECT_EQ(injector_of(config), Injector::engine) << "--gpus beside a specification's devices";
}

TEST(DriverOfNvidia, LeavesNothingToAnyDoor) {
  const std::string text =
      by_hooks("all", {cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")}).dump();
  const ContainerTask task = task_of(text);
  for (const Role role : {Role::hook, Role::spec_editor}) {
    EXPECT_THAT(std::string(reason_to_do_nothing(task, role)), HasSubstr("(CDI)"));
  }
  ASSERT_THAT(task.request.notes, SizeIs(1));
  EXPECT_EQ(task.request.notes[0].text,
            "config.json has hooks of NVIDIA's CDI specifications (nvidia-cdi-hook update-ldcache "
            "at createContainer): the driver is given by them and by the engine, and nothing of it "
            "twice");
}

TEST(DriverOfNvidia, LeavesNothingToDoWhateverTheImageAsksFor) {
  for (const char* devices : {"all", "0", "none", "vendor.com/net=eth0", "nvidia.com/gds=7"}) {
    const std::string text =
        by_hooks(devices, {cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")}).dump();
    const ContainerTask task = task_of(text);
    EXPECT_EQ(task.injector, Injector::engine) << devices;
    for (const Role role : {Role::hook, Role::spec_editor}) {
      EXPECT_THAT(std::string(reason_to_do_nothing(task, role)), HasSubstr("(CDI)")) << devices;
    }
  }
}

TEST(DriverOfNvidia, IsShownAlsoOfAContainerThatAsksForNothing) {
  const std::string text =
      by_hooks("void", {cdi_hook("/usr/bin/nvidia-ctk", "create-symlinks")}).dump();
  EXPECT_EQ(task_of(text).injector, Injector::nobody);
  const ContainerTask shown = derive_task_to_show(text, parse_spec(text), {});
  EXPECT_EQ(shown.injector, Injector::engine);
  EXPECT_THAT(shown.request.notes, SizeIs(1));
}

TEST(DriverOfNvidia, ThatIsNoneIsNotedWhereSomebodyAsksForIt) {
  const std::string text = by_hooks("0", {cdi_hook("/usr/bin/nvidia-cdi-hook", "chmod")}).dump();
  const ContainerTask task = task_of(text);
  ASSERT_THAT(task.request.notes, SizeIs(1));
  EXPECT_THAT(task.request.notes[0].text,
              HasSubstr("(nvidia-cdi-hook chmod at createContainer), but not the driver's"));
}

// In the mode `cdi`, the annotation that an engine has carried out is still there.
TEST(DriverOfNvidia, LeavesNothingOfAnAnnotationToDo) {
  const Config config{.mode = RuntimeMode::cdi};
  Json given = by_hooks("void", {cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")});
  given["annotations"] = {{"cdi.k8s.io/x", "nvidia.com/gpu=0"}};
  EXPECT_EQ(task_of(given.dump(), config).injector, Injector::engine);
  Json not_given = config_json("void");
  not_given["annotations"] = {{"cdi.k8s.io/x", "nvidia.com/gpu=0"}};
  const std::string text = not_given.dump();
  EXPECT_EQ(task_of(text, config).injector, Injector::this_hook);
  EXPECT_EQ(task_of(text, config).request.request->devices, DeviceSelection(DeviceNames{"0"}));
  EXPECT_EQ(task_of(text).injector, Injector::nobody) << "another mode";
}

TEST(GivenDriver, IsToldInParts) {
  Json config = by_hooks("void", {cdi_hook("/usr/bin/nvidia-cdi-hook", "create-symlinks"),
                                  cdi_hook("/usr/bin/nvidia-cdi-hook", "update-ldcache")});
  config["mounts"].push_back({{"destination", "/usr/lib64/libcuda.so.550.54.15"}});
  config["mounts"].push_back({{"destination", "/usr/bin/nvidia-smi"}});
  config["mounts"].push_back({{"destination", "/data"}});
  config["hooks"]["createRuntime"] = Json::array(
      {hook("/usr/bin/oci-nvidia-hook", {"oci-nvidia-hook", "-cdi=all", "createRuntime"})});
  config["annotations"] = {{"cdi.k8s.io/x", "nvidia.com/gpu=0"}, {"other", "y"}};
  const std::string text = config.dump();
  const GivenDriver given = given_driver(text, parse_spec(text), parse_linux_spec(text));
  EXPECT_THAT(given.nodes, ElementsAre("/dev/nvidiactl", "/dev/nvidia0"));
  EXPECT_THAT(given.files, ElementsAre("/usr/lib64/libcuda.so.550.54.15", "/usr/bin/nvidia-smi"));
  EXPECT_THAT(given.own_hooks, SizeIs(1));
  EXPECT_EQ(described(given.nvidia_hooks),
            "nvidia-cdi-hook create-symlinks, update-ldcache at createContainer");
  EXPECT_EQ(given.names, (Annotations{{"cdi.k8s.io/x", "nvidia.com/gpu=0"}}));
  EXPECT_EQ(described({}), "");
}

TEST(NvidiaCdiHooks, AreFoundHoweverTheirNameIsSpelled) {
  const std::string text = R"({"hooks":{"createContainer":[{"path":"/x/nvidia\u002dcdi\u002dhook",)"
                           R"("args":["nvidia\u002dcdi\u002dhook","update\u002dldcache"]}]}})";
  EXPECT_THAT(nvidia_cdi_hooks(text), SizeIs(1));
  EXPECT_THAT(nvidia_cdi_hooks("{}"), IsEmpty());
  EXPECT_THAT(nvidia_cdi_hooks(R"({"hooks":{"createContainer":null},"x":"nvidia-ctk"})"),
              IsEmpty());
}

}  // namespace
}  // namespace nvhook
