// SPDX-License-Identifier: Apache-2.0
// Separates errors of the host (memory, descriptors, disk) from all others.
#include "os/errno_error.hpp"

#include <cerrno>
#include <system_error>

namespace nvhook {
namespace {

constexpr const char* kFreeResources = "free memory and file descriptors on the host";
constexpr const char* kBadDisk =
    "look at the file system that it is on; of disks that fail the host's kernel log tells";

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

void throw_errno(Code code, const std::string& what, const std::string& remedy) {
  const std::string message = what + ": " + errno_text(errno);
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      throw Error(Code::internal, message, "free memory and file descriptors on the host");
    default:
      throw Error(code, message, remedy);
  }
}

void require_answer(const std::string& action, const std::string& path, Code code) {
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSYS:
      throw_errno(Code::internal, action + " `" + path + "`", kFreeResources);
    case EAGAIN:  // names on the path were renamed again and again
    case EIO:
    case ESTALE:
      throw_errno(code, action + " `" + path + "`", kBadDisk);
    default:
      return;
  }
}

}  // namespace nvhook
