// SPDX-License-Identifier: Apache-2.0
// Fuzzes edits of musl's search path file.
#include <algorithm>

#include "formats/musl_path.hpp"
#include "fuzz/fuzz.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string existing(fuzz::text_of(data, size));
  const std::vector<ContainerPath> directories{ContainerPath("/usr/lib"),
                                               ContainerPath("/usr/lib64")};
  const std::string edited = extend_musl_path(existing, directories);
  fuzz::require(edited.starts_with(existing), "what is there stays, at its place");
  fuzz::require(extend_musl_path(edited, directories) == edited, "a second edit changes nothing");
  std::string lines = edited;
  std::replace(lines.begin(), lines.end(), ':', '\n');
  const auto known = split(lines, '\n');
  for (const ContainerPath& directory : directories) {
    fuzz::require(std::find(known.begin(), known.end(), directory.str()) != known.end(),
                  "musl finds the directory");
  }
  fuzz::require(edited.size() <= existing.size() + 32, "no more than that is added");
  const std::string without = shrink_musl_path(edited, missing_in_musl_path(existing, directories));
  fuzz::require(without == existing || without == existing + "\n", "what was added goes again");
  return 0;
}
