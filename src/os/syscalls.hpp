// SPDX-License-Identifier: Apache-2.0
// Thin wrappers for system calls that the glibc of the oldest supported distribution lacks.
#pragma once

#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>

#include "os/errno_error.hpp"
#include "os/unique_fd.hpp"

namespace nvhook::sys {

// Each returns the kernel's result, or -1 (an empty UniqueFd) with errno set. Descriptors are
// close-on-exec.

/// openat2 relative to `directory`, or walk_path if openat2 is refused. EAGAIN (a rename raced with
/// the walk) is retried a bounded number of times.
UniqueFd open_beneath(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve,
                      mode_t mode = 0) noexcept;
UniqueFd open_tree(int directory, const char* path, unsigned flags) noexcept;
int move_mount(int from, int to, unsigned flags) noexcept;
/// Sets and clears MOUNT_ATTR_* of the mount that `fd` is the root of, without its submounts.
/// `propagation` is 0, MS_PRIVATE or MS_SLAVE.
int set_mount_attributes(int fd, std::uint64_t set, std::uint64_t clear,
                         std::uint64_t propagation) noexcept;
UniqueFd fsopen(const char* filesystem) noexcept;
int fsconfig_string(int context, const char* key, const char* value) noexcept;
int fsconfig_create(int context) noexcept;
UniqueFd fsmount(int context, unsigned attributes) noexcept;
UniqueFd pidfd_open(pid_t pid) noexcept;
/// Closes the descriptors `first` to `last`, one by one if the kernel has no close_range.
void close_range(unsigned first, unsigned last) noexcept;
int rename_at(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept;

}  // namespace nvhook::sys
