// SPDX-License-Identifier: Apache-2.0
// Work in a process of its own, because changing a container takes rights and places that do not
// come back.
#pragma once

#include <functional>

#include "text/note.hpp"

namespace nvhook {

/// Runs `work` in a child process, and returns what it returns. Throws the Error that it throws,
/// and Error(internal) if the child cannot be made or ends otherwise.
[[nodiscard]] Notes run_apart(const std::function<Notes()>& work);

}  // namespace nvhook
