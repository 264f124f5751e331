// SPDX-License-Identifier: Apache-2.0
// Tests what oci-nvidia doctor says about the programs that CDI specifications start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/doctor/doctor_checks.hpp"
#include "support/healthy_report.hpp"

namespace nvhook {
namespace {

using test::finding_of;
using test::healthy;
using test::kNvidiasSpec;
using testing::HasSubstr;
using testing::StartsWith;

FoundCdiSpec lacking(const std::string& program) {
  FoundCdiSpec spec = kNvidiasSpec;
  spec.kind = "k8s.device-plugin.nvidia.com/gpu";
  spec.missing_programs = {program};
  return spec;
}

TEST(DoctorCdi, SaysWhichPackageBringsTheProgramOfASpecification) {
  const auto remedy = [](const char* program) {
    HostReport report = healthy();
    report.cdi_specs = {lacking(program)};
    const Seen seen = finding_of(report, "cdi-programs").seen;
    EXPECT_EQ(seen.verdict, Verdict::bad);
    EXPECT_THAT(seen.text, HasSubstr(std::string("/etc/cdi/nvidia.yaml names `") + program));
    EXPECT_THAT(seen.text, HasSubstr("a device of k8s.device-plugin.nvidia.com/gpu starts"));
    return seen.remedy;
  };
  const std::string cdi_hook = "sudo apt-get install oci-nvidia-cdi-hook";
  EXPECT_EQ(remedy("/usr/bin/nvidia-cdi-hook"), cdi_hook);
  EXPECT_EQ(remedy("/usr/bin/nvidia-ctk"), "sudo apt-get install --reinstall oci-nvidia-hook");
  EXPECT_EQ(remedy("/usr/bin/oci-nvidia-hook"), "sudo apt-get install --reinstall oci-nvidia-hook");
  EXPECT_EQ(remedy("/usr/local/nvidia/toolkit/nvidia-cdi-hook"),
            cdi_hook +
                " && sudo install -d /usr/local/nvidia/toolkit && sudo ln -s "
                "/usr/bin/nvidia-cdi-hook /usr/local/nvidia/toolkit/nvidia-cdi-hook");
  EXPECT_THAT(remedy("/opt/other"), StartsWith("sudo rm /etc/cdi/nvidia.yaml"));
}

TEST(DoctorCdi, ASpecificationWithoutItsProgramIsOneFault) {
  HostReport report = healthy();
  report.cdi_specs = {kNvidiasSpec};
  EXPECT_EQ(finding_of(report, "cdi-programs").seen.verdict, Verdict::good);
  EXPECT_EQ(finding_of(report, "cdi").seen.verdict, Verdict::warning);
  report.cdi_specs[0].missing_programs = {"/usr/bin/nvidia-ctk"};
  EXPECT_EQ(finding_of(report, "cdi").because, "cdi-programs");
}

}  // namespace
}  // namespace nvhook
