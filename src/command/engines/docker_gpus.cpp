// SPDX-License-Identifier: Apache-2.0
// Docker's own order: CDI if its hook's name is there, then the hook, then AMD.
#include "command/engines/docker_gpus.hpp"

namespace nvhook {

GpusWay way_of_gpus(DockerEra era, const GpusFacts& facts) noexcept {
  const bool tries_cdi = era != DockerEra::before_29_2 && facts.has_cdi_hook && facts.reads_cdi;
  if (tries_cdi && facts.has_spec) return GpusWay::cdi;
  if (facts.has_hook) return GpusWay::hook;  // also if CDI fails
  if (tries_cdi) return GpusWay::no_spec;
  if (era != DockerEra::since_29_3 || !facts.reads_cdi) return GpusWay::no_driver;
  return facts.has_spec ? GpusWay::not_amds : GpusWay::no_vendor;
}

}  // namespace nvhook
