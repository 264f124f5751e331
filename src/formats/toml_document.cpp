// SPDX-License-Identifier: Apache-2.0
// Works around errors that toml++ does not report.
#include "formats/toml_document.hpp"

#include <algorithm>
#include <vector>

#include "text/error.hpp"

namespace nvhook {
namespace {

/// Whether toml++ fails an assertion on `text`.
bool breaks_assertion(std::string_view text) {
  try {
    static_cast<void>(toml::parse(text));
  } catch (const detail::BrokenAssertion&) {
    return true;
  } catch (const toml::parse_error&) {
    return false;
  }
  return false;
}

/// Returns the line of the error: the first one up to which `text` breaks the assertion.
std::size_t line_of_broken_assertion(std::string_view text) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n') ends.push_back(at);
  }
  const auto line = std::partition_point(ends.begin(), ends.end(), [&](std::size_t end) {
    return !breaks_assertion(text.substr(0, end));
  });
  return static_cast<std::size_t>(line - ends.begin()) + 1;
}

/// A key `a.a.a…` makes nested tables, two bytes each, and toml++ destroys them recursively: a
/// longer document could overflow the stack.
constexpr std::size_t kMaxDocument = std::size_t{64} << 10U;

}  // namespace

void detail::refuse_broken_assertion() { throw BrokenAssertion(); }

std::string position_in(std::string_view filename, const toml::source_region& region) {
  return std::string(filename) + ":" + std::to_string(region.begin.line) + ":" +
         std::to_string(region.begin.column);
}

toml::table parse_toml(std::string_view text, std::string_view filename) {
  constexpr const char* kRemedy = "correct the file, which must be TOML";
  if (text.size() > kMaxDocument) {
    throw Error(Code::config_invalid,
                std::string(filename) + ": " + std::to_string(text.size()) +
                    " bytes, which is more than 64 KiB",
                "leave out what is no configuration");
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw Error(Code::config_invalid,
                position_in(filename, error.source()) + ": " + std::string(error.description()),
                kRemedy);
  } catch (const detail::BrokenAssertion&) {
    throw Error(Code::config_invalid,
                std::string(filename) + ":" + std::to_string(line_of_broken_assertion(text)) +
                    ": not a line of TOML",
                kRemedy);
  }
}

}  // namespace nvhook
