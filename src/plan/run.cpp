// SPDX-License-Identifier: Apache-2.0
// Calls the stages in their order; looks at the container only for what decides the placement.
#include "plan/run.hpp"

#include <fcntl.h>

#include <utility>

#include "image/container_probe.hpp"
#include "image/cuda_compat.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/selinux.hpp"
#include "plan/node_access.hpp"
#include "plan/placement.hpp"
#include "plan/planner.hpp"
#include "plan/spec_edit.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

bool is_there(const RootDir& rootfs, const BindMount& mount) {
  const UniqueFd found = rootfs.open(mount.target.str(), O_PATH);
  return found && status_of(found.get()).is_directory() == (mount.type == SourceType::directory);
}

/// Whether an earlier run of the hook mounted its tmpfs at `directory`.
bool is_ours(const RootDir& rootfs, const ContainerPath& directory) {
  constexpr std::size_t kMaxMark = 4096;
  const UniqueFd opened = rootfs.open(directory.str(), O_PATH | O_DIRECTORY);
  return opened && is_mount_root(opened.get(), rootfs) &&
         rootfs.read((directory / kPrivateMark).str(), kMaxMark) == kPrivateMarkText;
}

std::optional<ContainerPath> find_private_directory(const ImageView& image) {
  const RootDir& rootfs = *image.rootfs;
  for (const ContainerPath& directory : private_directories()) {
    if (is_ours(rootfs, directory)) return directory;
  }
  for (const ContainerPath& directory : private_directories()) {
    if (image.obstacle_at && image.obstacle_at(directory)) continue;
    if (rootfs.open(directory.str(), O_PATH) && !rootfs.is_empty_directory(directory.str())) {
      continue;
    }
    return directory;
  }
  return std::nullopt;
}

void add_present(PlacementFacts& facts, const Plan& plan, const RootDir& rootfs,
                 Placement placement) {
  const auto matters = [&](const ContainerPath& path) {
    return placement != Placement::standard || facts.closed.contains(path.parent());
  };
  for (const BindMount& mount : plan.mounts) {
    if (is_movable(mount, plan) && matters(mount.target) && is_there(rootfs, mount)) {
      facts.present.insert(mount.target);
    }
  }
  for (const Symlink& symlink : plan.symlinks) {
    if (matters(symlink.link) && rootfs.read_link(symlink.link.str()) == symlink.target) {
      facts.present.insert(symlink.link);
    }
  }
}

/// An unusable directory is not an error here, because the steps that need it may be optional:
/// whoever makes something in it reports the error.
std::optional<std::string> obstacle_of(const ContainerPath& directory, const ImageView& image) {
  try {
    return image.obstacle_at(directory);
  } catch (const Error& error) {
    if (error.code() != Code::target_unusable) throw;
    return std::nullopt;
  }
}

/// Finds out what decides where the steps of `plan` go, and looks at nothing else.
PlacementFacts look_at_places(const Plan& plan, const ImageView& image, Placement placement) {
  PlacementFacts facts;
  if (image.obstacle_at) {
    for (const ContainerPath& directory : directories_of(plan)) {
      if (auto why = obstacle_of(directory, image)) facts.closed[directory] = *std::move(why);
    }
  }
  if (facts.closed.empty() && placement == Placement::standard) return facts;
  if (image.rootfs != nullptr) add_present(facts, plan, *image.rootfs, placement);
  if (!needs_private_directory(plan, facts, placement)) return facts;
  facts.private_directory =
      image.rootfs == nullptr ? private_directories().front() : find_private_directory(image);
  return facts;
}

}  // namespace

Planned plan_container(const ContainerTask& task, const ImageView& image,
                       const RunContext& context) {
  const Request& request = task.request.request.value();
  const Config& config = context.config;
  if (request.free_gpus != 0) {
    throw Error(Code::invalid_request, "`any`: free GPUs are chosen when a container starts",
                "name GPUs by index, UUID or PCI address");
  }
  Planned planned{.host = read_host(request, config, context.system, context.log, context.cache)};
  ContainerFacts facts = empty_image();
  if (image.rootfs != nullptr) {
    facts = probe_container(*image.rootfs, image_query(request, planned.host.inventory, config));
  }
  if (has_selinux(context.system)) facts.mount_label = task.linux_spec.mount_label;
  planned.plan = make_plan(request, planned.host.inventory, facts, config);
  const PlacementFacts places = look_at_places(planned.plan, image, config.placement);
  planned.plan = place(std::move(planned.plan), places, config.placement);
  context.log.notes(planned.plan.notes);
  context.log.phase("planning");
  return planned;
}

Plan share_of(Role role, const ContainerTask& task, Plan plan, const RunContext& context) {
  const Notes notes = access_notes(plan, task.config_json);
  context.log.notes(notes);
  plan.notes.insert(plan.notes.end(), notes.begin(), notes.end());
  if (role != Role::completing_hook) return plan;
  if (task.is_within_rules) {
    const auto logged = static_cast<std::ptrdiff_t>(plan.notes.size());
    plan = plan_within_rules(std::move(plan), task.config_json);
    context.log.notes({plan.notes.begin() + logged, plan.notes.end()});
  }
  return remaining_plan(std::move(plan), task.config_json, context.config.driver_root);
}

}  // namespace nvhook
