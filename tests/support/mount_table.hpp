// SPDX-License-Identifier: Apache-2.0
// Finds leaked mounts: compares two readings of this process's mount table with libmount.
#pragma once

#include <libmount.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace nvhook::test {

class MountTable {
 public:
  MountTable() : table_(mnt_new_table_from_file("/proc/self/mountinfo"), &mnt_unref_table) {
    if (!table_) throw std::runtime_error("cannot read /proc/self/mountinfo");
  }

  /// Returns the differences to now, one per line; empty if there are none.
  [[nodiscard]] std::string changes_since() const {
    const MountTable now;
    const std::unique_ptr<libmnt_tabdiff, void (*)(libmnt_tabdiff*)> diff(mnt_new_tabdiff(),
                                                                          &mnt_free_tabdiff);
    if (mnt_diff_tables(diff.get(), table_.get(), now.table_.get()) < 0) return "diff failed";
    const std::unique_ptr<libmnt_iter, void (*)(libmnt_iter*)> at(mnt_new_iter(MNT_ITER_FORWARD),
                                                                  &mnt_free_iter);
    std::string lines;
    libmnt_fs* before = nullptr;
    libmnt_fs* after = nullptr;
    int operation = 0;
    while (mnt_tabdiff_next_change(diff.get(), at.get(), &before, &after, &operation) == 0) {
      libmnt_fs* shown = after != nullptr ? after : before;
      lines += std::to_string(operation) + " " + mnt_fs_get_target(shown) + "\n";
    }
    return lines;
  }

 private:
  std::unique_ptr<libmnt_table, void (*)(libmnt_table*)> table_;
};

}  // namespace nvhook::test
