// SPDX-License-Identifier: Apache-2.0
// Fuzzes the texts of /proc/driver/nvidia/gpus.
#include "fuzz/fuzz.hpp"
#include "host/facts/proc_text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const auto gpu = parse_gpu_information(text, "0000:3b:00.0");
  if (!gpu) return 0;
  fuzz::require(gpu->pci == "0000:3b:00.0" && gpu->index == 0, "the address is the directory's");
  fuzz::require(text.find(std::to_string(gpu->minor)) != std::string_view::npos,
                "the minor is in the text");
  fuzz::require(text.find(gpu->uuid) != std::string_view::npos, "the UUID is in the text");
  fuzz::require(gpu->uuid.find('\n') == std::string::npos, "a UUID is of one line");
  fuzz::require(gpu->model.find('\n') == std::string::npos, "a model is of one line");
  return 0;
}
