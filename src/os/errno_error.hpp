// SPDX-License-Identifier: Apache-2.0
// Turns errno into an Error.
#pragma once

#include <string>

#include "text/error.hpp"

namespace nvhook {

/// Returns the text of errno value `error`: "No such file or directory".
[[nodiscard]] std::string errno_text(int error);

/// Throws Error(code, "<what>: <errno text>", remedy) for the errno of the call that just failed.
/// Another remedy: memory, descriptors ran out (Error(internal)); root lacks usual capabilities.
[[noreturn]] void throw_errno(Code code, const std::string& what, const std::string& remedy = {});

/// Throws for an errno that does not say whether an object exists: no memory or descriptors
/// (Error(internal)), a failing disk or a name that is renamed again and again (Error(code)).
/// Returns for any other errno, which means that it does not exist or may not be opened.
void require_answer(const std::string& action, const std::string& path, Code code);

}  // namespace nvhook
