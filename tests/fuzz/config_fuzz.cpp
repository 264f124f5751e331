// SPDX-License-Identifier: Apache-2.0
// Fuzzes config.toml, and toml++ with it.
#include "config/config.hpp"
#include "fuzz/fuzz.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const auto result = fuzz::attempt([&] { return parse_config(text, "config.toml"); });
  if (!result) return 0;
  const Config& config = result->config;
  for (const std::string& path :
       {config.driver_root, config.loader_cache, config.mps_pipe_directory}) {
    fuzz::require(path.starts_with('/') && clean_path(path) == path,
                  "a path is absolute and clean");
  }
  for (const std::string& path : config.library_search_path) {
    fuzz::require(path.starts_with('/') && clean_path(path) == path,
                  "a search path is absolute and clean");
  }
  fuzz::require(parse_config(text, "config.toml", config).config.driver_root == config.driver_root,
                "a file on top of itself says the same");
  return 0;
}
