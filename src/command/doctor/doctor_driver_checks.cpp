// SPDX-License-Identifier: Apache-2.0
// Checks GPU, kernel module and device nodes.
#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>

#include "command/doctor/doctor_checks.hpp"
#include "host/nodes/device_needs.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kMakeNodes = "sudo oci-nvidia-hook create-device-nodes";

std::string count_of(std::size_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

using Nodes = std::vector<const NodeReport*>;

Nodes nodes_that(const HostReport& report, const std::function<bool(const NodeReport&)>& hold) {
  Nodes found;
  for (const NodeReport& node : report.driver.nodes) {
    if (hold(node)) found.push_back(&node);
  }
  return found;
}

std::string paths_of(const Nodes& nodes) {
  std::vector<std::string> paths;
  for (const NodeReport* node : nodes) paths.push_back(node->path);
  return some_of(std::move(paths));
}

Seen look_at_pci(const HostReport& report) {
  const DriverReport& driver = report.driver;
  if (driver.is_wsl) return {Verdict::good, "/dev/dxg: the GPUs of the Windows host"};
  if (driver.no_dxg) return {Verdict::bad, driver.no_dxg->what, driver.no_dxg->remedy};
  if (driver.is_tegra && !driver.version) {
    return {Verdict::bad, "a Tegra system, whose integrated GPU this hook does not serve",
            "sudo nvidia-ctk cdi generate --mode=csv --output=/etc/cdi/nvidia.yaml"};
  }
  if (!driver.pci_gpus.empty()) {
    std::vector<std::string> addresses;
    for (const PciGpu& gpu : driver.pci_gpus) addresses.push_back(gpu.address);
    return {Verdict::good, count_of(addresses.size(), "NVIDIA GPU") + ": " + some_of(addresses)};
  }
  if (driver.version || driver.odd_version) {
    return {Verdict::good, "not shown here; the driver tells its GPUs"};
  }
  return {
      Verdict::bad, "no NVIDIA GPU is on the PCI bus",
      "lspci -nn -d 10de:  # empty: put the GPU in, enable it in the firmware setup, or pass it "
      "through to this virtual machine"};
}

Seen look_at_binding(const HostReport& report) {
  constexpr const char* kNoNouveau =
      "printf 'blacklist nouveau\\noptions nouveau modeset=0\\n' | sudo tee "
      "/etc/modprobe.d/blacklist-nouveau.conf && (sudo update-initramfs -u || sudo dracut --force) "
      "&& sudo reboot";
  const auto& gpus = report.driver.pci_gpus;
  std::vector<std::string> foreign;
  bool is_nouveau = false;
  for (const PciGpu& gpu : gpus) {
    if (gpu.driver.empty() || gpu.driver == "nvidia") continue;
    foreign.push_back(gpu.address + " by " + gpu.driver);
    is_nouveau = is_nouveau || gpu.driver == "nouveau" || gpu.driver == "nova_core";
  }
  if (gpus.empty()) return {Verdict::skipped, "the PCI bus is not shown here"};
  if (foreign.empty()) return {Verdict::good, "no other driver has taken a GPU"};
  const bool has_rest = foreign.size() < gpus.size();
  return {has_rest ? Verdict::warning : Verdict::bad, "taken: " + some_of(foreign),
          is_nouveau ? kNoNouveau
                     : "sudo driverctl unset-override " + gpus.front().address +
                           "  # gives the GPU back to the host, unless that is meant"};
}

Seen look_at_module(const HostReport& report) {
  const DriverReport& driver = report.driver;
  if (driver.is_wsl) return {Verdict::good, "WSL2: the driver is the Windows host's"};
  if (driver.version) return {Verdict::good, "nvidia " + *driver.version};
  if (driver.odd_version) {
    return {Verdict::bad, driver.odd_version->what, driver.odd_version->remedy};
  }
  return {
      Verdict::bad, "driver not loaded: /proc/driver/nvidia/version does not exist",
      "sudo modprobe nvidia || sudo dmesg | grep -iE 'nvrm|nvidia'  # not built for this kernel, "
      "or refused by secure boot"};
}

Seen look_at_gpus(const HostReport& report) {
  const DriverReport& driver = report.driver;
  if (driver.is_wsl) return {Verdict::good, "WSL2: only NVML knows them"};
  if (driver.gpus.empty()) {
    return {Verdict::bad,
            driver.lost_gpus.empty() ? "the kernel module serves no GPU" : driver.lost_gpus.front(),
            "sudo dmesg | grep -iE 'nvrm|xid'  # a GPU that is too old for this driver, or broken"};
  }
  if (!driver.lost_gpus.empty()) {
    return {Verdict::warning, join(driver.lost_gpus, "; "),
            "sudo dmesg | grep -i xid; sudo reboot"};
  }
  std::string what =
      count_of(driver.gpus.size(), "GPU") + ", the first is " + driver.gpus.front().model;
  for (const std::string& note : driver.gpus_left_out) what += "; " + note;
  return {Verdict::good, what};
}

/// A missing or stale node is bad, but only a warning if the hook may make it and root asks.
Seen node_fault(const HostReport& report, const std::string& what, const std::string& remedy) {
  if (report.driver.nodes_are_given) {
    return {Verdict::bad, what + "; no device can be made in this container",
            remedy + "  # on the host; then " + kGiveNodes};
  }
  const bool is_mended = report.config.load_kmods && report.driver.node_settings.modify;
  return {is_mended && !report.user ? Verdict::warning : Verdict::bad,
          what + (is_mended ? "; the hook makes it when root starts a GPU container" : ""), remedy};
}

Seen look_at_nodes(const HostReport& report) {
  if (report.driver.is_wsl) return {Verdict::good, "/dev/dxg"};
  const Nodes missing = nodes_that(report, [](const NodeReport& node) {
    return !node.is_there && node.role != DeviceRole::uvm;
  });
  if (!missing.empty()) return node_fault(report, "missing: " + paths_of(missing), kMakeNodes);
  return {Verdict::good,
          "/dev/nvidiactl and " + count_of(report.driver.nodes.size() - 1, "other node")};
}

Seen look_at_uvm(const HostReport& report) {
  if (report.driver.is_wsl) return {Verdict::good, "WSL2 has none"};
  if (!report.driver.has_uvm) {
    return node_fault(report, "the kernel module nvidia-uvm is not loaded: no CUDA",
                      "sudo modprobe nvidia-uvm && sudo oci-nvidia-hook create-device-nodes");
  }
  const Nodes missing = nodes_that(report, [](const NodeReport& node) {
    return !node.is_there && node.role == DeviceRole::uvm;
  });
  if (missing.empty()) return {Verdict::good, "nvidia-uvm is loaded and has its nodes"};
  return node_fault(report, "missing: " + paths_of(missing), kMakeNodes);
}

Seen look_at_numbers(const HostReport& report) {
  const Nodes stale = nodes_that(report, [](const NodeReport& node) {
    return node.is_stale && !node.is_empty_file;  // `leftovers` reports empty files
  });
  if (stale.empty()) return {Verdict::good, "every node is the device that the driver expects"};
  std::string remove = "sudo rm";
  for (const NodeReport* node : stale) remove += " " + node->path;
  return node_fault(report,
                    "left over from before the driver was reloaded: " + paths_of(stale) +
                        " should be device " + to_string(stale.front()->number),
                    remove + " && " + kMakeNodes);
}

Seen look_at_permissions(const HostReport& report) {
  constexpr unsigned kOthersReadAndWrite = 06;
  const auto is_for_all = [](const NodeReport& node) {
    return !node.is_there || node.role == DeviceRole::mig ||
           (node.mode & kOthersReadAndWrite) == kOthersReadAndWrite;
  };
  const Nodes closed =
      nodes_that(report, [&](const NodeReport& node) { return !is_for_all(node); });
  if (closed.empty()) return {Verdict::good, "every user may open the nodes"};
  const NodeReport& first = *closed.front();
  std::array<char, 8> mode{};
  static_cast<void>(std::snprintf(mode.data(), mode.size(), "%04o", first.mode & 07777U));
  const std::string what = first.path + " is " + mode.data() + " of user " +
                           std::to_string(first.owner) + " and group " +
                           std::to_string(first.group);
  const std::string remedy =
      "echo 'options nvidia NVreg_DeviceFileMode=0666' | sudo tee "
      "/etc/modprobe.d/nvidia-nodes.conf "
      "&& sudo chmod 0666 /dev/nvidia[0-9]* /dev/nvidiactl /dev/nvidia-uvm*";
  const bool is_denied = std::any_of(closed.begin(), closed.end(),
                                     [](const NodeReport* node) { return !node->is_usable; });
  if (report.user && is_denied) {
    return {Verdict::bad, what + ": not for user " + report.user->name, remedy};
  }
  return {Verdict::note, what + ": rootless containers of other users get no GPU", remedy};
}

/// runc before 1.1.7 and systemd before 240 look a device up by its link
/// (docs/device-permissions.md).
Seen look_at_links(const HostReport& report) {
  if (!report.has_systemd) return {Verdict::good, "not needed: systemd does not run this host"};
  const Nodes missing = nodes_that(report, [](const NodeReport& node) {
    return node.is_there && !node.is_stale && !node.is_linked;
  });
  if (missing.empty()) return {Verdict::good, "/dev/char has a link for every node"};
  std::string remedy = "sudo mkdir -p /dev/char";
  for (const NodeReport* node : missing) {
    remedy += " && sudo ln -s .." + node->path.substr(std::string("/dev").size()) + " /dev/char/" +
              to_string(node->number);
  }
  return {Verdict::warning,
          "no link in /dev/char for " + paths_of(missing) +
              ": a container that gets them by --device or CDI loses them at `systemctl "
              "daemon-reload`",
          remedy};
}

constexpr std::array kDriverChecks{
    Check{"pci", "GPU", "", look_at_pci},
    Check{"binding", "driver of the GPU", "pci", look_at_binding},
    Check{"module", "kernel module", "pci binding", look_at_module},
    Check{"gpus", "GPUs of the driver", "module", look_at_gpus},
    Check{"nodes", "device nodes", "gpus", look_at_nodes},
    Check{"uvm", "unified memory", "gpus", look_at_uvm},
    Check{"node-numbers", "numbers of the nodes", "gpus", look_at_numbers},
    Check{"node-permissions", "who may open them", "gpus", look_at_permissions},
    Check{"char-links", "/dev/char", "gpus", look_at_links},
};

}  // namespace

std::span<const Check> driver_checks() { return kDriverChecks; }

}  // namespace nvhook
