// SPDX-License-Identifier: Apache-2.0
// A table of NVIDIA's keys (docs/behaviour.md §4.2, §4.3) and of ours.
#include "command/nvidia_ctk/config_keys.hpp"

#include <array>

namespace nvhook {
namespace {

constexpr ConfigType kBoolean = ConfigType::boolean;
constexpr ConfigType kText = ConfigType::text;
constexpr ConfigType kList = ConfigType::list;
constexpr ConfigShown kValue = ConfigShown::value;
constexpr ConfigShown kSample = ConfigShown::sample;

constexpr std::array kKeys{
    ConfigKey{"accept-nvidia-visible-devices-as-volume-mounts", kBoolean, kSample, "false"},
    ConfigKey{"accept-nvidia-visible-devices-envvar-when-unprivileged", kBoolean, kSample, "true"},
    ConfigKey{"disable-require", kBoolean, kValue, "false"},
    ConfigKey{"supported-driver-capabilities", kText, kValue,
              "\"compat32,compute,display,graphics,ngx,utility,video\""},
    ConfigKey{"swarm-resource", kText, kSample, "\"DOCKER_RESOURCE_GPU\""},
    ConfigKey{"placement", kText},
    ConfigKey{"leases", kBoolean},
    ConfigKey{"lease-count", kBoolean},
    ConfigKey{"lease-wait", ConfigType::number},

    ConfigKey{"nvidia-container-cli.debug", kText, kSample,
              "\"/var/log/nvidia-container-toolkit.log\""},
    ConfigKey{"nvidia-container-cli.environment", kList, kValue, "[]"},
    ConfigKey{"nvidia-container-cli.ldcache", kText, kSample, "\"/etc/ld.so.cache\""},
    ConfigKey{"nvidia-container-cli.ldconfig", kText, kValue, "\"@/sbin/ldconfig\""},
    ConfigKey{"nvidia-container-cli.library-search-path", kList},
    ConfigKey{"nvidia-container-cli.load-kmods", kBoolean, kValue, "true"},
    ConfigKey{"nvidia-container-cli.no-cgroups", kBoolean, kSample, "false"},
    ConfigKey{"nvidia-container-cli.no-pivot", kBoolean},
    ConfigKey{"nvidia-container-cli.path", kText, kSample, "\"/usr/bin/nvidia-container-cli\""},
    ConfigKey{"nvidia-container-cli.root", kText, kSample, "\"/run/nvidia/driver\""},
    ConfigKey{"nvidia-container-cli.user", kText, kSample, "\"root:video\""},

    ConfigKey{"nvidia-container-runtime.debug", kText, kSample,
              "\"/var/log/nvidia-container-runtime.log\""},
    ConfigKey{"nvidia-container-runtime.log-level", kText, kValue, "\"info\""},
    ConfigKey{"nvidia-container-runtime.mode", kText, kValue, "\"auto\""},
    ConfigKey{"nvidia-container-runtime.runtimes", kList, kValue, R"(["runc", "crun"])"},

    ConfigKey{"nvidia-container-runtime.modes.cdi.annotation-prefixes", kList, kValue,
              "[\"cdi.k8s.io/\"]"},
    ConfigKey{"nvidia-container-runtime.modes.cdi.default-kind", kText, kValue,
              "\"nvidia.com/gpu\""},
    ConfigKey{"nvidia-container-runtime.modes.cdi.spec-dirs", kList, kValue,
              R"(["/etc/cdi", "/var/run/cdi"])"},
    ConfigKey{"nvidia-container-runtime.modes.csv.compat-container-root", kText},
    ConfigKey{"nvidia-container-runtime.modes.csv.mount-spec-path", kText, kValue,
              "\"/etc/nvidia-container-runtime/host-files-for-container.d\""},
    ConfigKey{"nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks", kList},
    ConfigKey{"nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags", kList},
    ConfigKey{"nvidia-container-runtime.modes.legacy.cuda-compat-mode", kText, kValue,
              "\"ldconfig\""},

    ConfigKey{"nvidia-container-runtime-hook.path", kText, kValue,
              "\"nvidia-container-runtime-hook\""},
    ConfigKey{"nvidia-container-runtime-hook.skip-mode-detection", kBoolean, kValue, "false"},

    ConfigKey{"nvidia-ctk.path", kText, kValue, "\"nvidia-ctk\""},

    ConfigKey{"features.allow-cuda-compat-libs-from-container", kBoolean},
    ConfigKey{"features.allow-ldconfig-from-container", kBoolean},
    ConfigKey{"features.allow-unknown-oci-spec-fields", kBoolean},
    ConfigKey{"features.disable-cuda-compat-lib-hook", kBoolean},
    ConfigKey{"features.disable-imex-channel-creation", kBoolean},
    ConfigKey{"features.gdrcopy", kBoolean},
    ConfigKey{"features.gds", kBoolean},
    ConfigKey{"features.ignore-imex-channel-requests", kBoolean},
    ConfigKey{"features.mofed", kBoolean},
    ConfigKey{"features.no-additional-gids-for-device-nodes", kBoolean},
    ConfigKey{"features.nvswitch", kBoolean},
};

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

std::string default_config() {
  std::string text;
  std::string_view table;
  for (const ConfigKey& key : kKeys) {
    if (key.shown == ConfigShown::hidden) continue;
    const std::size_t dot = key.path.rfind('.');
    const std::string_view of = dot == std::string_view::npos ? "" : key.path.substr(0, dot);
    if (of != table) text += "\n[" + std::string(of) + "]\n";
    table = of;
    text += (key.shown == kSample ? "#" : "") +
            std::string(of.empty() ? key.path : key.path.substr(dot + 1)) + " = " +
            std::string(key.value) + "\n";
  }
  return text;
}

}  // namespace nvhook
