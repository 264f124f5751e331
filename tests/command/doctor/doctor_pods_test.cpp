// SPDX-License-Identifier: Apache-2.0
// What authors of pods may ask for on a node of a cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/doctor/doctor_checks.hpp"
#include "support/healthy_report.hpp"

namespace nvhook {
namespace {

using test::finding_of;
using test::healthy;
using testing::HasSubstr;

TEST(Doctor, MountsThatAuthorsOfPodsMayMakeAreANote) {
  HostReport report = healthy();
  report.has_kubelet = true;
  report.config.accepts_variables = false;
  EXPECT_EQ(finding_of(report, "pods").seen.verdict, Verdict::good);
  report.config.accepts_mounts = true;
  const Diagnosis finding = finding_of(report, "pods");
  EXPECT_EQ(finding.seen.verdict, Verdict::note);
  EXPECT_THAT(finding.seen.remedy, HasSubstr("pod-security.kubernetes.io/enforce=baseline"));
}

}  // namespace
}  // namespace nvhook
