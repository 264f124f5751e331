// SPDX-License-Identifier: Apache-2.0
// Only looks: whoever starts a container removes what has ended.
#include "command/ps/leases.hpp"

#include "lease/holder.hpp"
#include "lease/registry.hpp"
#include "text/error.hpp"

namespace nvhook {

void read_leases(Sample& sample, const RootDir& system) {
  try {
    const auto registry = LeaseRegistry::look();
    if (!registry) return;
    for (Lease& lease : registry->read()) {
      const bool is_held = is_there(lease.holder, system);
      sample.leases.push_back({.lease = std::move(lease), .is_held = is_held});
    }
  } catch (const Error& error) {
    sample.notes.push_back(warning(to_line(error)));
  }
}

}  // namespace nvhook
