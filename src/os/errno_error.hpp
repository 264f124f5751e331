// SPDX-License-Identifier: Apache-2.0
// errno → Error.
#pragma once

#include <string>

#include "text/error.hpp"

namespace nvhook {

/// The text of errno value `error`: "No such file or directory".
[[nodiscard]] std::string errno_text(int error);

/// Throws Error(code, "<what>: <errno text>", remedy) for the errno of the call that just failed.
/// If memory or descriptors ran out, it is Error(internal) with a remedy for that, whatever failed
/// by it.
[[noreturn]] void throw_errno(Code code, const std::string& what, const std::string& remedy = {});

/// Throws for an errno that leaves open whether something is there: no memory or descriptors
/// (Error(internal)), a disk that fails or a name that is renamed again and again (Error(code)).
/// Returns for any other, which says that it is not there or may not be opened.
void require_answer(const std::string& action, const std::string& path, Code code);

}  // namespace nvhook
