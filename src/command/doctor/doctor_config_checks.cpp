// SPDX-License-Identifier: Apache-2.0
// Checks the hook's configuration files.
#include <sys/stat.h>

#include <array>

#include "command/doctor/doctor_checks.hpp"
#include "os/file_status.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string names_of(const std::vector<ConfigFileReport>& files) {
  std::vector<std::string> names;
  names.reserve(files.size());
  for (const ConfigFileReport& file : files) names.push_back(file.path);
  return join(names, ", ");
}

Seen look_at_config(const HostReport& report) {
  const auto& files = report.config.files;
  if (files.empty()) return {Verdict::good, "no configuration file; using defaults"};
  std::vector<std::string> warnings;
  std::string edit;
  for (const ConfigFileReport& file : files) {
    if (file.fault) return {Verdict::bad, file.fault->what, file.fault->remedy};
    const std::size_t before = warnings.size();
    for (const Note& note : file.notes) {
      if (note.level == Note::Level::warning) warnings.push_back(note.text);
    }
    if (warnings.size() > before) edit += " " + shell_word(file.path);
  }
  if (!warnings.empty()) {
    return {Verdict::warning, join(warnings, "; "), "correct or remove the key: sudoedit" + edit};
  }
  const auto& log = report.config.log_fault;
  if (log) return {Verdict::warning, log->what, log->remedy};
  return {Verdict::good, names_of(files)};
}

/// Anyone who can write the file decides what is mounted into containers as root.
Seen look_at_owner(const HostReport& report) {
  if (report.user) return {Verdict::good, "an ordinary user's files count for that user only"};
  for (const ConfigFileReport& file : report.config.files) {
    if (is_only_roots(file.owner, file.mode)) continue;
    const bool foreign = file.owner != 0;
    return {Verdict::bad,
            file.path + (foreign ? " belongs to user " + std::to_string(file.owner)
                                 : std::string(" can be written by others than root")),
            "sudo chown root:root " + shell_word(file.path) + " && sudo chmod go-w " +
                shell_word(file.path)};
  }
  return {Verdict::good, report.config.files.empty() ? "no file" : "only root can write"};
}

Seen look_at_no_cgroups(const HostReport& report) {
  for (const ConfigFileReport& file : report.config.files) {
    if (!file.sets_no_cgroups || report.user) continue;
    return {Verdict::warning,
            file.path +
                " sets no-cgroups: containers of root may open no GPU (`Failed to "
                "initialize NVML: Unknown Error`)",
            "sudo sed -i '/^[[:space:]]*no-cgroups[[:space:]]*=/d' " + shell_word(file.path)};
  }
  return {Verdict::good, "not set; the hook grants the devices"};
}

Seen look_at_driver_root(const HostReport& report) {
  if (report.config.driver_root_fault) {
    return {Verdict::bad, report.config.driver_root_fault->what,
            report.config.driver_root_fault->remedy};
  }
  return {Verdict::good, report.config.driver_root};
}

/// In a cluster the authors of pods and images are not those who decide who gets a GPU.
Seen look_at_pods(const HostReport& report) {
  if (!report.has_kubelet || report.user) return {Verdict::good, "this is no node of Kubernetes"};
  if (report.config.accepts_variables) {
    return {Verdict::warning,
            "variables of images count on this node of Kubernetes: a pod without a limit gets all "
            "GPUs if its image says NVIDIA_VISIBLE_DEVICES=all, as CUDA images do",
            "sudoedit /etc/oci-nvidia-hook/config.toml  # the two lines of "
            "examples/kubernetes/node-config.toml; deviceListStrategy is volume-mounts or cdi-cri"};
  }
  if (!report.config.accepts_mounts) return {Verdict::good, "no variable of an image counts"};
  return {
      Verdict::note,
      "pods get GPUs by mounts below /var/run/nvidia-container-devices: whoever may use hostPath "
      "volumes can make them as the device plugin does",
      "kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=baseline"};
}

constexpr std::array kConfigChecks{
    Check{"config", "configuration", "", look_at_config},
    Check{"config-owner", "who may change it", "config", look_at_owner},
    Check{"no-cgroups", "device rules", "config", look_at_no_cgroups},
    Check{"pods", "who may ask for GPUs", "config", look_at_pods},
    Check{"driver-root", "driver root", "config", look_at_driver_root},
};

}  // namespace

std::span<const Check> config_checks() { return kConfigChecks; }

}  // namespace nvhook
