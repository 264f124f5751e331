// SPDX-License-Identifier: Apache-2.0
// Reads the host with a request for all GPUs, and prints the driver, the GPUs and the files.
#include "command/list/list.hpp"

#include <algorithm>
#include <boost/program_options.hpp>
#include <ostream>

#include "command/engines/host_config.hpp"
#include "command/list/list_view.hpp"
#include "host/host_facts.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kCapabilitiesOption = "capabilities";

/// Returns the request of a container with all GPUs and the given capabilities, by the hook's own
/// rules.
RequestResult request_of(const OptionValues& values, const Config& config) {
  ContainerSpec spec;
  spec.privileged = true;  // so that its variables count
  spec.environment = {{"NVIDIA_VISIBLE_DEVICES", "all"}};
  if (values.contains(kCapabilitiesOption)) {
    spec.environment["NVIDIA_DRIVER_CAPABILITIES"] = values[kCapabilitiesOption].as<std::string>();
  }
  Config without_swarm = config;  // whose variables would otherwise count instead
  without_swarm.swarm_resources.clear();
  return derive_request(spec, without_swarm);
}

bool lacks_what_nvml_knows(const Inventory& inventory) {
  return inventory.is_wsl || !inventory.cuda ||
         std::any_of(inventory.gpus.begin(), inventory.gpus.end(),
                     [](const Gpu& gpu) { return gpu.uuid.empty(); }) ||
         std::any_of(inventory.mig_devices.begin(), inventory.mig_devices.end(),
                     [](const MigDevice& device) { return device.uuid.empty(); });
}

/// If the driver does not answer, the names that only it knows are missing, and a note says so.
Notes complete(HostFacts& host, const Config& config, Log& log) {
  if (!lacks_what_nvml_knows(host.inventory)) return {};
  try {
    Notes notes;
    for (const std::string& error : ask_about_gpus(host, config, log).errors) {
      notes.push_back(warning("the driver does not tell all: " + error));
    }
    return notes;
  } catch (const Error& error) {
    return {warning("the driver was not asked for what only it knows: " + to_line(error))};
  }
}

}  // namespace

void add_list_options(boost::program_options::options_description& options) {
  namespace po = boost::program_options;
  options.add_options()("files", po::bool_switch(), "the driver's files, on a terminal too")(
      "why", po::bool_switch(), "tell of each file how it was found and why it is in or out")(
      kCapabilitiesOption, po::value<std::string>()->value_name("LIST"),
      "in or out by these capabilities, as in NVIDIA_DRIVER_CAPABILITIES");
}

Outcome run_list(const OptionValues& values, CommandContext& context) {
  const HostConfig config = read_host_config(context);
  const RequestResult judged_by = request_of(values, config.as_written.config);
  const Request everything{.devices = AllDevices{}, .capabilities = CapabilitySet::all()};
  HostFacts host = read_host(everything, config.seen_from_here, context.system, context.log);
  Notes notes = complete(host, config.seen_from_here, context.log);
  const bool is_default = judged_by.capabilities_source == "default";
  const HostListing listing{.inventory = host.inventory,
                            .request = *judged_by.request,
                            .capabilities_source = is_default ? "default" : "given",
                            .notes = std::move(notes)};
  if (context.json) {
    print_json(listing_json(listing), context.out);
  } else {
    const FileDetail detail = values["why"].as<bool>() ? FileDetail::reasons
                              : values["files"].as<bool>() || context.style.columns == 0
                                  ? FileDetail::names
                                  : FileDetail::number;
    context.out << listing_text(listing, detail, context.style);
  }
  return Outcome::good;
}

}  // namespace nvhook
