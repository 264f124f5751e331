// SPDX-License-Identifier: Apache-2.0
// Tries the bundle of the state, the working directory and the runtime's --bundle, in this order.
#include "oci/bundle.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/replace_file.hpp"
#include "os/root_dir.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxCommandLine = 1UL << 20U;
constexpr const char* kSpecName = "config.json";

std::optional<BundleFile> read_spec(int directory) {
  const UniqueFd file = sys::open_beneath(
      directory, kSpecName, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW, RESOLVE_BENEATH);
  if (!file) return std::nullopt;
  const FileStatus status = status_of(file.get());
  if (!status.is_regular() || status.size > kMaxSpec) {
    errno = status.is_regular() ? EFBIG : EINVAL;
    return std::nullopt;
  }
  auto text = read_all(file.get(), kMaxSpec, status.size);
  if (!text) return std::nullopt;
  return BundleFile{.directory = path_in_procfs(directory), .text = *std::move(text)};
}

/// Returns the --bundle option of our parent, the runtime; empty if it has none.
std::string bundle_of_parent() {
  const auto command =
      read_host_file("/proc/" + std::to_string(::getppid()) + "/cmdline", kMaxCommandLine);
  if (!command) return {};
  std::string bundle;
  const auto words = split(*command, '\0');
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (const std::string_view option : {"--bundle", "-b"}) {
      if (words[i] == option && i + 1 < words.size()) bundle = words[i + 1];
      const std::string prefix = std::string(option) + "=";
      if (words[i].starts_with(prefix)) bundle = words[i].substr(prefix.size());
    }
  }
  return bundle;
}

}  // namespace

std::optional<BundleFile> open_bundle(const std::string& directory, int working_directory) {
  const UniqueFd opened =
      sys::open_beneath(working_directory, directory.c_str(), O_PATH | O_DIRECTORY, 0);
  return opened ? read_spec(opened.get()) : std::nullopt;
}

BundleFile read_bundle(const std::string& bundle, int working_directory, Notes& notes) {
  int first_error = ENOENT;
  if (!bundle.empty()) {
    if (auto spec = open_bundle(bundle, working_directory)) return *std::move(spec);
    first_error = errno;
  }
  if (auto spec = read_spec(working_directory)) {
    if (!bundle.empty()) notes.push_back(info("config.json found in the working directory"));
    return *std::move(spec);
  }
  const std::string parent_bundle = bundle_of_parent();
  if (!parent_bundle.empty()) {
    if (auto spec = open_bundle(parent_bundle, working_directory)) {
      notes.push_back(info("config.json found in the runtime's --bundle"));
      return *std::move(spec);
    }
  }
  errno = first_error;
  throw_errno(Code::spec_unreadable,
              "could not open OCI spec: `" + (bundle.empty() ? std::string(".") : bundle) + "/" +
                  kSpecName + "`",
              "check that the runtime passes a `bundle` that has a config.json");
}

void replace_spec(const std::string& directory, const std::string& text) {
  const UniqueFd bundle = sys::open_beneath(AT_FDCWD, directory.c_str(), O_PATH | O_DIRECTORY, 0);
  if (bundle && replace_file(bundle.get(), kSpecName, text)) return;
  throw_errno(Code::spec_not_writable, "replace `" + directory + "/" + kSpecName + "`",
              "let the engine put the bundle on a file system that the runtime may write to");
}

}  // namespace nvhook
