// SPDX-License-Identifier: Apache-2.0
// nvidia-container-cli info and list: print what is on the host. They need no privileges.
#include "host/host_facts.hpp"
#include "nvidia_container_cli/cli.hpp"
#include "os/syscalls.hpp"
#include "print.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

void print_all(const std::string& text) {
  if (print(text)) return;
  throw_errno(Code::internal, "write to standard output", "look at what standard output leads to");
}

}  // namespace

void print_info(const CliOptions& options, const Config& config, CliContext& context) {
  const Request request{.devices = AllDevices{}, .capabilities = {Capability::utility}};
  HostFacts host = read_host(request, config, context.system, context.log);
  context.log.notes(host.inventory.notes);
  const DriverDetails details = ask_about_gpus(host, config, context.log);
  print_all(info_text(host.inventory, details, options.format));
}

void print_list(const CliOptions& options, const Config& config, CliContext& context) {
  Request request = request_of(options.selection);
  request.capabilities = CapabilitySet::all();
  const HostFacts host = read_host(request, config, context.system, context.log);
  context.log.notes(host.inventory.notes);
  print_all(list_text(host.inventory, request, options.sections));
}

}  // namespace nvhook
