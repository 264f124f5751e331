// SPDX-License-Identifier: Apache-2.0
// Reads what an engine wants to change, and hands it to the runtime with the container's devices.
#include "runtime_shim/resource_update.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "oci/bundle.hpp"
#include "os/errno_error.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "os/unique_fd.hpp"
#include "plan/resource_update.hpp"
#include "plan/spec_hooks.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxResources = 16UL << 20U;

/// Returns nullopt for a file that the runtime cannot read either.
std::optional<std::string> read_resources(const std::string& name, const CallerContext& caller) {
  if (name == "-") {
    if (auto text = read_all(STDIN_FILENO, kMaxResources)) return text;
    throw_errno(Code::spec_unreadable, "read the new resources on standard input",
                "let the engine write one JSON object of at most 16 MiB");
  }
  const UniqueFd file = sys::open_beneath(caller.working_directory.get(), name.c_str(),
                                          O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  return file ? read_all(file.get(), kMaxResources) : std::nullopt;
}

std::string with_devices_kept(const std::string& resources, const std::string& spec) {
  try {
    return keep_devices(resources, spec);
  } catch (const Error&) {
    return resources;
  }
}

/// Lets the program that is executed next read `text` as its standard input.
void put_on_standard_input(const std::string& text) {
  const UniqueFd file(::memfd_create("resources", MFD_CLOEXEC));
  if (!file || !write_all(file.get(), text) || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
      ::dup2(file.get(), STDIN_FILENO) < 0) {
    throw_errno(Code::internal, "hand the new resources to the runtime", "free memory");
  }
}

}  // namespace

std::vector<std::string> keep_devices_over_update(const RuntimeCommand& command,
                                                  const MadeContainer& container,
                                                  const CallerContext& caller,
                                                  const RootDir& system,
                                                  std::vector<std::string> arguments) {
  const auto bundle = open_bundle(bundle_of(container, system), caller.working_directory.get());
  if (!bundle || !is_edited(bundle->text)) return arguments;
  const auto resources = read_resources(command.resources, caller);
  if (!resources) return arguments;
  const std::string kept = with_devices_kept(*resources, bundle->text);
  if (command.resources != "-" && kept == *resources) return arguments;
  put_on_standard_input(kept);
  return with_resources_on_standard_input(std::move(arguments));
}

}  // namespace nvhook
