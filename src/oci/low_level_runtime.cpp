// SPDX-License-Identifier: Apache-2.0
// Searches directories for an executable that is not this program.
#include "oci/low_level_runtime.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "os/file_status.hpp"
#include "os/syscalls.hpp"
#include "os/unique_fd.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// The last one has the runtimes of CRI-O's own packages, which are on no PATH.
constexpr const char* kSystemPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/libexec/crio";
constexpr const char* kRemedy =
    "install runc or crun, or name the runtime in config.toml (nvidia-container-runtime.runtimes)";

std::optional<struct stat> status_at(const std::string& path) {
  const UniqueFd file = sys::open_beneath(AT_FDCWD, path.c_str(), O_PATH, 0);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) return std::nullopt;
  return status;
}

bool is_this_program(const struct stat& file) {
  static const auto ours = status_at("/proc/self/exe");
  return ours && is_same_file(file, *ours);
}

bool is_runtime(const std::string& path) {
  constexpr mode_t kExecutable = S_IXUSR | S_IXGRP | S_IXOTH;
  const auto status = status_at(path);
  return status && S_ISREG(status->st_mode) && (status->st_mode & kExecutable) != 0 &&
         !is_this_program(*status);
}

std::vector<std::string> places_of(const std::string& candidate, const std::string& search_path) {
  if (candidate.find('/') != std::string::npos) return {candidate};
  const std::string directories = search_path + ":" + kSystemPath;
  std::vector<std::string> places;
  for (const std::string_view directory : split(directories, ':')) {
    // An empty or relative entry would depend on the caller's working directory.
    if (directory.starts_with('/')) places.push_back(std::string(directory) + "/" + candidate);
  }
  return places;
}

}  // namespace

std::string find_low_level_runtime(const std::vector<std::string>& candidates,
                                   const std::string& search_path) {
  for (const std::string& candidate : candidates) {
    for (std::string& place : places_of(candidate, search_path)) {
      if (is_runtime(place)) return std::move(place);
    }
  }
  throw Error(Code::runtime_not_found,
              "error locating runtime: no runtime binary found from candidate list: [" +
                  join(candidates, " ") + "]",
              kRemedy);
}

void execute_runtime(const std::string& path, std::vector<std::string> arguments) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  ::execv(path.c_str(), words.data());
  throw_errno(Code::runtime_not_found, "execute the runtime `" + path + "`", kRemedy);
}

}  // namespace nvhook
