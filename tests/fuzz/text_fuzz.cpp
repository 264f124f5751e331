// SPDX-License-Identifier: Apache-2.0
// Fuzzes the string functions: printable text, paths as text, where JSON ends.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzz/fuzz.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  const std::string shown = printable(text);
  fuzz::require(fuzz::may_be_shown(shown), "printable text may be shown");
  fuzz::require(printable(shown) == shown, "printable text is shown as it is");
  if (fuzz::may_be_shown(text)) fuzz::require(shown == text, "what may be shown stays");
  fuzz::check(Error(Code::internal, std::string(text) + "x", std::string(text)));

  const std::string path = clean_path(text);
  fuzz::require(clean_path(path) == path && !path.empty(), "a clean path is clean");
  fuzz::require(path.starts_with('/') == text.starts_with('/'), "an absolute path stays one");
  const auto names = split(path, '/');
  const bool has_dot_dot = std::find(names.begin(), names.end(), "..") != names.end();
  fuzz::require(!(path.starts_with('/') && has_dot_dot), "an absolute path does not climb");

  const auto extent = first_json_object(text);
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (document.is_object()) {
    // The parser skips a byte order mark, and takes a NUL for the end.
    const bool is_marked = text.starts_with("\xef\xbb\xbf");
    fuzz::require(extent ? extent->rest.empty() || trim(extent->rest).front() == '\0' : is_marked,
                  "an object ends where the parser sees its end");
  }
  return 0;
}
