// SPDX-License-Identifier: Apache-2.0
// The folders of tests/golden, each a container on a named host; the README there tells what is in
// one.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace nvhook::test {

/// Empty if there is no such file.
inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Returns the names of the cases, or of those that have a file called `file`.
inline std::vector<std::string> golden_case_names(const std::string& file = "case") {
  std::vector<std::string> names;
  const auto folder = std::filesystem::path(TEST_DATA_DIR) / "golden";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (exists(entry.path() / file)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct GoldenCase {
  explicit GoldenCase(const std::string& name)
      : folder(std::filesystem::path(TEST_DATA_DIR) / "golden" / name),
        spec(read_text(folder / "config.json")),
        config(read_text(folder / "config.toml")) {
    std::istringstream lines(read_text(folder / "case"));
    for (std::string key, value; lines >> key >> value;) (key == "host" ? host : image) = value;
  }

  std::filesystem::path folder;
  std::string spec;        ///< config.json
  std::string config;      ///< config.toml; empty: there is none
  std::string host = {};   ///< of test::golden_host()
  std::string image = {};  ///< of test::named_image()
};

}  // namespace nvhook::test
