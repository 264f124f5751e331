// SPDX-License-Identifier: Apache-2.0
// Lists directories of nodes in both roots; of two nodes of one name the driver root's counts.
#include "command/cdi/found_nodes.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "os/file_status.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_for_management(std::string_view name) {
  constexpr std::array<std::string_view, 3> kOthers{"nvidia-fs", "nvidia-nvswitch",
                                                    "nvidia-nvlink"};
  return name.starts_with("nvidia") &&
         std::none_of(kOthers.begin(), kOthers.end(),
                      [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_capability(std::string_view name) { return name.starts_with("nvidia-cap"); }

class NodeLister {
 public:
  NodeLister(const RootDir& driver, const RootDir& system) : driver_(driver), system_(system) {}

  template <typename Keep>
  void add(const std::string& directory, Keep keep) {
    add_below(HostRoot::driver, driver_, directory, keep);
    add_below(HostRoot::system, system_, directory, keep);
  }

  std::vector<DeviceNode> take() {
    std::vector<DeviceNode> nodes;
    for (auto& [path, node] : nodes_) nodes.push_back(std::move(node));
    return nodes;
  }

 private:
  template <typename Keep>
  void add_below(HostRoot root, const RootDir& top, const std::string& directory, Keep keep) {
    for (const std::string& name : top.list(directory, keep)) {
      const std::string path = directory + "/" + name;
      const UniqueFd opened = top.open(path, O_PATH | O_NOFOLLOW);
      if (!opened) continue;
      const FileStatus status = status_of(opened.get());
      if (!status.is_character_device()) continue;
      constexpr unsigned kPermissions = 0777;
      nodes_.try_emplace(path, DeviceNode{.file = {.root = root, .path = HostPath(path)},
                                          .number = {status.device_major, status.device_minor},
                                          .mode = status.mode & kPermissions,
                                          .owner = status.owner,
                                          .group = status.group});
    }
  }

  const RootDir& driver_;
  const RootDir& system_;
  std::map<std::string, DeviceNode> nodes_ = {};
};

}  // namespace

std::vector<DeviceNode> find_management_nodes(const RootDir& driver, const RootDir& system) {
  NodeLister lister(driver, system);
  lister.add("/dev", is_for_management);
  lister.add("/dev/nvidia-caps", is_capability);
  return lister.take();
}

std::vector<unsigned> find_imex_channels(const RootDir& driver, const RootDir& system) {
  std::set<unsigned> channels;
  for (const RootDir* root : {&driver, &system}) {
    for (const std::string& name : root->list("/dev/nvidia-caps-imex-channels")) {
      if (const auto channel = parse_numbered(name, "channel")) channels.insert(*channel);
    }
  }
  return {channels.begin(), channels.end()};
}

}  // namespace nvhook
