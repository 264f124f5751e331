// SPDX-License-Identifier: Apache-2.0
// Separates errors of the host (memory, descriptors, rights, disk) from all others.
#include "os/errno_error.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kFreeResources = "free memory and file descriptors on the host";
constexpr const char* kBadDisk =
    "look at the file system that it is on; of disks that fail the host's kernel log tells";

/// What the hook needs at some point, and what a unit's CapabilityBoundingSet= may take away.
constexpr std::array kNeeded{
    std::pair{CAP_CHOWN, "CAP_CHOWN"},           std::pair{CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"},
    std::pair{CAP_FOWNER, "CAP_FOWNER"},         std::pair{CAP_SYS_CHROOT, "CAP_SYS_CHROOT"},
    std::pair{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"}, std::pair{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}};

/// Returns those that no program started by the caller of this one can have. The hook gives up
/// capabilities itself, but not in the bounding set.
std::string lost_capabilities() {
  std::vector<std::string> names;
  for (const auto& [capability, name] : kNeeded) {
    if (::prctl(PR_CAPBSET_READ, capability) == 0) names.emplace_back(name);
  }
  return join(names, ", ");
}

/// If root was refused, and whoever started it took away what root usually has, that is the cause.
std::string remedy_of_refusal(int error, const std::string& remedy) {
  if ((error != EPERM && error != EACCES) || ::geteuid() != 0) return remedy;
  const std::string lost = lost_capabilities();
  return lost.empty() ? remedy
                      : "run the hook with " + lost +
                            ", which the engine does not have (CapabilityBoundingSet= of its unit)";
}

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace

std::string errno_text(int error) { return std::generic_category().message(error); }

void throw_errno(Code code, const std::string& what, const std::string& remedy) {
  const int error = errno;
  const std::string message = what + ": " + errno_text(error);
  if (is_shortage(error) || (code == Code::internal && remedy.empty())) {
    throw Error(Code::internal, message, kFreeResources);
  }
  throw Error(code, message, remedy_of_refusal(error, remedy));
}

void require_answer(const std::string& action, const std::string& path, Code code) {
  switch (errno) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSYS:
      throw_errno(Code::internal, action + " `" + path + "`");
    case EAGAIN:  // names on the path were renamed again and again
    case EIO:
    case ESTALE:
      throw_errno(code, action + " `" + path + "`", kBadDisk);
    default:
      return;
  }
}

}  // namespace nvhook
