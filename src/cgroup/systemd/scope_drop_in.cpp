// SPDX-License-Identifier: Apache-2.0
// The file gets its name by a rename, so that systemd never reads half of it.
#include "cgroup/systemd/scope_drop_in.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "os/files.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUnitFile = 1UL << 20U;
constexpr std::string_view kSuffix = ".scope.d";
constexpr std::uint64_t kBelow = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

std::string directory_of(const std::string& scope) { return scope + ".d"; }

UniqueFd open_directory(int units, const std::string& scope) {
  return sys::open_beneath(units, directory_of(scope).c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW,
                           kBelow);
}

/// Removes temporary files that a hook left behind when it was killed.
bool remove_unfinished(int units, const std::string& scope) {
  const RootDir directory(open_directory(units, scope));
  if (directory.fd() < 0) return false;
  const std::string prefix = "." + std::string(kDropIn) + ".";
  const auto names =
      directory.list(".", [&](std::string_view name) { return name.starts_with(prefix); });
  for (const std::string& name : names) ::unlinkat(directory.fd(), name.c_str(), 0);
  if (!names.empty()) ::unlinkat(units, directory_of(scope).c_str(), AT_REMOVEDIR);
  return !names.empty();
}

bool is_there(int directory, const std::string& name) {
  struct stat status {};
  return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

}  // namespace

std::string unit_text(const RootDir& units, const std::string& unit, OwnDropIn own_drop_in) {
  std::string text;
  const auto add = [&](const std::string& path) {
    text += units.read(path, kMaxUnitFile).value_or("") + "\n";
  };
  add(unit);
  const auto names = units.list(directory_of(unit), [&](std::string_view name) {
    return name.ends_with(".conf") && (own_drop_in == OwnDropIn::included || name != kDropIn);
  });
  for (const std::string& name : names) add(directory_of(unit) + "/" + name);
  return text;
}

bool write_drop_in(int units, const std::string& scope, const std::string& text) {
  if (::mkdirat(units, directory_of(scope).c_str(), 0755) != 0 && errno != EEXIST) return false;
  const UniqueFd directory = open_directory(units, scope);
  return directory && put_file(directory.get(), kDropIn, text, 0644);
}

bool remove_drop_in(int units, const std::string& scope) noexcept {
  const UniqueFd directory = open_directory(units, scope);
  if (!directory || ::unlinkat(directory.get(), kDropIn, 0) != 0) return false;
  ::unlinkat(units, directory_of(scope).c_str(), AT_REMOVEDIR);  // fails if it has other files
  return true;
}

std::vector<std::string> remove_stale_drop_ins(const RootDir& system) {
  std::vector<std::string> stale;
  const RootDir units(system.open(kTransientUnits, O_PATH | O_DIRECTORY));
  if (units.fd() < 0) return stale;  // no systemd here
  for (const std::string& name :
       units.list(".", [](std::string_view name) { return name.ends_with(kSuffix); })) {
    std::string scope = name.substr(0, name.size() - directory_of("").size());
    // A hook writes the drop-in after its scope was made, so without a scope it is stale.
    if (is_there(units.fd(), scope)) continue;
    const bool had_unfinished = remove_unfinished(units.fd(), scope);
    const bool had_drop_in = remove_drop_in(units.fd(), scope);
    if (had_unfinished || had_drop_in) stale.push_back(std::move(scope));
  }
  return stale;
}

}  // namespace nvhook
