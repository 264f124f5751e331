// SPDX-License-Identifier: Apache-2.0
// Whether this process is in a user namespace other than the host's.
#include "system/user_namespace.hpp"

#include "core/text.hpp"
#include "system/files.hpp"

namespace nvhook {

bool in_user_namespace() {
  static const bool inside = [] {
    const auto map = read_host_file("/proc/self/uid_map", 1UL << 16U);
    if (!map) return false;  // a kernel without user namespaces
    const auto words = split_list(*map, ' ');
    return !(words.size() == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295");
  }();
  return inside;
}

}  // namespace nvhook
