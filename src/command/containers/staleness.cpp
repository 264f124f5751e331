// SPDX-License-Identifier: Apache-2.0
// Compares what a container has of the driver with the host's driver, part by part.
#include "command/containers/staleness.hpp"

#include <algorithm>

#include "cgroup/systemd/pinned_filter.hpp"
#include "os/device_number.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using enum Finding::Level;

constexpr const char* kRestart = "restart the container";
constexpr const char* kAllIsGood = "up to date with the driver of the host";
constexpr std::size_t kShownNames = 3;

/// Returns for example `libcuda.so.1, …` and how many more.
std::string some_of(const std::vector<std::string>& names) {
  std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kShownNames)));
  const std::size_t more = names.size() - shown.size();
  return join(shown, ", ") + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

class Judge {
 public:
  Judge(const ContainerDriver& driver, const DeviceAccess& access, const Today& today)
      : driver_(driver), access_(access), today_(today) {}

  std::vector<Finding> findings() {
    if (today_.failure) add(bad, "the host now: " + to_line(*today_.failure), "");
    const bool has_anything = !driver_.files.empty() || !driver_.nodes.empty();
    if (has_anything) {
      judge_files();
      judge_nodes();
      judge_loader();
      judge_access();
    }
    judge_missing(has_anything);
    if (findings_.empty()) add(good, has_anything ? kAllIsGood : why_nothing_is_there(), "");
    return std::move(findings_);
  }

 private:
  void add(Finding::Level level, std::string text, std::string remedy) {
    findings_.push_back({.level = level, .text = std::move(text), .remedy = std::move(remedy)});
  }

  [[nodiscard]] std::string why_nothing_is_there() const {
    return "nothing of the driver is in it" +
           (today_.no_request.empty() ? ", and it does not ask for it" : ": " + today_.no_request);
  }

  void judge_files() {
    std::vector<std::string> deleted;
    std::vector<std::string> of_other_version;
    for (const MountedFile& file : driver_.files) {
      if (why_stale(file, today_.inventory).empty()) continue;
      (file.is_deleted ? deleted : of_other_version).push_back(file.target);
    }
    files_are_stale_ = !deleted.empty() || !of_other_version.empty();
    if (!deleted.empty()) {
      add(warning,
          std::to_string(deleted.size()) +
              " files were removed or replaced on the host since it started: " + some_of(deleted),
          how_to_refresh());
    }
    if (!of_other_version.empty()) {
      add(warning,
          std::to_string(of_other_version.size()) + " files are not of the driver " +
              today_.inventory->driver.str() +
              " that the host has today: " + some_of(of_other_version),
          how_to_refresh());
    }
  }

  void judge_nodes() {
    for (const ContainerNode& node : driver_.nodes) {
      const std::string why = why_stale(node, today_.inventory);
      if (!why.empty()) add(warning, node.path + " " + why, how_to_refresh());
    }
    if (today_.inventory == nullptr) return;
    for (const std::string& pci : driver_.gpus) {
      const auto& gpus = today_.inventory->gpus;
      const bool is_known =
          std::any_of(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.pci == pci; });
      if (!is_known) add(warning, "the host has no GPU at " + pci + " any more", how_to_refresh());
    }
  }

  void judge_loader() {
    if (!driver_.dangling_links.empty()) {
      add(warning, "links that lead nowhere: " + some_of(driver_.dangling_links), how_to_refresh());
    }
    if (!driver_.missing_cached.empty()) {
      add(warning,
          "its loader cache names libraries that are not there: " + some_of(driver_.missing_cached),
          how_to_refresh());
    }
  }

  void judge_access() {
    std::vector<std::string> denied;
    for (const ContainerNode& node : driver_.nodes) {
      if (has(access_.denied, node.number) && was_given(node.number)) denied.push_back(node.path);
    }
    if (denied.empty()) {
      judge_filter_file();
      return;
    }
    add(bad,
        "its device cgroup does not let it use " + some_of(denied) +
            ": the permission was taken away after the start (systemctl daemon-reload, an update "
            "of the container)",
        how_to_grant_again());
  }

  [[nodiscard]] std::string how_to_refresh() const {
    if (today_.inventory == nullptr || today_.container.empty()) return kRestart;
    return "sudo oci-nvidia refresh " + today_.container + ", or restart it";
  }

  [[nodiscard]] std::string how_to_grant_again() const {
    if (today_.plan == nullptr || today_.container.empty()) return kRestart;
    return "sudo oci-nvidia regrant " + today_.container;
  }

  void judge_filter_file() {
    const std::string& file = access_.filter_file;
    if (!today_.by_hook || file.empty() || file.starts_with(kPinDirectory)) return;
    add(warning,
        "the next systemctl daemon-reload takes its GPUs: systemd then attaches the device "
        "filter " +
            file + ", which the hook could not replace",
        "mount bpffs on /sys/fs/bpf, and " + how_to_grant_again());
  }

  static bool has(const std::vector<DeviceNumber>& devices, DeviceNumber number) {
    return std::find(devices.begin(), devices.end(), number) != devices.end();
  }

  /// A container can have nodes that it may not use: MIG administration mounts a whole directory.
  [[nodiscard]] bool was_given(DeviceNumber number) const {
    if (today_.plan == nullptr || today_.plan->device_rules.empty()) return true;  // by others
    return has(devices_of(today_.plan->device_rules), number);
  }

  /// A new driver has new file names, so nearly all files are missing if the container has an old
  /// one; that has been reported already.
  void judge_missing(bool has_anything) {
    if (today_.plan == nullptr) return;
    if (!has_anything) {
      add(bad, "it asks for the driver, and has nothing of it: " + today_.missing.cause,
          today_.missing.remedy);
      return;
    }
    std::vector<std::string> missing = driver_.missing;
    if (files_are_stale_) {
      std::erase_if(missing, [](const std::string& path) { return !path.starts_with("/dev/"); });
    }
    if (missing.empty()) return;
    add(warning, "it would get now, and does not have: " + some_of(missing), how_to_refresh());
  }

  const ContainerDriver& driver_;
  const DeviceAccess& access_;
  const Today& today_;
  std::vector<Finding> findings_ = {};
  bool files_are_stale_ = false;
};

}  // namespace

std::string why_stale(const MountedFile& file, const Inventory* today) {
  if (file.is_deleted) return "removed or replaced on the host";
  if (today == nullptr || file.version.empty() || today->is_wsl) return {};
  return file.version == today->driver.str() ? "" : "not of driver " + today->driver.str();
}

std::string why_stale(const ContainerNode& node, const Inventory* today) {
  if (today == nullptr) return {};
  const auto found =
      std::find_if(today->nodes.begin(), today->nodes.end(),
                   [&](const DeviceNode& other) { return other.file.path.str() == node.path; });
  if (found == today->nodes.end()) {
    // Nodes in /dev/dri may belong to other vendors, and IMEX channels are not part of this
    // request.
    const bool is_ours = node.path.starts_with("/dev/nvidia") &&
                         !node.path.starts_with("/dev/nvidia-caps-imex-channels/");
    if (!is_ours) return {};
    return "is " + to_rule(node.number) + ", and the host has no such device any more";
  }
  if (found->number == node.number) return {};
  return "is " + to_rule(node.number) + "; on the host that device is " + to_rule(found->number) +
         " now";
}

std::vector<Finding> judge(const ContainerDriver& driver, const DeviceAccess& access,
                           const Today& today) {
  return Judge(driver, access, today).findings();
}

}  // namespace nvhook
