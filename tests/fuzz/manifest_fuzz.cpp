// SPDX-License-Identifier: Apache-2.0
// Fuzzes the manifests of Vulkan's, EGL's and OpenCL's loaders.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "host/facts/driver_manifest.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  for (const char* name : {"x.json", "x.icd"}) {
    for (const std::string& path : parse_manifest(name, text).libraries) {
      fuzz::require(!path.empty() && path.find('\0') == std::string::npos, "a path has no NUL");
      if (path[0] != '/') continue;
      const auto names = split(path, '/');
      const auto has = [&](std::string_view part) {
        return std::find(names.begin(), names.end(), part) != names.end();
      };
      fuzz::require(!has("..") && !has("."), "an absolute path is clean");
    }
  }
  return 0;
}
