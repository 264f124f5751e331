// SPDX-License-Identifier: Apache-2.0
// Sends one failure to all four destinations.
#include "report.hpp"

#include "inject/failure_report.hpp"
#include "mains.hpp"
#include "print.hpp"

namespace nvhook {

std::string failure_line(const Error& error) {
  return std::string(kProgram) + ": " + to_line(error);
}

int report(const Error& error, HookContext& context) {
  const std::string line = to_line(error);
  complain(failure_line(error) + "\n");
  context.log.line("failed: " + line);
  if (!context.is_for_container) return exit_status(error.code());
  report_failure({.code = error.code(),
                  .line = line,
                  .container_id = context.container_id,
                  .inside_container = context.location != HookLocation::outside},
                 context.system, context.caller.runtime_directory);
  context.audit.finish(context.system, context.container_id, &error);
  return exit_status(error.code());
}

}  // namespace nvhook
