// SPDX-License-Identifier: Apache-2.0
// The container may have written the file since, so that it is read as any other text of a
// stranger.
#include "command/attach/search_path.hpp"

#include <fcntl.h>

#include "formats/musl_path.hpp"
#include "image/musl_probe.hpp"
#include "inject/tmpfs.hpp"
#include "os/mount_root.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxPath = 64UL << 10U;

}  // namespace

std::vector<std::string> lines_to_add(const Plan& plan, const LiveContainer& container) {
  std::vector<std::string> lines;
  if (!plan.loader_path) return lines;
  const auto existing = container.root->read(plan.loader_path->file.str(), kMaxPath);
  for (const ContainerPath& directory :
       missing_in_musl_path(existing, plan.loader_path->directories)) {
    lines.push_back(directory.str());
  }
  return lines;
}

void take_away_lines(const std::vector<std::string>& lines, const LiveContainer& container,
                     Plan& steps) {
  const RootDir& root = *container.root;
  const ContainerPath file = lines.empty() ? ContainerPath() : find_musl_path_file(root);
  const auto text = file.empty() ? std::nullopt : root.read(file.str(), kMaxPath);
  if (!text) return;
  const std::vector<ContainerPath> directories(lines.begin(), lines.end());
  std::string rest = shrink_musl_path(*text, directories);
  if (rest == *text) return;
  const UniqueFd there = root.open(file.str(), O_PATH);
  const auto mounted = there ? mounted_file(there.get(), root) : std::nullopt;
  if (!mounted) {
    steps.texts.push_back({.path = file,
                           .text = std::move(rest),
                           .reason = "without the directories of the driver's libraries"});
  } else if (is_tmpfs(there.get())) {
    steps.removals.push_back({.kind = Removal::Kind::stale, .path = file, .shown = *mounted});
  }
}

}  // namespace nvhook
