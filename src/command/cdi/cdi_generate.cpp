// SPDX-License-Identifier: Apache-2.0
// Reads the host for what is asked for, and writes the specification.
#include "command/cdi/cdi_generate.hpp"

#include <ostream>

#include "cdi/cdi_plan.hpp"
#include "command/cdi/cdi_files.hpp"
#include "command/cdi/found_nodes.hpp"
#include "command/engines/host_config.hpp"
#include "host/host_facts.hpp"
#include "image/container_probe.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

void warn(const std::string& text, CommandContext& context) {
  context.err << "warning: " << printable(text) << '\n';
}

/// Whether the specification has the one hook of ours.
bool has_own_hook(const CdiOptions& options) {
  return !is_nvidia_hook(options.hook) && options.switches.is_on("all") &&
         (is_of_gpus(options.discovery) || options.discovery == CdiDiscovery::management);
}

/// Our hook looks for the driver's files where its own configuration says. If the engine were told
/// of others, a container would have files of both.
void check_places(const GenerateOptions& options, const Config& config) {
  if (!has_own_hook(options.cdi)) return;
  const bool is_other_root = !options.driver_root.empty() &&
                             clean_path(options.driver_root) != clean_path(config.driver_root);
  if (is_other_root) {
    throw UsageFault("--driver-root: oci-nvidia-hook takes the root of its configuration (`" +
                     config.driver_root +
                     "`); set it there, or give --hook nvidia-cdi-hook's path");
  }
  if (!options.library_search_path.empty()) {
    throw UsageFault(
        "--library-search-path: oci-nvidia-hook does not look there; give --hook "
        "nvidia-cdi-hook's path");
  }
}

/// The configuration, in which the options count more.
HostConfig host_config(const GenerateOptions& options, CommandContext& context) {
  check_places(options, read_host_config(context).as_written.config);
  HostConfig config = read_host_config(context, options.driver_root);
  for (Config* each : {&config.as_written.config, &config.seen_from_here}) {
    each->library_search_path.insert(each->library_search_path.begin(),
                                     options.library_search_path.begin(),
                                     options.library_search_path.end());
  }
  // A specification names device nodes, so missing nodes are made, but only on this host.
  config.seen_from_here.load_kmods = config.as_written.config.load_kmods && config.is_ours;
  return config;
}

/// Asks the driver for the names of MIG devices, which only it knows. If it does not answer, the
/// devices get no names of their own and are only part of `all`.
void name_mig_devices(HostFacts& host, const Config& config, CommandContext& context) {
  if (host.inventory.mig_devices.empty()) return;
  const DriverDetails details = ask_about_gpus(host, config, context.log);
  for (const std::string& error : details.errors) warn(error, context);
}

/// Reads the host, and into `options` what only a list of nodes tells.
HostFacts read_devices_of(CdiOptions& options, const Config& config, CommandContext& context) {
  if (options.discovery == CdiDiscovery::imex && options.imex_channels.empty()) {
    options.imex_channels = find_imex_channels(open_driver_root(config), context.system);
  }
  const Request request =
      request_for(options.discovery, options.capabilities, options.imex_channels);
  HostFacts host = read_host(request, config, context.system, context.log);
  if (is_of_gpus(options.discovery)) name_mig_devices(host, config, context);
  if (options.discovery == CdiDiscovery::management) {
    options.management_nodes = find_management_nodes(host.driver_root, context.system);
  }
  return host;
}

/// A file of a feature that is no node may be missing, and then no engine could mount it.
void leave_out_missing(CdiSpec& spec, const RootDir& system) {
  const CdiPaths paths = look_at(system, host_paths(spec));
  for (CdiDevice& device : spec.devices) {
    std::erase_if(device.edits.mounts,
                  [&](const CdiMount& mount) { return !paths.at(mount.host_path).exists; });
  }
}

void require_nodes(const CdiSpec& spec, const RootDir& system) {
  const CdiPaths paths = look_at(system, host_paths(spec));
  const auto require = [&](const CdiEdits& edits) {
    for (const CdiNode& node : edits.nodes) {
      if (paths.at(node.source()).number) continue;
      throw Error(Code::device_node_missing,
                  "`" + node.source() + "` is no device node, where --dev-root says it is",
                  "name the directory that has dev/nvidiactl with --dev-root");
    }
  };
  require(spec.edits);
  for (const CdiDevice& device : spec.devices) require(device.edits);
}

void warn_of_hooks(const CdiSpec& spec, const CdiOptions& options, CommandContext& context) {
  if (has_own_hook(options) && !options.switches.disabled.empty()) {
    warn("--disable-hook: oci-nvidia-hook is one hook for all; only `all` leaves it out", context);
  }
  if (spec.edits.hooks.empty()) return;
  if (look_at(context.system, {options.hook}).at(options.hook).executable) return;
  warn("there is no hook at " + options.hook +
           ", and containers will not start; --hook says where it is",
       context);
}

}  // namespace

Outcome run_cdi_generate(const OptionValues& values, CommandContext& context) {
  GenerateOptions options = generate_options(values, context);
  const HostConfig config = host_config(options, context);
  const HostFacts host = read_devices_of(options.cdi, config.seen_from_here, context);
  // The host's own root file system stands for the images of its distribution.
  const ContainerFacts layout = probe_container(host.driver_root, {});
  CdiSpec spec = to_cdi(host.inventory, layout, config.as_written.config, options.cdi);
  if (!is_of_gpus(options.cdi.discovery)) leave_out_missing(spec, context.system);
  if (!options.cdi.dev_root.empty()) require_nodes(spec, context.system);
  for (const Note& note : host.inventory.notes) {
    if (note.level == Note::Level::warning) warn(note.text, context);
  }
  warn_of_hooks(spec, options.cdi, context);
  write_cdi(options.output, to_json(spec), context);
  if (options.output.path == "-") return Outcome::good;
  context.err << "wrote " << printable(options.output.path) << ": " << spec.devices.size()
              << " devices of " << spec.kind << ", CDI " << spec.version << '\n';
  return Outcome::good;
}

}  // namespace nvhook
