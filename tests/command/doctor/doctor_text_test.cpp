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
