// SPDX-License-Identifier: Apache-2.0
// Tests the text output of oci-nvidia doctor.
#include "command/doctor/doctor_text.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

const std::vector<Diagnosis> kFindings{
    {.id = "pci", .title = "GPU", .seen = {Verdict::good, "1 NVIDIA GPU"}},
    {.id = "module",
     .title = "kernel module",
     .seen = {Verdict::bad, "driver not loaded\x1b[2J", "sudo modprobe nvidia\n"}},
    {.id = "gpus",
     .title = "GPUs of the driver",
     .seen = {Verdict::skipped, "because of module"},
     .because = "module"},
    {.id = "names", .title = "names", .seen = {Verdict::warning, "not ours"}},
};

TEST(DoctorText, HasALineForEachFindingAndTheRemedyBelow) {
  EXPECT_EQ(to_text(kFindings, false, {}),
            "good     pci     1 NVIDIA GPU\n"
            "bad      module  driver not loaded\\x1b[2J\n"
            "         > sudo modprobe nvidia\\x0a\n"
            "skipped  gpus    because of module\n"
            "warning  names   not ours\n"
            "1 bad, 1 warning, 1 good, 1 skipped\n");
}

TEST(DoctorText, MayBeOfFaultsOnly) {
  EXPECT_EQ(to_text(kFindings, true, {}),
            "bad      module  driver not loaded\\x1b[2J\n"
            "         > sudo modprobe nvidia\\x0a\n"
            "warning  names   not ours\n"
            "1 bad, 1 warning, 1 good, 1 skipped\n");
}

TEST(DoctorText, ASummaryHasTheFaultsAndALineForEachArea) {
  std::vector<Diagnosis> findings = kFindings;
  findings[0].area = findings[1].area = findings[2].area = "GPU and driver";
  findings[3].area = "Hook";
  EXPECT_EQ(to_summary(findings, {.columns = 80}),
            "bad      module  driver not loaded\\x1b[2J\n"
            "         > sudo modprobe nvidia\\x0a\n"
            "warning  names   not ours\n"
            "1 bad, 1 warning, 1 good, 1 skipped\n"
            "\n"
            "GPU and driver  1 bad, 1 good, 1 skipped\n"
            "Hook            1 warning\n"
            "\n"
            "`--all` shows every check.\n");
  EXPECT_EQ(to_summary({findings[0]}, {.columns = 80}),
            "GPU and driver  1 good\n\n`--all` shows every check.\n");
}

TEST(DoctorText, LongLinesAreBrokenForATerminal) {
  const std::vector<Diagnosis> findings{
      {.id = "pci", .seen = {Verdict::bad, "one two three four five", "sudo do this and that"}}};
  EXPECT_EQ(to_text(findings, false, {.columns = 24}),
            "bad  pci  one two three\n"
            "          four five\n"
            "         > sudo do \\\n"
            "           this and \\\n"
            "           that\n"
            "1 bad\n");
}

TEST(DoctorText, ADocumentHasEveryFinding) {
  const Json document = to_json(kFindings);
  EXPECT_EQ(document["schema"], "oci-nvidia/doctor");
  EXPECT_EQ(document["outcome"], "broken");
  ASSERT_EQ(document["checks"].size(), 4U);
  EXPECT_EQ(document["checks"][1]["verdict"], "bad");
  EXPECT_EQ(document["checks"][1]["remedy"], "sudo modprobe nvidia\n");
  EXPECT_EQ(document["checks"][2]["because"], "module");
  EXPECT_FALSE(document["checks"][0].contains("because"));
}

}  // namespace
}  // namespace nvhook
