// SPDX-License-Identifier: Apache-2.0
// The syntax of Go's regular expressions, in which hook definitions are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// Returns why Go's regexp.Compile refuses `pattern` (golang.org/s/re2syntax): unbalanced brackets,
/// a repetition of nothing or of a repetition, an unknown escape, a group that RE2 does not have;
/// nullopt if none of these is found. Names of Unicode classes are not checked.
[[nodiscard]] std::optional<std::string> go_regexp_fault(std::string_view pattern);

}  // namespace nvhook
