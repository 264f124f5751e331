// SPDX-License-Identifier: Apache-2.0
// Every change is one rename or one removal in a directory that is open.
#include "command/node/node_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "text/error.hpp"
#include "text/paths.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr mode_t kDirectoryMode = 0755;
constexpr std::size_t kMaxFile = 64UL << 20U;

[[noreturn]] void refuse_write(const std::string& what) {
  if (errno == ENOSPC || errno == EDQUOT) {
    throw_errno(Code::node_not_writable, what,
                "make room on that file system of the node, or choose another with --directory");
  }
  throw_errno(Code::node_not_writable, what,
              "mount the node's root writable into the installer's container, which runs as root; "
              "or choose a directory on a writable file system with --directory");
}

struct Place {
  std::string directory = {};
  std::string name = {};
};

Place place_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return {.directory = slash == 0 ? "/" : path.substr(0, slash), .name = path.substr(slash + 1)};
}

bool has_text(int directory, const std::string& name, std::string_view bytes, mode_t mode) {
  const auto status = status_in(directory, name);
  if (!status || !status->is_regular() || status->size != bytes.size() ||
      (status->mode & 07777U) != mode || status->owner != 0) {
    return false;
  }
  const UniqueFd file =
      sys::open_beneath(directory, name.c_str(), O_RDONLY | O_NOFOLLOW, RESOLVE_BENEATH);
  return file && read_all(file.get(), kMaxFile, bytes.size()) == bytes;
}

}  // namespace

UniqueFd NodeFiles::directory(const std::string& path) const {
  UniqueFd directory = root_.open("/", O_PATH | O_DIRECTORY);
  std::string so_far;
  for (const std::string_view part : split_list(path, '/')) {
    const std::string name(part);
    so_far += "/" + name;
    UniqueFd next = root_.open(so_far, O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT) {
      before_making_(so_far);
      if (::mkdirat(directory.get(), name.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
        refuse_write("make the directory `" + so_far + "`");
      }
      next = root_.open(so_far, O_PATH | O_DIRECTORY);
    }
    if (!next) refuse_write("open the directory `" + so_far + "`");
    directory = std::move(next);
  }
  const FileStatus status = status_of(directory.get());
  if (!is_only_roots(status.owner, status.mode)) {
    throw Error(Code::node_not_writable,
                "`" + path + "` belongs to user " + std::to_string(status.owner) +
                    " or may be written by others than root",
                "chown root and chmod go-w that directory, or choose another with --directory");
  }
  return directory;
}

void NodeFiles::put(const std::string& path, std::string_view bytes, mode_t mode) const {
  const Place place = place_of(path);
  const UniqueFd opened = directory(place.directory);
  remove_leftovers(path);
  if (has_text(opened.get(), place.name, bytes, mode)) return;
  if (!put_file(opened.get(), place.name, bytes, mode)) refuse_write("write `" + path + "`");
}

void NodeFiles::put_link(const std::string& path, const std::string& target) const {
  const Place place = place_of(path);
  const UniqueFd opened = directory(place.directory);
  remove_leftovers(path);
  if (root_.read_link(path) == target) return;
  const auto temporary = make_under_temporary_name(place.name, [&](const char* name) {
    return ::symlinkat(target.c_str(), opened.get(), name) == 0;
  });
  if (!temporary ||
      sys::rename_at(opened.get(), temporary->c_str(), opened.get(), place.name.c_str(), 0) != 0) {
    refuse_write("make the link `" + path + "`");
  }
}

void NodeFiles::take_away(const std::string& path) const {
  const Place place = place_of(path);
  const UniqueFd opened = root_.open(place.directory, O_PATH | O_DIRECTORY);
  if (!opened) return;
  remove_leftovers(path);
  if (::unlinkat(opened.get(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
    refuse_write("remove `" + path + "`");
  }
}

void NodeFiles::remove_leftovers(const std::string& path) const {
  const Place place = place_of(path);
  const UniqueFd opened = root_.open(place.directory, O_PATH | O_DIRECTORY);
  if (!opened) return;
  const auto names = root_.list(place.directory, [&](std::string_view name) {
    return is_temporary_name_of(name, place.name);
  });
  for (const std::string& name : names) {
    if (::unlinkat(opened.get(), name.c_str(), 0) != 0 && errno != ENOENT) {
      refuse_write("remove `" + place.directory + "/" + name + "`");
    }
  }
}

void NodeFiles::remove_empty(const std::vector<std::string>& directories) const {
  std::for_each(directories.rbegin(), directories.rend(), [&](const std::string& path) {
    const Place place = place_of(path);
    const UniqueFd parent = root_.open(place.directory, O_PATH | O_DIRECTORY);
    // One that others use meanwhile stays.
    if (parent) static_cast<void>(::unlinkat(parent.get(), place.name.c_str(), AT_REMOVEDIR));
  });
}

}  // namespace nvhook
