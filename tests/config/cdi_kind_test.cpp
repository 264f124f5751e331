// SPDX-License-Identifier: Apache-2.0
// Tests names by CDI, and whose kinds they are of.
#include "config/cdi_kind.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nvhook {
namespace {

TEST(QualifiedName, HasVendorClassAndDevice) {
  EXPECT_EQ(parse_qualified_name("nvidia.com/gpu=0:1"), (QualifiedName{"nvidia.com/gpu", "0:1"}));
  EXPECT_EQ(parse_qualified_name("a/b=c=d"), (QualifiedName{"a/b", "c=d"}));
  for (const char* word : {"", "0", "GPU-5c", "MIG-GPU-5c/1/0", "nvidia.com/gpu",
                           "nvidia.com/gpu=", "/gpu=0", "nvidia.com/=0", "gpu=0", "=", "0=a/b"}) {
    EXPECT_EQ(parse_qualified_name(word), std::nullopt) << word;
  }
}

TEST(NvidiaKind, IsOneOfNvidiasVendorsAndClasses) {
  for (const char* vendor : {"nvidia.com", "runtime.nvidia.com", "k8s.device-plugin.nvidia.com"}) {
    EXPECT_EQ(nvidia_kind(std::string(vendor) + "/gpu"), NvidiaKind::gpu) << vendor;
    EXPECT_EQ(nvidia_kind(std::string(vendor) + "/gds"), NvidiaKind::gds) << vendor;
  }
  EXPECT_EQ(nvidia_kind("nvidia.com/mofed"), NvidiaKind::mofed);
  EXPECT_EQ(nvidia_kind("nvidia.com/gdrcopy"), NvidiaKind::gdrcopy);
  EXPECT_EQ(nvidia_kind("nvidia.com/nvswitch"), NvidiaKind::nvswitch);
  EXPECT_EQ(nvidia_kind("nvidia.com/imex-channel"), NvidiaKind::imex_channel);
  EXPECT_EQ(nvidia_kind("management.nvidia.com/gpu"), NvidiaKind::management);
}

TEST(NvidiaKind, IsNoOtherKind) {
  for (const char* kind : {"", "gpu", "amd.com/gpu", "nvidia.com/", "nvidia.com/net", "nvidia.com",
                           "management.nvidia.com/gds", "evil.nvidia.com/gpu", "xnvidia.com/gpu",
                           "k8s.gpu.nvidia.com/claim", "NVIDIA.com/gpu"}) {
    EXPECT_EQ(nvidia_kind(kind), std::nullopt) << kind;
  }
}

}  // namespace
}  // namespace nvhook
