// SPDX-License-Identifier: Apache-2.0
// Opens /proc/<pid> once and reads everything below that descriptor.
#include "command/containers/process_view.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 16UL << 20U;
constexpr const char* kStart = "start the container, or name one that runs";
/// Rights that root does not have here are none that sudo would bring.
constexpr const char* kNotEvenRoot =
    "name a container, not a process that the kernel keeps even from root; in a container or a "
    "sandbox, call it on the host";

}  // namespace

ProcessView::ProcessView(pid_t pid, const RootDir& system)
    : pid_(pid), proc_(system.open("/proc/" + std::to_string(pid), O_PATH | O_DIRECTORY)) {
  if (!proc_) throw_errno(Code::container_gone, "process " + std::to_string(pid), kStart);
}

RootDir ProcessView::root() const {
  // The only link in /proc that is followed: it leads to the root directory of the process.
  UniqueFd root = sys::open_beneath(proc_.get(), "root", O_PATH | O_DIRECTORY, 0);
  if (!root) throw_unreadable("root");
  return RootDir(std::move(root), FileOwner::image);
}

std::string ProcessView::text(const char* name) const {
  const UniqueFd file = sys::open_beneath(proc_.get(), name, O_RDONLY, 0);
  auto text = file ? read_all(file.get(), kMaxFile) : std::nullopt;
  if (!text) throw_unreadable(name);
  return *std::move(text);
}

void ProcessView::throw_unreadable(const char* name) const {
  const bool is_denied = errno == EACCES || errno == EPERM;
  throw_errno(is_denied ? Code::namespace_denied : Code::container_gone,
              "open `/proc/" + std::to_string(pid_) + "/" + name + "`",
              !is_denied         ? kStart
              : ::geteuid() == 0 ? kNotEvenRoot
                                 : "sudo oci-nvidia …");
}

}  // namespace nvhook
