// SPDX-License-Identifier: Apache-2.0
// Tests the checks of oci-nvidia doctor: each host is broken in one way, and one finding names it.
#include "command/doctor/doctor_checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "support/healthy_report.hpp"

namespace nvhook {
namespace {

using test::definition;
using test::engine;
using test::finding_of;
using test::healthy;
using test::kNvidiasCdiHook;
using test::kNvidiasSpec;
using test::kOurHook;
using test::kOurSpec;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

/// Returns the ids of findings that are worse than a note.
std::vector<std::string_view> faults(const HostReport& report) {
  std::vector<std::string_view> ids;
  for (const Diagnosis& finding : examine(report, all_checks(report.engine))) {
    const bool is_fault =
        finding.seen.verdict == Verdict::warning || finding.seen.verdict == Verdict::bad;
    if (is_fault) ids.push_back(finding.id);
  }
  return ids;
}

TEST(Doctor, AHealthyHostHasNoFault) {
  const auto findings = examine(healthy(), all_checks());
  EXPECT_THAT(faults(healthy()), IsEmpty());
  EXPECT_EQ(outcome_of(findings), Outcome::good);
}

TEST(Doctor, EveryCheckHasItsOwnIdAndNeedsOnlyWhatComesBefore) {
  std::set<std::string_view> before;
  for (const Check& check : all_checks()) {
    std::string need;
    for (const char c : std::string(check.needs) + " ") {
      if (c != ' ') {
        need += c;
      } else if (!need.empty()) {
        EXPECT_TRUE(before.contains(need)) << check.id << " needs " << need;
        need.clear();
      }
    }
    EXPECT_TRUE(before.insert(check.id).second) << check.id;
  }
}

TEST(Doctor, WhatDependsOnAFaultIsSkippedAndSaysBecauseOfWhat) {
  HostReport report = healthy();
  report.driver = {};
  EXPECT_THAT(faults(report), ElementsAre("pci"));
  EXPECT_EQ(finding_of(report, "module").because, "pci");
  EXPECT_EQ(finding_of(report, "loader-cache").because, "pci");
  EXPECT_EQ(finding_of(report, "loader-cache").seen.verdict, Verdict::skipped);
  EXPECT_EQ(finding_of(report, "docker").seen.verdict, Verdict::good);
}

TEST(Doctor, TheWorstFindingDecidesTheOutcome) {
  const auto outcome = [](std::vector<Verdict> verdicts) {
    std::vector<Diagnosis> findings;
    for (const Verdict verdict : verdicts) findings.push_back({.seen = {.verdict = verdict}});
    return outcome_of(findings);
  };
  EXPECT_EQ(outcome({Verdict::good, Verdict::note, Verdict::skipped}), Outcome::good);
  EXPECT_EQ(outcome({Verdict::warning, Verdict::note}), Outcome::warning);
  EXPECT_EQ(outcome({Verdict::warning, Verdict::bad, Verdict::good}), Outcome::broken);
}

TEST(Doctor, GpusThatAContainerWasNotGivenAreNoFault) {
  HostReport report = healthy();
  report.driver.gpus_left_out = {"GPU 1 left out: this is a container"};
  EXPECT_THAT(faults(report), IsEmpty());
  EXPECT_THAT(finding_of(report, "gpus").seen.text, HasSubstr("GPU 1 left out"));
}

struct Broken {
  const char* id;
  Verdict verdict;
  const char* remedy;  ///< a part of it
  std::function<void(HostReport&)> damage;
};
void PrintTo(const Broken& broken, std::ostream* out) { *out << broken.id; }

class DoctorOneFault : public testing::TestWithParam<Broken> {};

TEST_P(DoctorOneFault, IsTheOnlyOneThatIsNamed) {
  HostReport report = healthy();
  GetParam().damage(report);
  EXPECT_THAT(faults(report), ElementsAre(GetParam().id));
  const Diagnosis finding = finding_of(report, GetParam().id);
  EXPECT_EQ(finding.seen.verdict, GetParam().verdict);
  EXPECT_THAT(finding.seen.remedy, HasSubstr(GetParam().remedy));
}

const std::vector<Broken> kDriverFaults{
    {"pci", Verdict::bad, "nvidia-ctk cdi generate --mode=csv",
     [](HostReport& r) { r.driver = {.is_tegra = true}; }},
    {"pci", Verdict::bad, "wsl --update",
     [](HostReport& r) {
       r.driver = {.no_dxg = Fault{.what = "no `/dev/dxg`", .remedy = "wsl --update"}};
     }},
    {"module", Verdict::bad, "released driver",
     [](HostReport& r) {
       r.driver.version.reset();
       r.driver.odd_version = Fault{.what = "a private build", .remedy = "a released driver"};
     }},
    {"binding", Verdict::bad, "blacklist nouveau",
     [](HostReport& r) {
       r.driver = {.pci_gpus = {{"0000:07:00.0", "nouveau"}}};
     }},
    {"binding", Verdict::warning, "driverctl unset-override",
     [](HostReport& r) {
       r.driver.pci_gpus.push_back({"0000:0f:00.0", "vfio-pci"});
     }},
    {"module", Verdict::bad, "modprobe nvidia",
     [](HostReport& r) {
       r.driver = {.pci_gpus = {{"0000:07:00.0", ""}}};
     }},
    {"gpus", Verdict::bad, "dmesg", [](HostReport& r) { r.driver.gpus.clear(); }},
    {"gpus", Verdict::warning, "xid",
     [](HostReport& r) { r.driver.lost_gpus = {"GPU 1 at 0000:0f:00.0 left out"}; }},
    {"nodes", Verdict::warning, "create-device-nodes",
     [](HostReport& r) { r.driver.nodes[1].is_there = false; }},
    {"nodes", Verdict::bad, "create-device-nodes",
     [](HostReport& r) {
       r.config.load_kmods = false;
       r.driver.nodes[1].is_there = false;
     }},
    {"nodes", Verdict::bad, "lxc.mount.entry",
     [](HostReport& r) {
       r.driver.nodes_are_given = true;
       r.driver.nodes[1].is_there = false;
     }},
    {"uvm", Verdict::warning, "create-device-nodes",
     [](HostReport& r) { r.driver.nodes[2].is_there = false; }},
    {"uvm", Verdict::warning, "modprobe nvidia-uvm",
     [](HostReport& r) { r.driver.has_uvm = false; }},
    {"node-numbers", Verdict::warning, "sudo rm /dev/nvidia2 &&",
     [](HostReport& r) { r.driver.nodes[1].is_stale = true; }},
    {"node-permissions", Verdict::bad, "NVreg_DeviceFileMode=0666",
     [](HostReport& r) {
       r.user = UserReport{"eva", true, true, true};
       r.driver.nodes[1].mode = 020660;
       r.driver.nodes[1].is_usable = false;
     }},
    {"char-links", Verdict::warning, "ln -s ../nvidia2 /dev/char/195:2",
     [](HostReport& r) { r.driver.nodes[1].is_linked = false; }},
    {"libraries", Verdict::bad, "install the driver",
     [](HostReport& r) {
       r.libraries.missing = Fault{"no libnvidia-ml", "install the driver"};
     }},
    {"libraries", Verdict::bad, "libcuda1", [](HostReport& r) { r.libraries.cuda.clear(); }},
    {"version", Verdict::bad, "reboot",
     [](HostReport& r) {
       r.libraries.mismatch = Fault{"550 is not 535", "reboot"};
     }},
    {"library-owner", Verdict::bad, "chown root:root /usr/lib/libcuda.so.535",
     [](HostReport& r) { r.libraries.unsafe = {"/usr/lib/libcuda.so.535"}; }},
    {"loader-cache", Verdict::warning, "sudo ldconfig",
     [](HostReport& r) { r.libraries.not_in_cache = {"libcuda.so.1"}; }},
};
INSTANTIATE_TEST_SUITE_P(Driver, DoctorOneFault, testing::ValuesIn(kDriverFaults));

const std::vector<Broken> kConfigFaults{
    {"config", Verdict::bad, "correct the file",
     [](HostReport& r) {
       r.config.files[0].fault = Fault{"1:2: no TOML", "correct the file"};
     }},
    {"config", Verdict::warning, "sudoedit",
     [](HostReport& r) { r.config.files[0].notes = {warning("1:1: `ldchache` is unknown")}; }},
    {"config", Verdict::warning, "sudoedit /etc/first.toml",
     [](HostReport& r) {
       r.config.files.insert(r.config.files.begin(),
                             {.path = "/etc/first.toml",
                              .mode = 0100644,
                              .notes = {warning("1:1: `ldchache` is unknown")}});
     }},
    {"config", Verdict::warning, "sudo mkdir -p /a",
     [](HostReport& r) {
       r.config.log_fault = Fault{"no log is written", "sudo mkdir -p /a"};
     }},
    {"config-owner", Verdict::bad, "chmod go-w /etc/oci-nvidia-hook/config.toml",
     [](HostReport& r) { r.config.files[0].mode = 0100666; }},
    {"config-owner", Verdict::bad, "chown root:root",
     [](HostReport& r) { r.config.files[0].owner = 1000; }},
    {"no-cgroups", Verdict::warning, "sed -i",
     [](HostReport& r) { r.config.files[0].sets_no_cgroups = true; }},
    {"pods", Verdict::warning, "examples/kubernetes/node-config.toml",
     [](HostReport& r) { r.has_kubelet = true; }},
    {"driver-root", Verdict::bad, "start the driver container",
     [](HostReport& r) {
       r.config.driver_root_fault = Fault{"not there", "start the driver container"};
     }},
};
INSTANTIATE_TEST_SUITE_P(Config, DoctorOneFault, testing::ValuesIn(kConfigFaults));

const std::vector<Broken> kHookFaults{
    {"hook", Verdict::bad, "apt-get install oci-nvidia-hook",
     [](HostReport& r) {
       r.hook = {};
       for (EngineReport& one : r.engines) one.hook = {};
     }},
    {"names", Verdict::warning, "apt-get remove nvidia-container-toolkit",
     [](HostReport& r) {
       r.names[0].first = {.path = "/usr/local/bin/nvidia-container-runtime-hook"};
     }},
    {"hooks-json", Verdict::bad, "mv /hooks.d/broken.json",
     [](HostReport& r) {
       r.hook_directories[0].definitions.push_back(
           {.file = "/hooks.d/broken.json", .fault = Fault{"no JSON", ""}});
     }},
    {"hooks-program", Verdict::warning, "rm /hooks.d/other.json",
     [](HostReport& r) {
       r.hook_directories[0].definitions.push_back(
           {.file = "/hooks.d/other.json", .program_path = "/opt/gone"});
     }},
    {"hooks-program", Verdict::bad, "sudo chmod 755 /opt/hook",
     [](HostReport& r) {
       r.hook_directories[0].definitions.push_back(
           {.file = "/hooks.d/other.json", .program_path = "/opt/hook", .cannot_execute = true});
     }},
    {"hooks-program", Verdict::bad, "--reinstall",
     [](HostReport& r) { r.hook_directories[0].definitions[0].program = {}; }},
    {"hooks-stage", Verdict::warning, "/etc/containers/oci/podman-hooks.d",
     [](HostReport& r) { r.hook_directories[0].definitions[0].stages = {"precreate"}; }},
    {"hooks-stage", Verdict::bad, "/etc/containers/oci/podman-hooks.d",
     [](HostReport& r) {
       engine(r, "crio").program = "/usr/bin/crio";
       r.hook_directories[0].definitions[0].stages = {"precreate"};
     }},
    {"hooks-twice", Verdict::warning, "rm '/hooks.d/it is mine.json'",
     [](HostReport& r) {
       r.hook_directories[0].definitions.push_back(definition("/hooks.d/it is mine.json"));
     }},
    {"cdi", Verdict::warning, "cdi generate --output /etc/cdi/nvidia.yaml",
     [](HostReport& r) { r.cdi_specs = {kNvidiasSpec}; }},
};
INSTANTIATE_TEST_SUITE_P(Hook, DoctorOneFault, testing::ValuesIn(kHookFaults));

const std::vector<Broken> kHostFaults{
    {"docker", Verdict::bad,
     "ln -s /usr/bin/nvidia-container-runtime-hook /opt/bin/nvidia-container-runtime-hook",
     [](HostReport& r) {
       engine(r, "docker").hook = {};
       engine(r, "docker").daemon->search_path = "/opt/bin:/opt/sbin";
     }},
    {"docker", Verdict::bad, "snap remove docker",
     [](HostReport& r) { engine(r, "docker").daemon->is_snap = true; }},
    {"docker-restart", Verdict::warning, "systemctl restart docker",
     [](HostReport& r) { engine(r, "docker").daemon->started = 999; }},
    {"docker-cdi", Verdict::warning, "rm /usr/bin/nvidia-cdi-hook && sudo systemctl restart docker",
     [](HostReport& r) {
       engine(r, "docker").cdi_hook = kNvidiasCdiHook;
       r.cdi_specs = {kOurSpec};
     }},
    {"docker-config", Verdict::bad, "correct the file",
     [](HostReport& r) {
       engine(r, "docker").config_fault = Fault{"line 1, column 2", "correct the file"};
     }},
    {"docker-config", Verdict::bad, "oci-nvidia setup docker --runtime",
     [](HostReport& r) {
       engine(r, "docker").runtimes = {{"nvidia", "nvidia-container-runtime", {}}};
     }},
    {"engines", Verdict::bad, "oci-nvidia setup podman",
     [](HostReport& r) {
       engine(r, "docker") = {.name = "docker"};
       engine(r, "podman").hook_directories = {"/elsewhere"};
     }},
    {"rootless", Verdict::bad, "usermod --add-subuids",
     [](HostReport& r) {
       r.user = UserReport{"eva", false, true, true};
     }},
    {"rootless", Verdict::bad, "uidmap",
     [](HostReport& r) {
       r.user = UserReport{"eva", true, false, true};
     }},
    {"rootless", Verdict::warning, "loginctl enable-linger eva",
     [](HostReport& r) {
       r.user = UserReport{"eva", true, true, false};
     }},
    {"selinux", Verdict::bad, "setsebool -P container_use_xserver_devices on",
     [](HostReport& r) {
       r.selinux =
           SelinuxReport{.is_enforcing = true,
                         .switches = {"container_use_xserver_devices", "container_use_devices"}};
     }},
    {"last-failure", Verdict::warning, "reboot. Then: sudo rm /run/oci-nvidia-hook/last-failure",
     [](HostReport& r) {
       r.last_failure = LastFailure{.file = "/run/oci-nvidia-hook/last-failure",
                                    .message = "NVH-0403: mismatch. Try: reboot."};
     }},
};
INSTANTIATE_TEST_SUITE_P(Host, DoctorOneFault, testing::ValuesIn(kHostFaults));

TEST(Doctor, AnEngineThatIsAskedAboutMustBeThereAndSetUp) {
  HostReport report = healthy();
  report.engine = "containerd";
  EXPECT_THAT(faults(report), ElementsAre("containerd"));
  engine(report, "containerd").program = "/usr/bin/containerd";
  EXPECT_THAT(faults(report), ElementsAre("containerd"));
  EXPECT_EQ(finding_of(report, "containerd").seen.remedy, "sudo oci-nvidia setup containerd");
  engine(report, "containerd").runtimes = {{"nvidia", "nvidia-container-runtime", kOurHook}};
  EXPECT_THAT(faults(report), IsEmpty());
  for (const Diagnosis& finding : examine(report, all_checks("containerd"))) {
    EXPECT_NE(finding.id, "docker");
  }
}

TEST(Doctor, AnEngineThatNobodyAskedAboutMayBeWithoutGpus) {
  HostReport report = healthy();
  engine(report, "containerd").program = "/usr/bin/containerd";
  EXPECT_THAT(faults(report), IsEmpty());
  EXPECT_EQ(finding_of(report, "containerd").seen.verdict, Verdict::note);
}

TEST(Doctor, AMaskedDefinitionDoesNotCount) {
  HostReport report = healthy();
  HookDefinition masked = definition("/hooks.d/second.json");
  masked.is_masked = true;
  report.hook_directories[0].definitions.push_back(masked);
  EXPECT_THAT(faults(report), IsEmpty());
}

TEST(Doctor, OfTwoHooksNvidiasGoes) {
  HostReport report = healthy();
  report.hook_directories[0].definitions.insert(
      report.hook_directories[0].definitions.begin(),
      {.file = "/hooks.d/0-nvidia.json",
       .program = {.path = "/opt/nvidia-container-toolkit"},
       .program_path = "/opt/nvidia-container-toolkit"});
  EXPECT_EQ(finding_of(report, "hooks-twice").seen.remedy, "sudo rm /hooks.d/0-nvidia.json");
}

TEST(Doctor, OurCdiSpecIsNoFault) {
  HostReport report = healthy();
  report.cdi_specs = {kOurSpec};
  EXPECT_THAT(faults(report), IsEmpty());
}

TEST(Doctor, Wsl2NeedsNeitherPciNorNodes) {
  HostReport report = healthy();
  report.driver = {.is_wsl = true};
  EXPECT_THAT(faults(report), IsEmpty());
}

TEST(Doctor, AHardenedKernelIsNamedWhereFiltersAreUsed) {
  HostReport report = healthy();
  report.hides_filters = true;
  report.cgroups = CgroupLayout::v2;
  EXPECT_THAT(faults(report), IsEmpty());
  EXPECT_THAT(finding_of(report, "cgroup").seen.text, HasSubstr("net.core.bpf_jit_harden = 2"));
  report.cgroups = CgroupLayout::v1;
  EXPECT_THAT(finding_of(report, "cgroup").seen.text, Not(HasSubstr("bpf_jit_harden")));
}

TEST(Doctor, AFileOfADriverThatIsNotForAllIsANoteToRoot) {
  HostReport report = healthy();
  report.driver.nodes[1].mode = 020660;
  report.driver.nodes[1].group = 44;
  const Diagnosis finding = finding_of(report, "node-permissions");
  EXPECT_EQ(finding.seen.verdict, Verdict::note);
  EXPECT_THAT(finding.seen.text, StartsWith("/dev/nvidia2 is 0660 of user 0 and group 44"));
}

TEST(Doctor, TheRecordOfAFailureIsUnderstood) {
  const auto failure = parse_last_failure(
      "time: 1700000000\ncontainer: abc\nmessage: NVH-0202: unknown device. Try: another.\n");
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->time, 1700000000);
  EXPECT_EQ(failure->container, "abc");
  EXPECT_EQ(failure->message, "NVH-0202: unknown device. Try: another.");
  EXPECT_FALSE(parse_last_failure("time: 1\n").has_value());
  HostReport report = healthy();
  report.last_failure = failure;
  EXPECT_EQ(finding_of(report, "last-failure").seen.text,
            "2023-11-14 22:13:20 UTC: container abc: NVH-0202: unknown device.");
}

}  // namespace
}  // namespace nvhook
