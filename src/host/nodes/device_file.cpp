// SPDX-License-Identifier: Apache-2.0
// A node is made under a temporary name, gets its owner and mode, and is renamed into place.
#include "host/nodes/device_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
constexpr mode_t kDirectoryMode = 0755;

[[noreturn]] void fail(const std::string& action, const std::string& path) {
  throw_errno(Code::device_node_missing, action + " `/dev/" + path + "`",
              "run `oci-nvidia-hook create-device-nodes` on the host");
}

/// The directory and name of a node. Only root can change the directory, so that the name is safe
/// to use more than once.
struct NodeName {
  UniqueFd directory = UniqueFd();
  std::string name = {};
};

void check_directory(int directory, const std::string& path) {
  const FileStatus status = status_of(directory);
  if (is_only_roots(status.owner, status.mode)) return;
  throw Error(Code::device_node_missing,
              "make a device node in `/dev/" + path + "`: others than root can write there",
              "give that directory to root, mode 0755");
}

UniqueFd open_directory(const RootDir& dev, const std::string& path) {
  if (!path.empty() && ::mkdirat(dev.fd(), path.c_str(), kDirectoryMode) == 0) {
    if (::fchmodat(dev.fd(), path.c_str(), kDirectoryMode, 0) != 0) fail("make directory", path);
  } else if (!path.empty() && errno != EEXIST) {
    fail("make directory", path);
  }
  UniqueFd directory = sys::open_beneath(dev.fd(), path.empty() ? "." : path.c_str(),
                                         O_PATH | O_DIRECTORY | O_NOFOLLOW, kBeneath);
  if (!directory) fail("open directory", path);
  check_directory(directory.get(), path);
  return directory;
}

NodeName open_place(const RootDir& dev, const std::string& path) {
  const auto slash = path.rfind('/');
  const bool nested = slash != std::string::npos;
  return {.directory = open_directory(dev, nested ? path.substr(0, slash) : ""),
          .name = nested ? path.substr(slash + 1) : path};
}

/// What is there already: nothing, the device itself, or something that may be replaced.
enum class Found { nothing, device, replaceable };

Found look(const NodeName& place, const DeviceFile& file) {
  const UniqueFd found = sys::open_beneath(place.directory.get(), place.name.c_str(),
                                           O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
  if (!found && errno == ENOENT) return Found::nothing;
  if (!found) fail("open", file.path);
  const FileStatus status = status_of(found.get());
  if (status.is_character_device()) {
    const DeviceNumber number{.major = status.device_major, .minor = status.device_minor};
    return number == file.number ? Found::device : Found::replaceable;
  }
  if (status.is_regular() && status.size == 0) return Found::replaceable;
  throw Error(Code::device_node_wrong, "`/dev/" + file.path + "` is no device node",
              "see who put it there and remove it; then run `oci-nvidia-hook create-device-nodes` "
              "on the host");
}

/// The temporary name of a node; removed at the end of the scope unless the node was renamed.
class TemporaryName {
 public:
  TemporaryName(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  ~TemporaryName() { ::unlinkat(directory_, name_.c_str(), 0); }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  TemporaryName(TemporaryName&&) = delete;
  TemporaryName& operator=(TemporaryName&&) = delete;

  [[nodiscard]] const char* name() const noexcept { return name_.c_str(); }

 private:
  int directory_;
  std::string name_;
};

/// Moves the node to its final name; returns false if another one has appeared there.
bool put(const NodeName& place, const DeviceFile& file, bool replace) {
  const int directory = place.directory.get();
  const auto free_name = make_under_temporary_name(place.name, [&](const char* name) {
    return ::mknodat(directory, name, S_IFCHR, makedev(file.number.major, file.number.minor)) == 0;
  });
  if (!free_name) fail("make device node", file.path);
  const TemporaryName temporary(directory, *free_name);
  const DeviceFileSettings& settings = file.settings;
  if (::fchownat(directory, temporary.name(), settings.uid, settings.gid, AT_SYMLINK_NOFOLLOW) !=
          0 ||
      ::fchmodat(directory, temporary.name(), settings.mode, 0) != 0) {
    fail("make device node", file.path);
  }
  const unsigned flags = replace ? 0 : RENAME_NOREPLACE;
  if (sys::rename_at(directory, temporary.name(), directory, place.name.c_str(), flags) == 0) {
    return true;
  }
  if (errno != EEXIST) fail("make device node", file.path);
  return false;
}

}  // namespace

MakeResult make_device_file(const RootDir& dev, const DeviceFile& file) {
  const NodeName place = open_place(dev, file.path);
  const Found found = look(place, file);
  if (found == Found::device) return MakeResult::present;
  const bool replace = found == Found::replaceable;
  if (!put(place, file, replace)) return MakeResult::present;
  return replace ? MakeResult::replaced : MakeResult::made;
}

void link_device_number(const RootDir& dev, const DeviceFile& file) {
  const std::string name = to_string(file.number);
  const UniqueFd directory = open_directory(dev, "char");
  const std::string target = "../" + file.path;
  if (::symlinkat(target.c_str(), directory.get(), name.c_str()) != 0 && errno != EEXIST) {
    fail("make link", "char/" + name);
  }
}

}  // namespace nvhook
