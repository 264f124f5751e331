// SPDX-License-Identifier: Apache-2.0
// Loads the configuration of the host below --host-root.
#include "command/engines/host_config.hpp"

#include "config/config_files.hpp"
#include "text/text.hpp"

namespace nvhook {

HostConfig read_host_config(CommandContext& context, const std::string& driver_root) {
  const auto ours = open_root("/");
  const std::string host = ours ? ours->path_of(context.system.fd()) : "/";
  const bool is_ours = host == "/";
  HostConfig result{
      .is_ours = is_ours,
      .as_written = is_ours ? load_config(context.config_file, context.caller)
                            : load_config_of(context.system, context.config_file, context.caller)};
  if (!driver_root.empty()) result.as_written.config.driver_root = clean_path(driver_root);
  context.log.notes(result.as_written.notes);
  result.seen_from_here = result.as_written.config;
  result.seen_from_here.load_kmods = false;
  if (!is_ours) {
    result.seen_from_here.driver_root = clean_path(host + result.as_written.config.driver_root);
  }
  return result;
}

}  // namespace nvhook
