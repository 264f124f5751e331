// SPDX-License-Identifier: Apache-2.0
// Parses with libmount from memory.
#include "command/render/mount_table.hpp"

#include <libmount/libmount.h>

#include <cstdio>
#include <memory>
#include <string_view>

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kDeleted = "//deleted";  // the kernel appends this to the path

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

/// Skips a line that cannot be parsed.
int pass_over(libmnt_table* /*table*/, const char* /*file*/, int /*line*/) { return 1; }

struct Close {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};

MountEntry entry_of(libmnt_fs* filesystem) {
  MountEntry entry{.target = text_or_empty(mnt_fs_get_target(filesystem)),
                   .source = text_or_empty(mnt_fs_get_root(filesystem)),
                   .filesystem = text_or_empty(mnt_fs_get_fstype(filesystem))};
  if (entry.source.ends_with(kDeleted)) {
    entry.source.resize(entry.source.size() - kDeleted.size());
    entry.is_deleted = true;
  }
  return entry;
}

}  // namespace

std::vector<MountEntry> parse_mount_table(const std::string& mountinfo) {
  std::vector<MountEntry> entries;
  if (mountinfo.empty()) return entries;
  const std::unique_ptr<libmnt_table, void (*)(libmnt_table*)> table(mnt_new_table(),
                                                                     &mnt_unref_table);
  const std::unique_ptr<libmnt_iter, void (*)(libmnt_iter*)> at(mnt_new_iter(MNT_ITER_FORWARD),
                                                                &mnt_free_iter);
  std::string text = mountinfo;  // fmemopen takes no const pointer
  const std::unique_ptr<std::FILE, Close> stream(::fmemopen(text.data(), text.size(), "r"));
  if (!table || !at || !stream) throw Error(Code::internal, "no memory for a mount table");
  mnt_table_set_parser_errcb(table.get(), &pass_over);
  if (mnt_table_parse_stream(table.get(), stream.get(), "mountinfo") != 0) {
    throw Error(Code::internal, "libmount does not take the mount table of the process",
                "report this as a defect, with the text of /proc/PID/mountinfo");
  }
  libmnt_fs* filesystem = nullptr;
  while (mnt_table_next_fs(table.get(), at.get(), &filesystem) == 0) {
    entries.push_back(entry_of(filesystem));
  }
  return entries;
}

}  // namespace nvhook
