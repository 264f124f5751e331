// SPDX-License-Identifier: Apache-2.0
// Tests how the devices of a container are named in one line.
#include "command/explain/selected_devices.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

Gpu gpu(unsigned index, const std::string& model) {
  return {.index = index, .uuid = "GPU-" + std::to_string(index), .model = model};
}

TEST(SelectedDevices, AreNamedWithTheirUuids) {
  EXPECT_EQ(selected_text({}), "no GPU");
  EXPECT_EQ(selected_text({.gpus = {gpu(0, "A"), gpu(1, "")}}), "GPU 0 A (GPU-0), GPU 1 (GPU-1)");
  EXPECT_EQ(selected_text({.mig_devices = {{.gpu_instance = 7, .index = 0, .uuid = "MIG-x"},
                                           {.gpu_instance = 8}}}),
            "MIG 0 (MIG-x, GPU instance 7, compute instance 0), "
            "MIG (GPU instance 8, compute instance 0)");
}

TEST(SelectedDevices, OfOneModelAreNamedTogetherOnATerminal) {
  EXPECT_EQ(selected_models({}), "no GPU");
  EXPECT_EQ(selected_models({.gpus = {gpu(3, "A")}}), "GPU 3 A");
  EXPECT_EQ(selected_models({.gpus = {gpu(0, "A"), gpu(1, "A"), gpu(3, "A"), gpu(4, "B")}}),
            "GPUs 0, 1, 3 A, GPU 4 B");
  EXPECT_EQ(selected_models({.gpus = {gpu(0, "A"), gpu(2, "A"), gpu(3, "A"), gpu(4, "A")}}),
            "GPUs 0, 2-4 A");
  EXPECT_EQ(selected_models({.gpus = {gpu(1, "A")}, .mig_devices = {{.index = 5}}}),
            "GPU 1 A, MIG 5");
}

}  // namespace
}  // namespace nvhook
