// SPDX-License-Identifier: Apache-2.0
// Fuzzes the output of oci-nvidia-probe and the file in which it is kept.
#include "fuzz/fuzz.hpp"
#include "host/gpu/driver_details.hpp"

namespace {

using nvhook::DriverDetails;

void check_bounds(const DriverDetails& details) {
  using nvhook::fuzz::require;
  require(details.gpus.size() <= nvhook::kMaxGpus, "GPUs have a bound");
  require(details.errors.size() <= nvhook::kMaxGpus, "errors have a bound");
  for (const nvhook::GpuDetails& gpu : details.gpus) {
    require(gpu.mig.size() <= nvhook::kMaxMigDevices, "MIG devices have a bound");
  }
  for (const std::string& error : details.errors) {
    require(nvhook::fuzz::may_be_shown(error), "an error may be shown");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view json = fuzz::text_of(data, size);
  if (const auto details = parse_driver_details(json)) {
    check_bounds(*details);
    fuzz::require(parse_driver_details(to_json(*details)) == details,
                  "an answer is read as it is written");
  }
  if (const auto details = parse_cache_document(json, "key")) {
    check_bounds(*details);
    const std::string written = to_cache_document(*details, "key");
    const auto again = parse_cache_document(written, "key");
    fuzz::require(again == details, "a kept answer is read as it is written");
    fuzz::require(!parse_cache_document(written, "another key"),
                  "an answer is kept under its key alone");
  }
  return 0;
}
