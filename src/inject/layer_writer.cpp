// SPDX-License-Identifier: Apache-2.0
// Each call checks that the directory is the container's own, then makes the file as its root user.
#include "inject/layer_writer.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kThisName = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

/// RAII: files are created as `uid`:`gid` (fsuid, fsgid). A chown afterwards would not work on file
/// systems whose superblock belongs to a user namespace (EOVERFLOW).
class FileSystemIds {
 public:
  FileSystemIds(uid_t uid, gid_t gid) : is_changed_(uid != 0 || gid != 0) {
    if (!is_changed_) return;
    // Group first: without uid 0 it could not be changed.
    old_gid_ = set(::setfsgid, gid);
    old_uid_ = set(::setfsuid, uid);
  }
  FileSystemIds(const FileSystemIds&) = delete;
  FileSystemIds& operator=(const FileSystemIds&) = delete;
  FileSystemIds(FileSystemIds&&) = delete;
  FileSystemIds& operator=(FileSystemIds&&) = delete;
  ~FileSystemIds() {
    if (!is_changed_) return;
    ::setfsuid(old_uid_);
    ::setfsgid(old_gid_);
  }

 private:
  /// The calls do not report failure: they return the old value, so ask again to see the new one.
  static unsigned set(int (*call)(unsigned), unsigned id) {
    const auto old = static_cast<unsigned>(call(id));
    if (old == id || static_cast<unsigned>(call(id)) == id) return old;
    throw Error(Code::namespace_denied,
                "make files as user or group " + std::to_string(id) + ", the container's root",
                "run the hook with CAP_SETUID and CAP_SETGID, in a user namespace that has this "
                "number");
  }

  bool is_changed_;
  unsigned old_gid_ = 0;
  unsigned old_uid_ = 0;
};

}  // namespace

void LayerWriter::require_own(const LayerDirectory& directory, const ContainerPath& path) {
  const auto& obstacle = directory.obstacle();
  if (!obstacle) return;
  const std::string where = path.parent().str();
  if (*obstacle == kReadOnlyObstacle) {
    throw Error(Code::target_read_only,
                "create `" + path.str() + "` in the container: `" + where + "` " + *obstacle,
                "mount it writable, or what is to be mounted over into the image");
  }
  throw Error(Code::target_on_volume,
              "create `" + path.str() + "` in the container: `" + where + "` " + *obstacle +
                  ", which is not written",
              "do not mount a volume over " + where + ", or make the file on the volume first");
}

bool LayerWriter::make_directory(const LayerDirectory& directory, const ContainerPath& path,
                                 mode_t mode) const {
  require_own(directory, path);
  const FileSystemIds identity(uid_, gid_);
  return ::mkdirat(directory.fd(), path.filename().c_str(), mode) == 0;
}

UniqueFd LayerWriter::make_file(const LayerDirectory& directory, const ContainerPath& path,
                                mode_t mode) const {
  require_own(directory, path);
  const FileSystemIds identity(uid_, gid_);
  return sys::open_beneath(directory.fd(), path.filename().c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kThisName, mode);
}

bool LayerWriter::make_link(const LayerDirectory& directory, const ContainerPath& path,
                            const std::string& target) const {
  require_own(directory, path);
  const FileSystemIds identity(uid_, gid_);
  return ::symlinkat(target.c_str(), directory.fd(), path.filename().c_str()) == 0;
}

bool LayerWriter::make_second_name(const LayerDirectory& directory, const ContainerPath& path,
                                   const std::string& second) const {
  require_own(directory, path);
  const std::string name = path.filename();
  const auto add_name = [&] {
    return ::linkat(directory.fd(), name.c_str(), directory.fd(), second.c_str(), 0) == 0;
  };
  const bool linked = [&] {
    const FileSystemIds identity(uid_, gid_);
    return add_name();
  }();
  return linked || (errno == EPERM && add_name());  // the file belongs to another user
}

bool LayerWriter::rename_entry(const LayerDirectory& directory, const std::string& from,
                               const ContainerPath& path) const {
  require_own(directory, path);
  // On an idmapped mount host root maps to nobody and cannot create files (EOVERFLOW).
  const FileSystemIds identity(uid_, gid_);
  return sys::rename_at(directory.fd(), from.c_str(), directory.fd(), path.filename().c_str(), 0) ==
         0;
}

bool LayerWriter::remove_entry(const LayerDirectory& directory, const std::string& name,
                               int flags) noexcept {
  return ::unlinkat(directory.fd(), name.c_str(), flags) == 0;
}

}  // namespace nvhook
