// SPDX-License-Identifier: Apache-2.0
// Fuzzes the JSON manifests of Vulkan's and EGL's loaders.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "host/facts/driver_manifest.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string path = absolute_library_of(fuzz::text_of(data, size));
  if (path.empty()) return 0;
  const auto names = split(path, '/');
  const auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  fuzz::require(path.starts_with('/') && !has("..") && !has("."),
                "a library is named by an absolute path");
  fuzz::require(path.find('\0') == std::string::npos, "a path has no NUL");
  return 0;
}
