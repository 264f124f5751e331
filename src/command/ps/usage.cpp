// SPDX-License-Identifier: Apache-2.0
// Where NVML's library is changes seldom; it is looked up every ten seconds.
#include "command/ps/usage.hpp"

#include "command/engines/host_config.hpp"
#include "host/gpu/gpu_query.hpp"
#include "host/host_facts.hpp"
#include "text/error.hpp"

namespace nvhook {

UsageReader::UsageReader(CommandContext& context)
    : context_(context), config_(read_host_config(context).seen_from_here) {
  config_.load_kmods = false;
}

void UsageReader::read(Sample& sample) {
  constexpr Seconds kKept = 10;
  const Request about{.devices = AllDevices{}, .capabilities = {Capability::utility}};
  try {
    if (!inventory_ || sample.time < read_ || sample.time - read_ >= kKept) {
      inventory_ = read_host(about, config_, context_.system, context_.log).inventory;
      read_ = sample.time;
    }
    sample.usage = query_usage(gpu_question(*inventory_, config_.driver_root));
    for (const std::string& error : sample.usage->errors) sample.notes.push_back(warning(error));
  } catch (const Error& error) {
    sample.notes.push_back(warning(to_line(error)));
  }
}

}  // namespace nvhook
