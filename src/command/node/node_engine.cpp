// SPDX-License-Identifier: Apache-2.0
// A table of engines; what is edited is planned by `setup`.
#include "command/node/node_engine.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "command/engines/containerd_files.hpp"
#include "command/engines/engine_files.hpp"
#include "command/node/engine_restart.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kDropIn = "99-oci-nvidia.toml";
/// Where k3s and RKE2 look for nvidia-container-runtime when they start.
constexpr const char* kFoundByThemselves = "/usr/local/nvidia/toolkit";

struct Known {
  std::string_view name;
  std::string_view trace;   ///< a path that only this engine has
  std::string_view config;  ///< the file to edit
  bool imports;             ///< `config` is made anew at each start, and imports other files
  std::array<std::string_view, 2> units;
};

/// In the order in which `auto` looks: Docker's containerd may be beside any of the others.
constexpr std::array kEngines{Known{"k3s",
                                    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
                                    "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
                                    true,
                                    {"k3s.service", "k3s-agent.service"}},
                              Known{"rke2",
                                    "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
                                    "/var/lib/rancher/rke2/agent/etc/containerd/config.toml",
                                    true,
                                    {"rke2-server.service", "rke2-agent.service"}},
                              Known{"microk8s",
                                    "/var/snap/microk8s/current/args/containerd-template.toml",
                                    "/var/snap/microk8s/current/args/containerd-template.toml",
                                    false,
                                    {"snap.microk8s.daemon-containerd.service", {}}},
                              Known{"crio",
                                    "/run/crio/crio.sock",
                                    "/etc/crio/crio.conf.d/99-oci-nvidia.conf",
                                    false,
                                    {"crio.service", {}}},
                              Known{"containerd",
                                    "/run/containerd/containerd.sock",
                                    "/etc/containerd/config.toml",
                                    false,
                                    {"containerd.service", {}}}};

bool is_there(const RootDir& root, std::string_view path) {
  return static_cast<bool>(root.open(std::string(path), O_PATH));
}

const Known& known(const std::string& name, const RootDir& root) {
  const auto* const found =
      std::find_if(kEngines.begin(), kEngines.end(), [&](const Known& engine) {
        return name == "auto" ? is_there(root, engine.trace) : name == engine.name;
      });
  if (found != kEngines.end()) return *found;
  throw Error(Code::config_invalid,
              "no engine of Kubernetes was found on this node: neither containerd, CRI-O, k3s, "
              "RKE2 nor microk8s",
              "name it with --engine, and its configuration with --config-file");
}

/// Returns the path of a file of ours that `config` imports.
std::string drop_in_of(const std::string& config, const RootDir& root) {
  const auto text = read_engine_file(root, config);
  const auto directory = text ? drop_in_directory({config, *text}) : std::nullopt;
  if (directory) return *directory + "/" + kDropIn;
  throw Error(Code::config_invalid,
              "`" + config +
                  "` imports no files of others as containerd 2 does (it is the one of an older "
                  "version, or of a template of your own)",
              std::string("--directory ") + kFoundByThemselves +
                  ", where k3s and RKE2 find the runtime themselves");
}

}  // namespace

const std::vector<std::string>& node_engine_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"auto", "none"};
    for (const Known& engine : kEngines) all.emplace_back(engine.name);
    return all;
  }();
  return names;
}

NodeEngine find_node_engine(const std::string& name, const std::string& config,
                            const std::string& directory, const RootDir& root) {
  const Known& engine = known(name, root);
  NodeEngine found{.name = std::string(engine.name), .config = config};
  if (!config.empty()) return found;
  if (!engine.imports) {
    found.config = engine.config;
  } else if (directory != kFoundByThemselves) {
    found.imports = engine.config;
    found.config = drop_in_of(found.imports, root);
  }
  return found;
}

SetupPlan plan_node_engine(const NodeEngine& engine, SetupRequest request, const RootDir& root) {
  if (engine.config.empty()) return {};
  request.config_file = engine.config;
  request.imported_by = engine.imports;
  request.handler_alone = true;
  return engine.name == "crio" ? plan_crio(request, root) : plan_containerd(request, root);
}

bool restart_node_engine(const std::string& name, const NodeRestart& restart,
                         const RestartRoots& roots, std::string& told) {
  if (restart.how == NodeRestart::How::signal) {
    signal_engine(restart.socket, roots.files);
    return true;
  }
  const auto* const engine =
      std::find_if(kEngines.begin(), kEngines.end(),
                   [&](const Known& candidate) { return name == candidate.name; });
  std::vector<std::string> units;
  if (engine != kEngines.end()) {
    for (const std::string_view unit : engine->units) {
      if (!unit.empty()) units.emplace_back(unit);
    }
  }
  if (restart.how == NodeRestart::How::systemd && restart_by_systemd(units, roots.host, told)) {
    return true;
  }
  const std::string why = told.empty() ? "" : " (" + told + ")";
  told = "restart " + name + " on this node, so that it reads its configuration" + why;
  return false;
}

}  // namespace nvhook
