// SPDX-License-Identifier: Apache-2.0
// Counts the system calls by which a test reads files.
#pragma once

#include <fstream>
#include <functional>
#include <string>

namespace nvhook::test {

/// The number of reads of this process until now; 0 if the kernel does not count them.
inline long reads_until_now() {
  std::ifstream file("/proc/self/io");
  std::string name;
  for (long number = 0; file >> name >> number;) {
    if (name == "syscr:") return number;
  }
  return 0;
}

/// The number of reads that `body` makes; -1 if the kernel does not count them.
inline long reads_of(const std::function<void()>& body) {
  const long first = reads_until_now();
  const long before = reads_until_now();
  body();
  const long after = reads_until_now();
  const long by_counting = before - first;
  return after == 0 ? -1 : after - before - by_counting;
}

}  // namespace nvhook::test
