// SPDX-License-Identifier: Apache-2.0
// Tests the labels of a node: what they say, and that Kubernetes accepts them.
#include "command/node/node_labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kPrefix = "\nfeature.node.kubernetes.io/oci-nvidia-hook.";

Inventory host_of(const std::vector<std::string>& models) {
  Inventory host{.driver = *Version::parse("550.163.01")};
  for (const std::string& model : models) host.gpus.push_back({.model = model});
  return host;
}

TEST(NodeLabels, SayVersionDriverNumberAndModel) {
  Inventory host = host_of({"NVIDIA A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB"});
  host.gpus.push_back({.model = "other", .excluded = true});
  const std::string text = node_labels("1.2.3", &host);
  for (const char* label : {"version=1.2.3\n", "driver=550.163.01\n", "gpu-count=2\n",
                            "gpu-model=NVIDIA-A100-SXM4-40GB\n"}) {
    EXPECT_THAT(text, HasSubstr(std::string(kPrefix) + label));
  }
}

TEST(NodeLabels, WithoutADriverSayTheVersionAlone) {
  const std::string text = node_labels("1.2.3", nullptr);
  EXPECT_THAT(text, HasSubstr("version=1.2.3\n"));
  EXPECT_THAT(text, Not(HasSubstr("gpu")));
  EXPECT_THAT(text, Not(HasSubstr("driver=")));
}

TEST(NodeLabels, OfSeveralModelsSaySo) {
  const Inventory host = host_of({"A", "B"});
  EXPECT_THAT(node_labels("1", &host), HasSubstr("gpu-model=mixed\n"));
}

TEST(NodeLabels, AreCutToWhatKubernetesAccepts) {
  const Inventory odd = host_of({"  (R) \n=x/" + std::string(62, 'y') + "  tail"});
  EXPECT_THAT(node_labels("1", &odd), HasSubstr("gpu-model=R-x-" + std::string(59, 'y') + "\n"));
  const Inventory none = host_of({"()"});
  EXPECT_THAT(node_labels("1", &none), HasSubstr("gpu-model=\n"));
}

}  // namespace
}  // namespace nvhook
