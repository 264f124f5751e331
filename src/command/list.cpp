// SPDX-License-Identifier: Apache-2.0
// The host's driver and its GPUs.
#include "command/list.hpp"

#include <ostream>

#include "command/json_document.hpp"
#include "command/table.hpp"
#include "system/config_files.hpp"
#include "system/host_facts.hpp"

namespace nvhook {

void add_list_options(boost::program_options::options_description& /*options*/) {}

Outcome run_list(const OptionValues& /*values*/, CommandContext& context) {
  const Config config = load_config(context.config_file, context.caller).config;
  const Request request{.devices = AllDevices{}, .capabilities = CapabilitySet::all()};
  const HostFacts host = read_host(request, config, context.system, context.log);
  if (context.json) {
    Json document = json_document("list", 1);
    document["driver"] = host.inventory.driver.str();
    for (const Gpu& gpu : host.inventory.gpus) {
      document["gpus"].push_back({{"index", gpu.index}, {"uuid", gpu.uuid}, {"model", gpu.model}});
    }
    print_json(document, context.out);
    return Outcome::good;
  }
  Table table{.head = {"GPU", "UUID", "MODEL"}};
  for (const Gpu& gpu : host.inventory.gpus) {
    table.rows.push_back({{std::to_string(gpu.index)}, {gpu.uuid}, {gpu.model}});
  }
  context.out << to_text(table, context.style);
  return Outcome::good;
}

}  // namespace nvhook
