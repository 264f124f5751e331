// SPDX-License-Identifier: Apache-2.0
// Reads the options into a task, carries it out, waits, and takes it back.
#include "command/node/node.hpp"

#include <fcntl.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <optional>
#include <ostream>

#include "command/engines/docker_config.hpp"
#include "command/engines/engine_config.hpp"
#include "command/node/node_service.hpp"
#include "config/config.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kSettings = "/etc/oci-nvidia-hook/config.toml";
constexpr const char* kState = "/var/lib/oci-nvidia-hook";
constexpr const char* kReadyFile = "/run/oci-nvidia-node/ready";
constexpr std::size_t kMaxSettings = 1UL << 20U;

/// A pod gets what was assigned to it, whatever its image says.
constexpr const char* kSafeSettings =
    "# Written by `oci-nvidia node`, which removes it again. A pod gets the GPUs that a device "
    "plugin\n"
    "# assigns to it by volume mounts or CDI, and no image can ask for others.\n"
    "accept-nvidia-visible-devices-envvar-when-unprivileged = false\n"
    "accept-nvidia-visible-devices-as-volume-mounts = true\n";

std::string text_of(const OptionValues& values, const char* name) {
  return values.count(name) == 0 ? std::string() : values[name].as<std::string>();
}

std::string absolute_path(const OptionValues& values, const char* name) {
  std::string path = text_of(values, name);
  if (path.empty()) return path;
  std::string clean = clean_path(path);
  if (path.starts_with('/') && clean != "/" && clean.find("/..") == std::string::npos) return clean;
  throw UsageFault(std::string("--") + name + " takes an absolute path, not `" + path + "`");
}

/// The hook's configuration for the node, which must be one that the hook takes.
std::string settings(const CommandContext& context) {
  if (context.config_file.empty()) return kSafeSettings;
  const UniqueFd file =
      sys::open_beneath(context.caller.working_directory.get(), context.config_file.c_str(),
                        O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  auto text = file ? read_all(file.get(), kMaxSettings) : std::nullopt;
  if (!text) {
    throw_errno(Code::config_unreadable, "read `" + context.config_file + "`",
                "name a readable file with --config, or leave it out");
  }
  static_cast<void>(parse_config(*text, context.config_file));
  return *std::move(text);
}

NodeRestart restart_of(const OptionValues& values) {
  const auto word = values["restart"].as<std::string>();
  if (word == "systemd") return {};
  if (word == "no") return {.how = NodeRestart::How::none};
  constexpr std::string_view kSignal = "signal:";
  if (word.starts_with(kSignal) && word.substr(kSignal.size()).starts_with('/')) {
    return {.how = NodeRestart::How::signal, .socket = word.substr(kSignal.size())};
  }
  throw UsageFault("--restart is systemd, signal:SOCKET or no, not `" + word + "`");
}

NodeTask task_of(const OptionValues& values, const CommandContext& context) {
  NodeTask task{.owner = values["owner"].as<std::string>(),
                .directory = absolute_path(values, "directory"),
                .programs = usual_programs(),
                .texts = {{.path = kSettings, .text = settings(context)}},
                .restart = restart_of(values),
                .has_labels = !values["no-labels"].as<bool>(),
                .is_checked = true};
  if (task.owner.empty()) throw UsageFault("--owner must not be empty");
  task.setup = {.runtime = true,
                .set_default = values["set-default"].as<bool>(),
                .cdi = true,
                .runtime_path = task.directory + "/" + kRuntimeProgram};
  return task;
}

std::optional<NodeEngine> engine_of(const OptionValues& values, const std::string& directory,
                                    const RootDir& node) {
  const auto name = values["engine"].as<std::string>();
  const auto& names = node_engine_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw UsageFault("--engine is " + join(names, ", ") + ", not `" + name + "`");
  }
  if (name == "none") return std::nullopt;
  return find_node_engine(name, absolute_path(values, "config-file"), directory, node);
}

Outcome tell_whether_ready(CommandContext& context) {
  const auto own = open_root("/");
  if (own && own->open(kReadyFile, O_PATH)) return Outcome::good;
  context.err << "the node is not set up yet\n";
  return Outcome::broken;
}

}  // namespace

void add_node_options(po::options_description& options) {
  options.add_options()("owner",
                        po::value<std::string>()->value_name("NAME")->default_value("by-hand"),
                        "whose installer this is: namespace/name of its DaemonSet")(
      "directory", po::value<std::string>()->value_name("DIR")->default_value(kNodePrograms),
      "where the programs go on the node")(
      "engine", po::value<std::string>()->value_name("NAME")->default_value("auto"),
      "containerd, crio, k3s, rke2, microk8s; none: only put the programs there")(
      "config-file", po::value<std::string>()->value_name("FILE"),
      "edit this file of the engine in place of its own")(
      "set-default", po::bool_switch(), "make `nvidia` the runtime of all containers")(
      "restart", po::value<std::string>()->value_name("HOW")->default_value("systemd"),
      "the engine, if it has to be: systemd; signal:SOCKET, to its process; no, only tell")(
      "no-labels", po::bool_switch(), "write no labels for Node Feature Discovery")(
      "once", po::bool_switch(), "set the node up and end")(
      "remove", po::bool_switch(), "take back what is left of an installer that is gone, and end")(
      "is-ready", po::bool_switch(), "only tell whether the installer of this container is done");
}

Outcome run_node(const OptionValues& values, CommandContext& context) {
  if (values["is-ready"].as<bool>()) return tell_whether_ready(context);
  NodeTask task = task_of(values, context);
  const NodeService service{.task = task,
                            .root = context.system,
                            .state = kState,
                            .ready_file = kReadyFile,
                            .context = context};
  if (values["remove"].as<bool>()) return remove_node(service);
  task.engine = engine_of(values, task.directory, context.system);
  return values["once"].as<bool>() ? install_node(service) : serve_node(service);
}

}  // namespace nvhook
