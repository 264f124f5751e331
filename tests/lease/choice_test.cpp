// SPDX-License-Identifier: Apache-2.0
// Who gets which GPU beside whom.
#include "lease/choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string pci(unsigned index) { return "0000:0" + std::to_string(index) + ":00.0"; }

/// Four GPUs, the last of which has two MIG devices.
Inventory host() {
  Inventory inventory;
  for (unsigned i = 0; i < 4; ++i) {
    inventory.gpus.push_back(
        {.index = i, .minor = 3 - i, .uuid = "GPU-" + std::to_string(i), .pci = pci(i)});
  }
  inventory.mig_devices = {{.gpu_minor = 0, .gpu_instance = 1, .index = 0},
                           {.gpu_minor = 0, .gpu_instance = 2, .index = 1}};
  return inventory;
}

LeasedDevice shared(unsigned gpu) { return {.gpu = pci(gpu)}; }
LeasedDevice exclusive(unsigned gpu) { return {.gpu = pci(gpu), .is_exclusive = true}; }

Lease lease(const char* id, std::vector<LeasedDevice> devices) {
  return {.holder = {.container = id, .pid = 4711},
          .since = 1'000'000'000,
          .devices = std::move(devices)};
}

Request free_gpus(unsigned count) { return {.free_gpus = count, .is_exclusive = true}; }
Request named(DeviceNames names, bool is_exclusive = false) {
  return {.devices = std::move(names), .is_exclusive = is_exclusive};
}

DeviceNames chosen(const Request& request, const std::vector<Lease>& others,
                   const std::vector<LeasedDevice>& own = {}) {
  return std::get<DeviceNames>(choose(request, host(), others, own).devices);
}

auto choosing(const Request& request, const std::vector<Lease>& others = {}) {
  return [=] { static_cast<void>(choose(request, host(), others)); };
}

TEST(FreeGpus, AreThoseOfTheLowestIndices) {
  EXPECT_THAT(chosen(free_gpus(2), {}), ElementsAre("GPU-0", "GPU-1"));
}

TEST(FreeGpus, AreNoneThatAnotherContainerHas) {
  EXPECT_THAT(chosen(free_gpus(1), {lease("a", {exclusive(0)}), lease("b", {shared(1)})}),
              ElementsAre("GPU-2"));
}

TEST(FreeGpus, AreExclusiveInTheLease) {
  EXPECT_THAT(choose(free_gpus(1), host(), {}).leased, ElementsAre(exclusive(0)));
}

TEST(FreeGpus, AreToldByTheHoldersOfTheOthersIfTheyAreTooFew) {
  EXPECT_THAT(choosing(free_gpus(3), {lease("web", {exclusive(1)})}),
              fails_with(Code::no_free_device,
                         "3 free GPUs are asked for, and of 3 there are 2: GPU 1 is leased by "
                         "container web (process 4711) since 2001-09-09T01:46:40Z"));
}

TEST(FreeGpus, NobodyWaitsForMoreThanTheHostHas) {
  EXPECT_THAT(choosing(free_gpus(4), {lease("web", {exclusive(1)})}),
              fails_with(Code::unknown_device, "this host has 3 that can be leased"));
}

TEST(FreeGpus, OfASecondHookAreThoseOfTheFirst) {
  EXPECT_THAT(chosen(free_gpus(1), {lease("a", {exclusive(0)})}, {exclusive(2)}),
              ElementsAre("GPU-2"));
}

TEST(FreeGpus, WithoutAUuidAreNamedByTheirAddress) {
  Inventory inventory = host();
  inventory.gpus[0].uuid.clear();
  EXPECT_EQ(choose(free_gpus(1), inventory, {}).devices, DeviceSelection(DeviceNames{pci(0)}));
}

TEST(FreeGpus, AreNoneThatTheDriverIgnores) {
  Inventory inventory = host();
  inventory.gpus[0].excluded = true;
  EXPECT_EQ(choose(free_gpus(1), inventory, {}).devices, DeviceSelection(DeviceNames{"GPU-1"}));
}

TEST(ExclusiveGpus, AreRefusedWhileAnotherContainerHasThem) {
  const Request request = named({"0", "1"}, true);
  EXPECT_THAT(choosing(request, {lease("web", {shared(1)})}),
              fails_with(Code::device_taken, "GPU 1 is in use by container web (process 4711)"));
  EXPECT_THAT(choosing(request, {lease("web", {exclusive(1)})}),
              fails_with(Code::device_taken, "GPU 1 is leased by container web"));
  EXPECT_THAT(choosing(request, {lease("web", {exclusive(1)})}),
              fails_with_remedy(Code::device_taken, "oci-nvidia ps --leases"));
}

TEST(ExclusiveGpus, AreThoseThatTheListNames) {
  const Choice choice = choose(named({"2", "0"}, true), host(), {lease("web", {exclusive(1)})});
  EXPECT_EQ(choice.devices, DeviceSelection(DeviceNames{"2", "0"}));
  EXPECT_THAT(choice.leased, ElementsAre(exclusive(0), exclusive(2)));
}

TEST(SharedGpus, AreSharedButNotWithAnExclusiveHolder) {
  EXPECT_THAT(
      choose(named({"1"}), host(), {lease("a", {shared(1)}), lease("b", {exclusive(0)})}).leased,
      ElementsAre(shared(1)));
  EXPECT_THAT(choosing(named({"1"}), {lease("a", {exclusive(1)})}),
              fails_with(Code::device_taken, "GPU 1 is leased by container a"));
  EXPECT_THAT(choosing({.devices = AllDevices{}}, {lease("a", {exclusive(2)})}),
              fails_with(Code::device_taken, "GPU 2 is leased by container a"));
}

TEST(SharedGpus, NoneAreNoLease) { EXPECT_THAT(choose(Request(), host(), {}).leased, IsEmpty()); }

TEST(MigDevices, OfOneGpuGoToDifferentContainers) {
  const Choice first = choose(named({"3:0"}, true), host(), {});
  EXPECT_THAT(first.leased,
              ElementsAre(LeasedDevice{
                  .gpu = pci(3), .mig = LeasedDevice::Instance{.gpu = 1}, .is_exclusive = true}));
  const std::vector<Lease> others{lease("a", first.leased)};
  EXPECT_NO_THROW(choosing(named({"3:1"}, true), others)());
  EXPECT_THAT(
      choosing(named({"3:0"}), others),
      fails_with(Code::device_taken, "GPU 3, GPU instance 1, compute instance 0 is leased"));
  EXPECT_THAT(choosing(named({"3"}), others), fails_with(Code::device_taken, "GPU 3 is leased"));
}

}  // namespace
}  // namespace nvhook
