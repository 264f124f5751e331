// SPDX-License-Identifier: Apache-2.0
// A stack of undo functions that run in reverse order.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace nvhook {

/// Holds one undo function for each change. They must not throw, because they run while another
/// exception is propagating.
class UndoStack {
 public:
  void push(std::function<void()> inverse) { inverses_.push_back(std::move(inverse)); }

  void run() noexcept {
    while (!inverses_.empty()) {
      const std::function<void()> inverse = std::move(inverses_.back());
      inverses_.pop_back();
      inverse();
    }
  }
  void forget() noexcept { inverses_.clear(); }

 private:
  std::vector<std::function<void()>> inverses_ = {};
};

}  // namespace nvhook
