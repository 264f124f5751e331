// SPDX-License-Identifier: Apache-2.0
// fstat and fstatat, without following links.
#include "os/file_status.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "os/errno_error.hpp"

namespace nvhook {
namespace {

FileStatus to_file_status(const struct stat& status) noexcept {
  return {.mode = status.st_mode,
          .owner = status.st_uid,
          .group = status.st_gid,
          .size = static_cast<unsigned long long>(status.st_size),
          .device_major = major(status.st_rdev),
          .device_minor = minor(status.st_rdev)};
}

}  // namespace

bool FileStatus::is_regular() const noexcept { return S_ISREG(mode); }
bool FileStatus::is_directory() const noexcept { return S_ISDIR(mode); }
bool FileStatus::is_symlink() const noexcept { return S_ISLNK(mode); }
bool FileStatus::is_socket() const noexcept { return S_ISSOCK(mode); }
bool FileStatus::is_character_device() const noexcept { return S_ISCHR(mode); }

FileStatus status_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno(Code::internal, "fstat");
  return to_file_status(status);
}

std::optional<FileStatus> status_in(int directory, const std::string& name) {
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    return to_file_status(status);
  }
  require_answer("look at", name, Code::internal);
  return std::nullopt;
}

std::optional<FileStatus> find_status(int fd) noexcept {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return std::nullopt;
  return to_file_status(status);
}

bool is_writable_by_others(unsigned mode) noexcept { return (mode & (S_IWGRP | S_IWOTH)) != 0; }

bool is_only_roots(unsigned owner, unsigned mode) noexcept {
  return owner == 0 && !is_writable_by_others(mode);
}

bool is_same_file(const struct stat& a, const struct stat& b) noexcept {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool is_same_file(int a, int b) noexcept {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && is_same_file(first, second);
}

}  // namespace nvhook
