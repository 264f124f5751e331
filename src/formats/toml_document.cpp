// SPDX-License-Identifier: Apache-2.0
// TOML text to toml++'s tables, and what toml++ does not report.
#include "formats/toml_document.hpp"

#include <algorithm>
#include <vector>

#include "text/error.hpp"

namespace nvhook {
namespace {

/// True if toml++ gives up on `text` without saying where.
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

/// The first of the lines that must be there for toml++ to break its assertion.
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

/// Tables in tables, which a key `a.a.a…` makes, cost toml++ its stack when they go: two bytes
/// each.
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
