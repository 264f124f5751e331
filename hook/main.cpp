// SPDX-License-Identifier: Apache-2.0
// Entry point of the hook's executable: chooses the role by argv[0] and reports what a role did not
// catch.
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "mains.hpp"
#include "oci/runtime_command.hpp"
#include "print.hpp"
#include "report.hpp"
#include "text/error.hpp"
#include "text/paths.hpp"

namespace nvhook {
namespace {

using Main = int (*)(const std::string& name, const std::vector<std::string>& arguments);

Main main_of(std::string_view name) {
  if (is_runtime_shim(name)) return runtime_main;
  // The GPU Operator's script of that name executes the other.
  if (name == kCliProgram || name == std::string(kCliProgram) + ".real") return cli_main;
  if (name == kCdiHookProgram) return cdi_hook_main;
  if (name == kCtkProgram) return ctk_main;
  return hook_main;
}

}  // namespace
}  // namespace nvhook

int main(int argc, char** argv) {
  try {
    if (argc < 1) return nvhook::hook_main(nvhook::kProgram, {});
    const std::string name = nvhook::HostPath(argv[0]).filename();
    return nvhook::main_of(name)(name, {argv + 1, argv + argc});
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const nvhook::Error*>(&error);
    nvhook::complain(nvhook::failure_line(known != nullptr
                                              ? *known
                                              : nvhook::Error(nvhook::Code::internal, error.what(),
                                                              "free memory on the host")) +
                     "\n");
    return nvhook::exit_status(nvhook::Code::internal);
  }
}
