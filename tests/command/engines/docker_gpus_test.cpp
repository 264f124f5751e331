// SPDX-License-Identifier: Apache-2.0
// Tests which way Docker takes for --gpus; seen with Docker 28.5 and 29.7, and read for what lies
// between.
#include "command/engines/docker_gpus.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

constexpr auto kOld = DockerEra::before_29_2;
constexpr auto kMiddle = DockerEra::since_29_2;
constexpr auto kNew = DockerEra::since_29_3;

TEST(DockerGpus, ADockerUpTo29_1KnowsOnlyTheHook) {
  EXPECT_EQ(way_of_gpus(kOld, {.has_hook = true}), GpusWay::hook);
  EXPECT_EQ(way_of_gpus(kOld, {.has_hook = true, .has_cdi_hook = true, .has_spec = true}),
            GpusWay::hook);
  EXPECT_EQ(way_of_gpus(kOld, {.has_cdi_hook = true, .has_spec = true}), GpusWay::no_driver);
}

TEST(DockerGpus, TheNameOfTheCdiHookMeansCdiFrom29_2On) {
  for (const DockerEra era : {kMiddle, kNew}) {
    EXPECT_EQ(way_of_gpus(era, {.has_hook = true, .has_spec = true}), GpusWay::hook);
    EXPECT_EQ(way_of_gpus(era, {.has_hook = true, .has_cdi_hook = true, .has_spec = true}),
              GpusWay::cdi);
    EXPECT_EQ(way_of_gpus(era, {.has_cdi_hook = true, .has_spec = true}), GpusWay::cdi);
  }
}

TEST(DockerGpus, WithoutASpecificationTheHookIsTaken) {
  for (const DockerEra era : {kMiddle, kNew}) {
    EXPECT_EQ(way_of_gpus(era, {.has_hook = true, .has_cdi_hook = true}), GpusWay::hook);
    EXPECT_EQ(way_of_gpus(era, {.has_cdi_hook = true}), GpusWay::no_spec);
  }
}

TEST(DockerGpus, ADockerThatReadsNoCdiTakesTheHook) {
  const GpusFacts facts{
      .has_hook = true, .has_cdi_hook = true, .reads_cdi = false, .has_spec = true};
  for (const DockerEra era : {kOld, kMiddle, kNew}) {
    EXPECT_EQ(way_of_gpus(era, facts), GpusWay::hook);
    EXPECT_EQ(way_of_gpus(era, {.reads_cdi = false, .has_spec = true}), GpusWay::no_driver);
  }
}

TEST(DockerGpus, WithNeitherNameItIsARequestForAmdFrom29_3On) {
  EXPECT_EQ(way_of_gpus(kMiddle, {.has_spec = true}), GpusWay::no_driver);
  EXPECT_EQ(way_of_gpus(kNew, {.has_spec = true}), GpusWay::not_amds);
  EXPECT_EQ(way_of_gpus(kNew, {}), GpusWay::no_vendor);
}

}  // namespace
}  // namespace nvhook
