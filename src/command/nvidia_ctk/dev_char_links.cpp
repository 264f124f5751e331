// SPDX-License-Identifier: Apache-2.0
// Numbers of nodes that are there come from the nodes, of others from /proc.
#include "command/nvidia_ctk/dev_char_links.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "host/facts/proc_text.hpp"
#include "os/errno_error.hpp"
#include "os/read_link.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProcText = 1UL << 20U;
constexpr mode_t kDirectoryMode = 0755;
constexpr const char* kRemedy = "run it as root, outside of containers";

std::string read_text(const RootDir& root, const std::string& path) {
  return root.read(path, kMaxProcText).value_or("");
}

void add_nodes(const RootDir& root, const std::string& directory, std::vector<DevCharLink>& links) {
  const auto is_ours = [](std::string_view name) {
    return name.starts_with("nvidia") || name.starts_with("channel");
  };
  for (const std::string& name : root.list("/dev/" + directory, is_ours)) {
    const UniqueFd node = root.open("/dev/" + directory + name, O_PATH | O_NOFOLLOW);
    if (!node) continue;
    const FileStatus status = status_of(node.get());
    if (!status.is_character_device()) continue;
    links.push_back({.number = {.major = status.device_major, .minor = status.device_minor},
                     .node = directory + name});
  }
}

bool is_device(const RootDir& system, const std::string& path, DeviceNumber number) {
  const UniqueFd found = system.open(path, O_PATH);
  if (!found) return false;
  const FileStatus status = status_of(found.get());
  return status.is_character_device() &&
         DeviceNumber{.major = status.device_major, .minor = status.device_minor} == number;
}

UniqueFd open_or_make(const RootDir& system, const std::string& path) {
  UniqueFd directory = system.open(path, O_PATH | O_DIRECTORY);
  if (directory || errno != ENOENT) return directory;
  const std::size_t slash = path.rfind('/');
  const UniqueFd parent = system.open(path.substr(0, slash + 1), O_PATH | O_DIRECTORY);
  if (!parent || ::mkdirat(parent.get(), path.substr(slash + 1).c_str(), kDirectoryMode) != 0) {
    return UniqueFd();
  }
  return system.open(path, O_PATH | O_DIRECTORY);
}

}  // namespace

std::vector<DevCharLink> links_of_nodes(const RootDir& root) {
  std::vector<DevCharLink> links;
  for (const char* directory : {"", "nvidia-caps/", "nvidia-caps-imex-channels/"}) {
    add_nodes(root, directory, links);
  }
  return links;
}

std::vector<DevCharLink> possible_links(const RootDir& system) {
  const std::string devices = read_text(system, "/proc/devices");
  const unsigned major = find_driver_major(devices);
  std::vector<DevCharLink> links{{{major, kControlMinor}, "nvidiactl"},
                                 {{major, kModesetMinor}, "nvidia-modeset"}};
  const std::string gpus = "/proc/driver/nvidia/gpus/";
  for (const std::string& pci : system.list(gpus)) {
    const auto gpu = parse_gpu_information(read_text(system, gpus + pci + "/information"), pci);
    if (gpu) links.push_back({{major, gpu->minor}, "nvidia" + std::to_string(gpu->minor)});
  }
  if (const auto uvm = find_character_major(devices, "nvidia-uvm")) {
    links.push_back({{*uvm, 0}, "nvidia-uvm"});
    links.push_back({{*uvm, 1}, "nvidia-uvm-tools"});
  }
  if (const auto caps = find_character_major(devices, "nvidia-caps")) {
    const std::string minors = read_text(system, "/proc/driver/nvidia-caps/mig-minors");
    for (const MigCapability& capability : parse_mig_minors(minors)) {
      links.push_back(
          {{*caps, capability.minor}, "nvidia-caps/nvidia-cap" + std::to_string(capability.minor)});
    }
  }
  return links;
}

LinkDirectory::LinkDirectory(const RootDir& system, std::string path)
    : system_(system), path_(std::move(path)), directory_(open_or_make(system_, path_)) {
  if (!directory_) {
    throw_errno(Code::device_node_missing, "open the directory `" + path_ + "`", kRemedy);
  }
}

LinkResult LinkDirectory::make(DeviceNumber number, const std::string& target) const {
  const std::string name = to_string(number);
  if (::symlinkat(target.c_str(), directory_.get(), name.c_str()) == 0) return LinkResult::made;
  if (errno == EEXIST) {
    return leads_to(number, target) ? LinkResult::present : LinkResult::occupied;
  }
  throw_errno(Code::device_node_missing, "make link `" + path_ + "/" + name + "`", kRemedy);
}

bool LinkDirectory::leads_to(DeviceNumber number, const std::string& target) const {
  const std::string name = to_string(number);
  const auto text = read_link_at(directory_.get(), name.c_str());
  return text && (*text == target || is_device(system_, path_ + "/" + name, number));
}

}  // namespace nvhook
