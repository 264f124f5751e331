// SPDX-License-Identifier: Apache-2.0
// What to do about specifications that no longer fit, by who wrote them.
#include "cdi/cdi_remedy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cdi/cdi_plan.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOwnHook = "/usr/bin/oci-nvidia-hook";
constexpr const char* kFile = "/var/run/cdi/x.json";

CdiOptions options() { return {.hook = kOwnHook}; }

CdiOptions nvidia_options() { return {.hook = "/usr/bin/nvidia-cdi-hook"}; }

CdiSpec spec_for(const CdiOptions& wanted, const Inventory& inventory = test::host(),
                 const Config& config = {}) {
  return to_cdi(inventory, {.library_directory = ContainerPath("/usr/lib64")}, config, wanted);
}

/// The options of the command that writes `spec` again.
std::string options_shown(const CdiSpec& spec, const std::vector<CdiFinding>& findings = {}) {
  const std::string begin = "oci-nvidia cdi generate ";
  const std::string end = "--output " + std::string(kFile);
  const std::string command = cdi_generate_command(spec, kFile, findings, kOwnHook);
  EXPECT_TRUE(command.starts_with(begin) && command.ends_with(end)) << command;
  return command.substr(begin.size(), command.size() - begin.size() - end.size());
}

std::string remedy(const CdiSpec& spec, const std::vector<CdiFinding>& findings,
                   const std::vector<CdiEntry>& entries = {}) {
  return cdi_remedy({.path = kFile, .spec = spec}, findings, entries, kOwnHook);
}

CdiFinding gone(const std::string& hook) {
  return {.is_broken = true, .text = "gone", .gone_hook = hook};
}

TEST(CdiRemedy, TheCommandRepeatsWhatTheFileShowsOfOurs) {
  EXPECT_EQ(options_shown(spec_for(options())), "");
  CdiOptions wanted = options();
  wanted.mode = CdiMode::thin;
  wanted.hook = "/opt/my dir/oci-nvidia-hook";
  wanted.config_file = "/etc/c.toml";
  wanted.capabilities = {Capability::utility};
  wanted.kind = "example.org/gpu";
  wanted.naming = {.by_uuid = false, .by_type_index = true};
  wanted.wanted.all_device = false;
  wanted.allow_in_builds = true;
  EXPECT_EQ(options_shown(spec_for(wanted)),
            "--config /etc/c.toml --hook '/opt/my dir/oci-nvidia-hook' --mode thin --capabilities "
            "utility --kind example.org/gpu --device-names index,type-index --no-all-device "
            "--allow-in-builds ");
  wanted = options();
  wanted.wanted.devices = {"none"};
  wanted.switches.disabled = {"all"};
  EXPECT_EQ(options_shown(spec_for(wanted)), "--disable-hook all --device none ");
}

TEST(CdiRemedy, AndOfNvidias) {
  EXPECT_EQ(options_shown(spec_for(nvidia_options())), "--hook /usr/bin/nvidia-cdi-hook ");
  CdiOptions wanted = nvidia_options();
  wanted.hook = "/opt/nvidia-ctk";
  wanted.switches.disabled = {"update-ldcache"};
  wanted.naming.by_uuid = false;
  EXPECT_EQ(options_shown(spec_for(wanted)),
            "--hook /opt/nvidia-ctk --disable-hook update-ldcache --device-names index ");
}

TEST(CdiRemedy, AndTheRoots) {
  Inventory inventory = test::host();
  for (DriverFile& file : inventory.files) {
    if (file.kind == ComponentKind::firmware) file.path = HostPath(file.place.str());
  }
  const Config config{.driver_root = "/run/driver"};
  EXPECT_EQ(options_shown(spec_for(nvidia_options(), inventory, config)),
            "--hook /usr/bin/nvidia-cdi-hook --driver-root /run/driver --dev-root / ");
  CdiOptions wanted = nvidia_options();
  wanted.dev_root = "/host";
  EXPECT_EQ(options_shown(spec_for(wanted)), "--hook /usr/bin/nvidia-cdi-hook --dev-root /host ");
}

TEST(CdiRemedy, AndTheDiscoveryMode) {
  CdiOptions wanted = options();
  wanted.discovery = CdiDiscovery::imex;
  wanted.kind = default_kind(wanted.discovery);
  wanted.imex_channels = {0};
  Inventory inventory = test::host();
  inventory.nodes.push_back(
      test::node(DeviceRole::imex, "/dev/nvidia-caps-imex-channels/channel0", {240, 0}));
  EXPECT_EQ(options_shown(spec_for(wanted, inventory)), "--discovery-mode imex ");
  wanted = nvidia_options();
  wanted.discovery = CdiDiscovery::management;
  wanted.kind = "management.example.org/gpu";
  wanted.management_nodes = {test::node(DeviceRole::control, "/dev/nvidiactl", {195, 255})};
  EXPECT_EQ(options_shown(spec_for(wanted)),
            "--discovery-mode management --hook /usr/bin/nvidia-cdi-hook --kind "
            "management.example.org/gpu ");
}

TEST(CdiRemedy, AHookThatIsGoneComesWithAPackage) {
  const CdiSpec spec = spec_for(nvidia_options());
  EXPECT_EQ(remedy(spec, {gone("/usr/bin/nvidia-cdi-hook")}),
            "install the package oci-nvidia-cdi-hook");
  EXPECT_EQ(remedy(spec, {gone("/usr/bin/nvidia-ctk")}), "install the package oci-nvidia-hook");
  EXPECT_EQ(remedy(spec, {gone("/usr/bin/nvidia-cdi-hook"), {.is_broken = true, .text = "x"}}),
            "install the package oci-nvidia-cdi-hook, then oci-nvidia cdi generate --hook "
            "/usr/bin/nvidia-cdi-hook --output /var/run/cdi/x.json");
  CdiOptions wanted = nvidia_options();
  wanted.hook = "/usr/local/nvidia/toolkit/nvidia-cdi-hook";
  EXPECT_EQ(remedy(spec_for(wanted), {gone(wanted.hook)}),
            "install the package oci-nvidia-cdi-hook, then oci-nvidia cdi generate --hook "
            "/usr/bin/nvidia-cdi-hook --output /var/run/cdi/x.json")
      << "no package has it there";
  wanted.hook = "/gone/oci-nvidia-hook";
  EXPECT_EQ(remedy(spec_for(wanted), {gone(wanted.hook)}),
            "oci-nvidia cdi generate --output /var/run/cdi/x.json");
}

TEST(CdiRemedy, WhatOthersWriteIsLeftToThem) {
  CdiOptions wanted = nvidia_options();
  wanted.kind = "k8s.device-plugin.nvidia.com/gpu";
  wanted.hook = "/usr/bin/nvidia-ctk";
  const CdiSpec plugins = spec_for(wanted);
  EXPECT_EQ(remedy(plugins, {gone("/usr/bin/nvidia-ctk")}), "install the package oci-nvidia-hook");
  EXPECT_THAT(remedy(plugins, {{.text = "x"}}), HasSubstr("restart NVIDIA's device plugin"));
  wanted.hook = kOwnHook;
  EXPECT_EQ(remedy(spec_for(wanted), {{.text = "x"}}),
            "oci-nvidia cdi generate --kind k8s.device-plugin.nvidia.com/gpu --output "
            "/var/run/cdi/x.json");
  wanted = nvidia_options();
  wanted.kind = "k8s.gpu.nvidia.com/claim";
  EXPECT_THAT(remedy(spec_for(wanted), {{.text = "x"}}), HasSubstr("DRA driver"));
  wanted.kind = "amd.com/gpu";
  EXPECT_THAT(remedy(spec_for(wanted), {{.text = "x"}}), HasSubstr("what wrote it"));
}

/// Written again, a file whose names another has would have the same names.
TEST(CdiRemedy, NamesThatAreElsewhereAreNotWrittenAgain) {
  const CdiSpec spec = spec_for(options());
  const auto entry = [](const char* name, CdiEntryState state) {
    return CdiEntry{.name = name,
                    .file = kFile,
                    .state = state,
                    .other_file = state == CdiEntryState::usable ? "" : "/other.json"};
  };
  const CdiEntry hidden = entry("a.b/c=0", CdiEntryState::hidden);
  const CdiEntry usable = entry("a.b/c=1", CdiEntryState::usable);
  const CdiEntry conflict = entry("a.b/c=2", CdiEntryState::conflict);
  const std::string either =
      "remove /var/run/cdi/x.json or /other.json, which define the same names";
  EXPECT_EQ(remedy(spec, {}, {usable}), "");
  EXPECT_EQ(remedy(spec, {{.text = "x"}}, {hidden}),
            "remove /var/run/cdi/x.json, which engines do not use beside /other.json");
  EXPECT_EQ(remedy(spec, {}, {hidden, usable}), either);
  EXPECT_EQ(remedy(spec, {}, {conflict}), either);
  EXPECT_EQ(remedy(spec, {{.text = "x"}}, {conflict}),
            "oci-nvidia cdi generate --output /var/run/cdi/x.json, then " + either);
}

TEST(CdiRemedy, WhatIsNoSpecificationHasNoOptions) {
  EXPECT_EQ(cdi_remedy({.path = kFile, .error = "x"}, {{.text = "y"}}, {}, kOwnHook),
            "correct the file, or remove it");
}

}  // namespace
}  // namespace nvhook
