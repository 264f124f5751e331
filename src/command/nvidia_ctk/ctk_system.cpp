// SPDX-License-Identifier: Apache-2.0
// Calls what `oci-nvidia-hook create-device-nodes` calls, and makes the links that NVIDIA's makes.
#include "command/nvidia_ctk/ctk_system.hpp"

#include <fcntl.h>

#include <array>

#include "command/cdi/cdi_files.hpp"
#include "command/nvidia_ctk/dev_char_links.hpp"
#include "config/capability.hpp"
#include "host/nodes/device_nodes.hpp"
#include "os/errno_error.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::array kDeviceNodeFlags{
    CtkFlag{.names = "root driver-root",
            .summary = "the driver root; default /",
            .variables = "ROOT NVIDIA_DRIVER_ROOT DRIVER_ROOT"},
    CtkFlag{.names = "dev-root",
            .summary = "directory with the `dev` in which nodes are made; default: the driver root",
            .variables = "NVIDIA_DEV_ROOT DEV_ROOT"},
    CtkFlag{.names = "control-devices",
            .kind = FlagKind::boolean,
            .summary = "make the driver's nodes that are missing"},
    CtkFlag{.names = "load-kernel-modules",
            .kind = FlagKind::boolean,
            .summary = "load the kernel modules first"},
    CtkFlag{.names = "dry-run",
            .kind = FlagKind::boolean,
            .summary = "tell what would be done, and do nothing",
            .variables = "DRY_RUN"},
};

constexpr std::array kSymlinkFlags{
    CtkFlag{.names = "dev-char-path",
            .summary = "directory of the links; default /dev/char",
            .variables = "DEV_CHAR_PATH"},
    CtkFlag{.names = "driver-root",
            .summary = "directory with the `dev` in which the nodes are; default /",
            .variables = "NVIDIA_DRIVER_ROOT DRIVER_ROOT"},
    CtkFlag{.names = "create-all",
            .kind = FlagKind::boolean,
            .summary = "links for all nodes that there can be, not only for those that there are",
            .variables = "CREATE_ALL"},
    CtkFlag{.names = "load-kernel-modules",
            .kind = FlagKind::boolean,
            .summary = "with --create-all: load the kernel modules first",
            .variables = "LOAD_KERNEL_MODULES"},
    CtkFlag{.names = "create-device-nodes",
            .kind = FlagKind::boolean,
            .summary = "with --create-all: make missing device nodes first",
            .variables = "CREATE_DEVICE_NODES"},
    CtkFlag{.names = "dry-run",
            .kind = FlagKind::boolean,
            .summary = "tell what would be done, and do nothing",
            .variables = "DRY_RUN"},
    CtkFlag{.names = "watch",
            .kind = FlagKind::boolean,
            .summary = "refused: the udev rule makes links when nodes appear",
            .variables = "WATCH"},
};

RootDir open_named(const std::string& path, const CommandContext& context) {
  UniqueFd root = context.system.open(path, O_PATH | O_DIRECTORY);
  if (!root) {
    throw_errno(Code::driver_root_invalid, "open driver root `" + path + "`",
                "name the directory below which the driver is installed");
  }
  return RootDir(std::move(root));
}

std::string absolute(const std::string& path, const std::string& otherwise,
                     const CommandContext& context) {
  return path.empty() ? otherwise : clean_path(path_from_caller(path, context));
}

/// Throws Error(device_node_missing) with the first failure; the others are told before.
void tell(const Notes& notes, CtkLog& log) {
  const Note* failure = nullptr;
  for (const Note& note : notes) {
    if (note.level == Note::Level::info) {
      log.info(note.text);
    } else if (failure == nullptr) {
      failure = &note;
    } else {
      log.error(note.text);
    }
  }
  if (failure != nullptr) throw Error(Code::device_node_missing, failure->text);
}

/// The roots of `--root` and `--dev-root`.
struct Roots {
  std::string driver = {};
  std::string nodes = {};
};

void provide(const Roots& roots, ProvisionOptions options, CtkContext& context) {
  const RootDir driver = open_named(roots.driver, context.command);
  const RootDir nodes = open_named(roots.nodes, context.command);
  options.nodes_root = &nodes;
  tell(provide_devices({.system = context.command.system, .driver = driver},
                       {.capabilities = CapabilitySet::all()}, options),
       context.log);
}

void make_link(const DevCharLink& link, const std::string& target, const LinkDirectory& directory,
               CtkLog& log) {
  const std::string text = to_string(link.number) + " => " + target;
  switch (directory.make(link.number, target)) {
    case LinkResult::made:
      log.info("Creating link " + text);
      break;
    case LinkResult::present:
      log.debug("is there: link " + text);
      break;
    case LinkResult::occupied:
      log.warning("no link " + text + ": something else is there; remove it, and run this again");
      break;
  }
}

/// `dev` stands before the names of nodes in the links.
void make_links(const std::vector<DevCharLink>& links, const std::string& dev,
                const FlagValues& values, CtkContext& context) {
  if (values.is_on("dry-run")) {
    for (const DevCharLink& link : links) {
      context.log.info("Would create link " + to_string(link.number) + " => " + dev + link.node);
    }
    return;
  }
  if (links.empty()) return;
  const LinkDirectory directory(
      context.command.system, absolute(values.text("dev-char-path"), "/dev/char", context.command));
  for (const DevCharLink& link : links) {
    make_link(link, dev + link.node, directory, context.log);
  }
}

void warn_without_create_all(const FlagValues& values, CtkLog& log) {
  for (const char* name : {"load-kernel-modules", "create-device-nodes"}) {
    if (values.is_on(name)) log.warning(std::string("--") + name + " needs --create-all; ignored");
  }
}

}  // namespace

std::span<const CtkFlag> create_device_nodes_flags() { return kDeviceNodeFlags; }
std::span<const CtkFlag> create_dev_char_symlinks_flags() { return kSymlinkFlags; }

void run_create_device_nodes(const CtkLine& line, CtkContext& context) {
  const FlagValues& values = line.values;
  const bool makes_nodes = values.is_on("control-devices");
  const bool loads = values.is_on("load-kernel-modules");
  if (!makes_nodes && !loads) {
    context.log.warning("nothing to do: give --control-devices or --load-kernel-modules");
    return;
  }
  const std::string root = absolute(values.text("root"), "/", context.command);
  provide({.driver = root, .nodes = absolute(values.text("dev-root"), root, context.command)},
          {.load_modules = loads, .link_all = true, .only_tell = values.is_on("dry-run")}, context);
}

void run_create_dev_char_symlinks(const CtkLine& line, CtkContext& context) {
  const FlagValues& values = line.values;
  if (values.is_on("watch")) {
    throw UsageFault(
        "--watch is not needed: the udev rule of the package makes links when nodes appear; leave "
        "it out");
  }
  const bool all = values.is_on("create-all");
  const bool loads = values.is_on("load-kernel-modules");
  const std::string root = absolute(values.text("driver-root"), "/", context.command);
  if (!all) {
    warn_without_create_all(values, context.log);
  } else if (loads || values.is_on("create-device-nodes")) {
    provide({.driver = root, .nodes = root},
            {.load_modules = loads, .only_tell = values.is_on("dry-run")}, context);
  }
  const auto links = all ? possible_links(context.command.system)
                         : links_of_nodes(open_named(root, context.command));
  make_links(links, (root == "/" ? "" : root) + "/dev/", values, context);
}

}  // namespace nvhook
