// SPDX-License-Identifier: Apache-2.0
// Entry of the engine: dispatches on its name; the only catch-all.
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/paths.hpp"
#include "mains.hpp"

int main(int argc, char** argv) {
  try {
    if (argc < 1) return nvhook::hook_main(nvhook::kProgram, {});
    const std::string name = nvhook::HostPath(argv[0]).filename();
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (name == nvhook::kCliProgram) return nvhook::cli_main(name, arguments);
    return nvhook::hook_main(name, arguments);
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const nvhook::Error*>(&error);
    std::cerr << nvhook::kProgram << ": "
              << nvhook::to_line(known != nullptr
                                     ? *known
                                     : nvhook::Error(nvhook::Code::internal, error.what(),
                                                     "free memory on the host"))
              << '\n';
    return nvhook::exit_status(nvhook::Code::internal);
  }
}
