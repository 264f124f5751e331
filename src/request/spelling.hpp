// SPDX-License-Identifier: Apache-2.0
// What somebody who wrote a word that means nothing most likely meant: the remedies of errors.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Returns a remedy for a value with quotes, which Docker's `--env-file` and the list form of a
/// compose file do not remove; empty if `value` has none.
[[nodiscard]] std::string quotes_remedy(std::string_view value);

/// Returns `remedy`, after quotes_remedy() of `value` if that is not empty.
[[nodiscard]] std::string with_quotes_remedy(std::string_view value, const std::string& remedy);

/// Whether `name` has the form `vendor.com/class=device` of a name by CDI.
[[nodiscard]] bool is_cdi_name(std::string_view name);

/// Returns a remedy for a name that is no device of this host, as the part of a sentence that
/// follows "Try: "; empty if the name is none of the known mistakes.
[[nodiscard]] std::string device_remedy(std::string_view name);

/// Returns a remedy for a word that is no capability; empty if no capability is near it.
[[nodiscard]] std::string capability_remedy(std::string_view word);

}  // namespace nvhook
