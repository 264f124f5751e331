// SPDX-License-Identifier: Apache-2.0
// Values are cut to what Kubernetes accepts: 63 letters, digits, `-`, `_` and `.`, of which the
// first and the last are letters or digits.
#include "command/node/node_labels.hpp"

#include <algorithm>
#include <cctype>

namespace nvhook {
namespace {

constexpr std::size_t kMostLetters = 63;
constexpr const char* kPrefix = "feature.node.kubernetes.io/oci-nvidia-hook.";

bool is_letter_or_digit(unsigned char byte) { return std::isalnum(byte) != 0 && byte < 0x80U; }

std::string value_of(std::string_view text) {
  std::string value;
  for (const char byte : text) {
    const bool is_kept =
        is_letter_or_digit(static_cast<unsigned char>(byte)) || byte == '.' || byte == '_';
    // One dash for a run of anything else.
    if (is_kept || (!value.empty() && value.back() != '-')) value += is_kept ? byte : '-';
  }
  value.resize(std::min(value.size(), kMostLetters));
  const auto is_end = [&](char byte) {
    return is_letter_or_digit(static_cast<unsigned char>(byte));
  };
  while (!value.empty() && !is_end(value.back())) value.pop_back();
  while (!value.empty() && !is_end(value.front())) value.erase(0, 1);
  return value;
}

std::string line(std::string_view name, std::string_view value) {
  return kPrefix + std::string(name) + "=" + value_of(value) + "\n";
}

/// `mixed` if the GPUs are not all of one model.
std::string model_of(const std::vector<Gpu>& gpus) {
  const std::string& first = gpus.front().model;
  const bool is_one =
      std::all_of(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.model == first; });
  return is_one ? first : "mixed";
}

}  // namespace

std::string node_labels(std::string_view version, const Inventory* host) {
  std::string text = "# Written by `oci-nvidia node`.\n" + line("version", version);
  if (host == nullptr) return text;
  std::vector<Gpu> gpus = host->gpus;
  std::erase_if(gpus, [](const Gpu& gpu) { return gpu.excluded; });
  text += line("driver", host->driver.str());
  text += line("gpu-count", std::to_string(gpus.size()));
  if (!gpus.empty()) text += line("gpu-model", model_of(gpus));
  return text;
}

}  // namespace nvhook
