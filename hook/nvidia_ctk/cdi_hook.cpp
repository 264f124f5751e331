// SPDX-License-Identifier: Apache-2.0
// The same run as that of the hook: find the container, read facts, plan, apply. The plan is not
// for a request but for one call, and no device and no driver is asked.
#include "nvidia_ctk/cdi_hook.hpp"

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "image/own_layer.hpp"
#include "inject/apply_plan.hpp"
#include "inject/container_process.hpp"
#include "nvidia_ctk/hook_plan.hpp"
#include "nvidia_ctk/hook_probe.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "oci/container_state.hpp"
#include "os/files.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/selinux.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 1UL << 20U;
constexpr std::chrono::milliseconds kStateDeadline{10'000};

ContainerState read_state(const std::string& file, HookContext& context) {
  const auto bytes = file.empty() ? read_document(STDIN_FILENO, kMaxState, kStateDeadline)
                                  : read_host_file(file, kMaxState);
  if (!bytes) {
    throw_errno(Code::state_unreadable,
                "could not decode container state: read " +
                    (file.empty() ? std::string("standard input") : "`" + file + "`"),
                "let the OCI runtime start the hook, or pipe a container state into it");
  }
  ContainerState state = parse_state(*bytes);
  context.container_id = state.id;
  context.location = find_location(state.pid, context.system);
  return state;
}

/// The root file system, as a path of this process, and the mounts on it if config.json is
/// readable.
struct ContainerRoot {
  std::string path = {};
  std::optional<ContainerSpec> spec = {};
  std::string mount_label = {};
};

/// In a user namespace, the bundle is often out of reach. Then the working directory is it: runc
/// starts the hooks of createContainer in the root file system, which it has mounted there.
std::optional<std::string> root_by_working_directory(const HookContext& context) {
  const int here = context.caller.working_directory.get();
  if (context.location == HookLocation::outside || here < 0) return std::nullopt;
  std::string path = context.system.path_of(here);
  if (path.empty() || path == "/" || !is_mount_root(here, context.system)) return std::nullopt;
  return path;
}

ContainerRoot find_root(const ContainerState& state, HookContext& context) {
  const auto bundle = open_bundle(state.bundle, context.caller.working_directory.get());
  if (bundle) {
    ContainerSpec spec = parse_spec(bundle->text);
    std::string path = rootfs_path(spec, bundle->directory);
    std::string label;
    if (has_selinux(context.system)) label = parse_linux_spec(bundle->text).mount_label;
    return {.path = std::move(path), .spec = std::move(spec), .mount_label = std::move(label)};
  }
  const int error = errno;
  if (auto path = root_by_working_directory(context)) {
    context.log.line("config.json cannot be read: the root file system is " + *path);
    return {.path = *std::move(path)};
  }
  errno = error;
  throw_errno(Code::spec_unreadable, "could not open OCI spec: `" + state.bundle + "/config.json`",
              "check that the runtime passes a `bundle` that has a config.json");
}

bool has_steps(const Plan& plan) {
  Plan empty;
  empty.notes = plan.notes;
  return !(plan == empty);
}

ContainerProcess find_process(const ContainerState& state, const HookContext& context) {
  return context.location == HookLocation::outside ? ContainerProcess(state.pid)
                                                   : ContainerProcess::inside();
}

/// As seen by a process inside the container, the prepared directory itself is covered, too.
/// Outside, it must be compared before the namespace is entered.
std::function<bool()> covered_root(const RootDir& rootfs, const ContainerRoot& root,
                                   const ContainerProcess& process, const HookContext& context) {
  if (context.location == HookLocation::outside) {
    return [is_covered = !is_prepared_root(rootfs, root.path)] { return is_covered; };
  }
  return [&] {
    return is_covered_root(rootfs, root.spec ? &*root.spec : nullptr,
                           [&] { return process.mountinfo(); });
  };
}

}  // namespace

void run_cdi_hook(const HookCommandLine& line, HookContext& context) {
  const ContainerState state = read_state(line.state_file, context);
  context.log.line("version " OCI_NVIDIA_VERSION ", " + line.name);
  for (const std::string& option : line.without_effect) context.log.line("no effect: " + option);
  const ContainerRoot root = find_root(state, context);
  const ContainerProcess process = find_process(state, context);
  const RootDir rootfs = process.open_rootfs(root.path);
  const OwnLayer layer({.rootfs = rootfs,
                        .spec = root.spec ? &*root.spec : nullptr,
                        .is_root_covered = covered_root(rootfs, root, process, context),
                        .mountinfo = [&] { return process.mountinfo(); }});
  context.log.phase("finding container " + state.id);
  HookFacts facts =
      probe_for_hook(line.call, rootfs, layer, context.system, root.spec ? &*root.spec : nullptr);
  facts.mount_label = root.mount_label;
  const Plan plan = plan_hook(line.call, facts);
  context.log.notes(plan.notes);
  context.log.phase("planning");
  if (!has_steps(plan)) return;
  apply_confined(plan, process, rootfs, layer, context.system, context.system, context.log);
}

}  // namespace nvhook
