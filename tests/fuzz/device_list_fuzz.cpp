// SPDX-License-Identifier: Apache-2.0
// Fuzzes NVIDIA_VISIBLE_DEVICES: the list, its names, and what they select on a fixed host.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "request/device_name.hpp"
#include "request/request.hpp"
#include "text/text.hpp"

namespace {

using namespace nvhook;

Inventory host() {
  return {
      .gpus = {{.index = 0, .minor = 2, .uuid = "GPU-a0", .pci = "0000:07:00.0"},
               {.index = 1, .minor = 0, .uuid = "GPU-b1", .pci = "0000:0f:00.0"},
               {.index = 2, .minor = 1, .uuid = "", .pci = "0001:3b:00.0"}},
      .mig_devices = {
          {.gpu_minor = 0, .gpu_instance = 1, .compute_instance = 0, .index = 0, .uuid = "MIG-c0"},
          {.gpu_minor = 0, .gpu_instance = 2, .compute_instance = 1, .index = 1, .uuid = "MIG-c1"},
          {.gpu_minor = 1, .gpu_instance = 7, .compute_instance = 0}}};
}

template <typename T>
bool is_subsequence(const std::vector<T>& part, const std::vector<T>& whole) {
  auto at = whole.begin();
  return std::all_of(part.begin(), part.end(), [&](const T& item) {
    at = std::find(at, whole.end(), item);
    return at != whole.end() && (++at, true);
  });
}

void check_selection(const DeviceSelection& selection, const Inventory& inventory) {
  const auto selected = fuzz::attempt([&] { return select_devices(selection, inventory); });
  if (!selected) return;
  fuzz::require(is_subsequence(selected->gpus, inventory.gpus),
                "GPUs of the host, in order, each once");
  fuzz::require(is_subsequence(selected->mig_devices, inventory.mig_devices),
                "MIG devices of the host, each once");
  for (const MigDevice& device : selected->mig_devices) {
    const bool has_gpu = std::any_of(selected->gpus.begin(), selected->gpus.end(),
                                     [&](const Gpu& gpu) { return gpu.minor == device.gpu_minor; });
    fuzz::require(has_gpu, "a MIG device brings its GPU");
  }
  if (std::holds_alternative<NoDevices>(selection)) {
    fuzz::require(selected->gpus.empty() && selected->mig_devices.empty(), "none is none");
  }
  if (const auto* names = std::get_if<DeviceNames>(&selection)) {
    fuzz::require(!names->empty() && !selected->gpus.empty(),
                  "a name that is known selects something");
    // A name brings one GPU and at most one MIG device.
    fuzz::require(
        selected->gpus.size() <= names->size() && selected->mig_devices.size() <= names->size(),
        "no name selects two");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::text_of(data, size));
  for (const std::string_view name : split(text, ',')) static_cast<void>(parse_device_name(name));
  ContainerSpec spec{.root = "rootfs"};
  spec.environment = {{"NVIDIA_VISIBLE_DEVICES", text}};
  const auto result = fuzz::attempt([&] { return derive_request(spec, {}); });
  if (!result || !result->request) return 0;
  const DeviceSelection& selection = result->request->devices;
  static const Inventory inventory = host();
  static_cast<void>(needs_unknown_uuid(selection, inventory.gpus));
  static_cast<void>(needs_mig_names(selection, inventory));
  check_selection(selection, inventory);
  return 0;
}
