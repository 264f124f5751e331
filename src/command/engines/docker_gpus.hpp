// SPDX-License-Identifier: Apache-2.0
// Which way Docker takes for `--gpus`: a hook or CDI. As moby's daemon decides it, read in its
// sources from 28.5 to 29.7 (daemon/internal/…/devices_nvidia_linux.go and devices.go).
#pragma once

namespace nvhook {

/// Docker's versions by what `--gpus` means there.
enum class DockerEra {
  before_29_2,
  since_29_2,
  since_29_3,  ///< there is a driver for AMD's GPUs, too
};

/// What decides. Both programs are looked for on dockerd's PATH, and only for being there.
struct GpusFacts {
  bool has_hook = false;      ///< nvidia-container-runtime-hook
  bool has_cdi_hook = false;  ///< nvidia-cdi-hook
  bool reads_cdi = true;      ///< `features.cdi` of daemon.json; true is the default since 28.2
  bool has_spec = false;      ///< there is a CDI specification of nvidia.com/gpu
};

enum class GpusWay {
  hook,       ///< NVIDIA_VISIBLE_DEVICES, NVIDIA_DRIVER_CAPABILITIES and a prestart hook
  cdi,        ///< nvidia.com/gpu=…; capabilities of the request are dropped
  no_driver,  ///< `could not select device driver`
  no_spec,    ///< CDI, and there is no specification
  no_vendor,  ///< `failed to discover GPU vendor from CDI: no known GPU vendor found`
  not_amds,   ///< `AMD CDI spec not found`
};

[[nodiscard]] GpusWay way_of_gpus(DockerEra era, const GpusFacts& facts) noexcept;

}  // namespace nvhook
