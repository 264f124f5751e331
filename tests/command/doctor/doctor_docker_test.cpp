// SPDX-License-Identifier: Apache-2.0
// Tests what oci-nvidia doctor says about Docker's two ways to GPUs, the hook and CDI.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "command/doctor/doctor_checks.hpp"
#include "support/healthy_report.hpp"

namespace nvhook {
namespace {

using test::engine;
using test::finding_of;
using test::healthy;
using test::kNvidiasCdiHook;
using test::kOurCdiHook;
using test::kOurSpec;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

// What a user sees differs between versions, and between hosts with and without a specification.
TEST(DoctorDocker, SaysWithWhichErrorDockersGpusOptionEnds) {
  const auto seen = [](const std::function<void(HostReport&)>& change) {
    HostReport report = healthy();
    engine(report, "docker").hook = {};
    change(report);
    return finding_of(report, "docker").seen.text;
  };
  const char* const old = "`could not select device driver`";
  const auto nothing = [](HostReport& /*report*/) {};
  EXPECT_THAT(seen(nothing), AllOf(HasSubstr(old), HasSubstr("no known GPU vendor found`")));
  EXPECT_THAT(
      seen([](HostReport& r) { r.cdi_specs = {kOurSpec}; }),
      AllOf(HasSubstr(old), HasSubstr("from Docker 29.3 on with `AMD CDI spec not found`")));
  EXPECT_THAT(seen([](HostReport& r) { engine(r, "docker").daemon.reset(); }),
              AllOf(HasSubstr("system's PATH"), HasSubstr("no known GPU vendor found`")));
  EXPECT_THAT(seen([](HostReport& r) { engine(r, "docker").cdi = false; }), EndsWith(old));
  EXPECT_THAT(
      seen([](HostReport& r) { engine(r, "docker").cdi_hook = kNvidiasCdiHook; }),
      EndsWith("before Docker 29.2; later ones look for the GPUs by CDI, and there is no CDI "
               "spec"));
}

TEST(DoctorDocker, ACdiHookWithoutASpecIsANoteBecauseDockerTakesTheHook) {
  HostReport report = healthy();
  engine(report, "docker").cdi_hook = kNvidiasCdiHook;
  EXPECT_EQ(finding_of(report, "docker-cdi").seen.verdict, Verdict::note);
  engine(report, "docker").cdi = false;
  EXPECT_EQ(finding_of(report, "docker-cdi").seen.verdict, Verdict::good);
}

// Whoever installs it wants CDI; what Docker does then is worth knowing.
TEST(DoctorDocker, OurOwnCdiHookIsANoteThatSaysWhatGpusMeansThen) {
  HostReport report = healthy();
  engine(report, "docker").cdi_hook = kOurCdiHook;
  Seen seen = finding_of(report, "docker-cdi").seen;
  EXPECT_EQ(seen.verdict, Verdict::note);
  EXPECT_THAT(seen.text, HasSubstr("only as long as there is no CDI spec of nvidia.com/gpu"));
  EXPECT_THAT(seen.remedy, HasSubstr("systemctl start oci-nvidia-cdi.service"));
  report.cdi_specs = {kOurSpec};
  seen = finding_of(report, "docker-cdi").seen;
  EXPECT_EQ(seen.verdict, Verdict::note);
  EXPECT_THAT(seen.text, HasSubstr("drop its capabilities"));
  EXPECT_THAT(seen.remedy, HasSubstr("apt-get remove oci-nvidia-cdi-hook"));
}

// Docker asks for nvidia.com/gpu only.
TEST(DoctorDocker, ASpecificationOfAnotherKindIsNone) {
  HostReport report = healthy();
  engine(report, "docker").cdi_hook = kNvidiasCdiHook;
  report.cdi_specs = {kOurSpec};
  report.cdi_specs[0].kind = "management.nvidia.com/gpu";
  EXPECT_EQ(finding_of(report, "docker-cdi").seen.verdict, Verdict::note);
}

TEST(DoctorDocker, ADockerThatReadsNoSpecIsANoteWhereOneIs) {
  HostReport report = healthy();
  report.cdi_specs = {kOurSpec};
  EXPECT_EQ(finding_of(report, "docker-cdi").seen.verdict, Verdict::good);
  engine(report, "docker").cdi = false;
  const Seen seen = finding_of(report, "docker-cdi").seen;
  EXPECT_EQ(seen.verdict, Verdict::note);
  EXPECT_THAT(seen.text, HasSubstr("does not read /etc/cdi/nvidia.com-gpu.json"));
}

}  // namespace
}  // namespace nvhook
