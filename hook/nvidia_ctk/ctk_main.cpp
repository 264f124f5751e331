// SPDX-License-Identifier: Apache-2.0
// The role nvidia-ctk: hooks are served here, because only this executable is static; the commands
// for people are those of oci-nvidia.
#include <string_view>
#include <utility>

#include "mains.hpp"
#include "oci/low_level_runtime.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"
#include "print.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr int kExitFailure = 1;

/// Returns the position of the command behind the global options; the number of `arguments` if
/// there is none.
std::size_t find_command(const std::vector<std::string>& arguments) {
  std::size_t at = 0;
  while (at < arguments.size() && arguments[at].starts_with('-')) {
    const std::string_view option = arguments[at];
    const bool has_value = option == "--config" || option == "--config-file" || option == "-config";
    at += has_value ? 2 : 1;
  }
  return at;
}

/// Executes oci-nvidia, which lies beside this program, under the name nvidia-ctk. Returns only on
/// failure.
int execute_command(const std::vector<std::string>& arguments) {
  const auto system = open_root("/");
  const std::string own = system ? own_executable(*system) : std::string();
  // Without /proc, as in a chroot, it is where packages install it.
  const std::string directory = own.empty() ? "/usr/bin/" : own.substr(0, own.rfind('/') + 1);
  const std::string program = directory + "oci-nvidia";
  std::vector<std::string> words{kCtkProgram};
  words.insert(words.end(), arguments.begin(), arguments.end());
  try {
    execute_runtime(program, std::move(words));
  } catch (const Error& error) {
    complain(std::string(kCtkProgram) + ": " + error.what() + "; " + program +
             " comes with the package oci-nvidia-hook\n");
  }
  return kExitFailure;
}

}  // namespace

int ctk_main(const std::string& name, const std::vector<std::string>& arguments) {
  const std::size_t at = find_command(arguments);
  if (at >= arguments.size() || arguments[at] != "hook") return execute_command(arguments);
  std::vector<std::string> words(arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                 arguments.end());
  for (std::size_t i = 0; i < at; ++i) {
    // The options that hooks share with the other commands.
    const std::string& option = arguments[i];
    if (option == "--debug" || option == "-d" || option == "--quiet") {
      words.insert(words.begin(), option);
    }
  }
  return cdi_hook_main(name + " hook", words);
}

}  // namespace nvhook
