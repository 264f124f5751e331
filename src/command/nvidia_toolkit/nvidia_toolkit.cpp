// SPDX-License-Identifier: Apache-2.0
// Translates the operator's options into the task of a node; `command/node` does the work.
#include "command/nvidia_toolkit/nvidia_toolkit.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <sstream>
#include <utility>

#include "command/engines/containerd_files.hpp"
#include "command/engines/docker_config.hpp"
#include "command/engines/engine_files.hpp"
#include "command/node/node_service.hpp"
#include "command/nvidia_toolkit/toolkit_layout.hpp"
#include "command/shell/command_line.hpp"
#include "os/errno_error.hpp"
#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kHooksDirectory = "/usr/share/containers/oci/hooks.d";
constexpr const char* kSocket = "/run/containerd/containerd.sock";

/// As NVIDIA's container holds it, so that only one of both runs.
class PidFile {
 public:
  PidFile(const RootDir& root, std::string path)
      : files_(root, [](const std::string& /*path*/) {}), path_(std::move(path)) {
    const std::size_t slash = path_.rfind('/');
    const UniqueFd directory = files_.directory(path_.substr(0, slash));
    // Not a new file: whoever holds the lock holds that of this one.
    file_ = sys::open_beneath(directory.get(), path_.substr(slash + 1).c_str(),
                              O_RDWR | O_CREAT | O_NOFOLLOW, RESOLVE_BENEATH, 0644);
    if (!file_) throw_errno(Code::node_not_writable, "open `" + path_ + "`", "mount its directory");
    const bool is_locked = ::flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
    // Whoever held it before may have removed the file since it was opened.
    const UniqueFd named = root.open(path_, O_PATH | O_NOFOLLOW);
    if (!is_locked || !named || !is_same_file(named.get(), file_.get())) {
      throw Error(Code::node_taken, "`" + path_ + "` is held by another toolkit that runs",
                  "remove its pod first");
    }
    static_cast<void>(::ftruncate(file_.get(), 0) == 0 &&
                      write_all(file_.get(), std::to_string(::getpid()) + "\n"));
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  PidFile(PidFile&&) = delete;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile() {
    try {
      files_.take_away(path_);
    } catch (const std::exception& error) {
      std::cerr << "warning: " << printable(error.what()) << '\n';
    }
  }

 private:
  NodeFiles files_;
  std::string path_;
  UniqueFd file_ = UniqueFd();
};

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Returns the file that the operator's drop-in is imported by, if containerd reads it.
std::string importer_of(const std::string& drop_in, const RootDir& host) {
  for (const char* path :
       {"/etc/containerd/config.toml", "/var/lib/rancher/k3s/agent/etc/containerd/config.toml",
        "/var/lib/rancher/rke2/agent/etc/containerd/config.toml"}) {
    const auto text = read_engine_file(host, path);
    if (text && drop_in_directory({path, *text}) == parent_of(drop_in)) return path;
  }
  return {};
}

NodeEngine engine_of(const ToolkitOptions& options, const RootDir& host) {
  NodeEngine engine{.name = options.engine};
  if (options.engine == "crio") {
    engine.config = options.drop_in_on_host.empty() ? "/etc/crio/crio.conf.d/99-nvidia.conf"
                                                    : options.drop_in_on_host;
    engine.written_at = options.drop_in.empty() ? engine.config : options.drop_in;
    return engine;
  }
  engine.imports = options.drop_in_on_host.empty() || options.drop_in.empty()
                       ? std::string()
                       : importer_of(options.drop_in_on_host, host);
  if (!engine.imports.empty()) {
    engine.config = options.drop_in_on_host;
    engine.written_at = options.drop_in;
  } else {
    engine.config =
        options.engine_config.empty() ? "/etc/containerd/config.toml" : options.engine_config;
  }
  return engine;
}

NodeRestart restart_of(const ToolkitOptions& options) {
  const std::string mode = !options.restart_mode.empty() ? options.restart_mode
                           : options.engine == "crio"    ? "systemd"
                                                         : "signal";
  if (mode == "none") return {.how = NodeRestart::How::none};
  if (mode == "systemd") return {};
  if (mode != "signal") throw UsageFault("--restart-mode is signal, systemd or none");
  return {.how = NodeRestart::How::signal,
          .socket = options.socket.empty() ? kSocket : options.socket};
}

/// The specification of all nodes, for the operator's own pods; nullopt without a driver.
std::optional<std::string> specification(const ToolkitOptions& options, CommandContext& context) {
  const CommandLine line =
      parse_command_line({"cdi", "generate", "--discovery-mode", "management", "--format", "yaml",
                          "--hook", toolkit_directory(options) + "/nvidia-cdi-hook"},
                         all_commands());
  std::ostringstream text;
  CommandContext printing{.caller = context.caller,
                          .system = context.system,
                          .config_file = toolkit_settings_path(options),
                          .out = text,
                          .err = context.err};
  try {
    static_cast<void>(line.command->run(line.values, printing));
  } catch (const Error& error) {
    context.err << "warning: no specification of management.nvidia.com/gpu: " << to_line(error)
                << '\n';
    return std::nullopt;
  }
  return text.str();
}

NodeTask task_of(const ToolkitOptions& options, CommandContext& context) {
  const std::string directory = toolkit_directory(options);
  NodeTask task{.owner = kToolkitProgram,
                .directory = directory,
                .programs = toolkit_programs(options),
                .texts = {{.path = toolkit_settings_path(options),
                           .text = toolkit_settings(options),
                           .replaces = true}},
                .setup = {.runtime = true,
                          .all_modes = true,
                          .set_default = options.set_default,
                          .cdi = options.cdi,
                          .runtime_path = directory + "/" + kRuntimeProgram},
                .restart = restart_of(options)};
  if (options.engine == "crio" && options.by_hook) {
    task.texts.push_back({.path = std::string(kHooksDirectory) + "/oci-nvidia-hook.json",
                          .text = toolkit_hook_definition(options),
                          .replaces = true});
  } else {
    task.engine = engine_of(options, context.system);
  }
  if (options.cdi && !options.cdi_directory.empty()) {
    task.texts.push_back({.path = options.cdi_directory + "/management.nvidia.com-gpu.yaml",
                          .made = [&options, &context] { return specification(options, context); },
                          .replaces = true});
  }
  return task;
}

void run(const ToolkitOptions& options, const CallerContext& caller) {
  const auto own = open_root("/");
  const auto host = open_root(options.host_root);
  if (!own || !host) {
    throw_errno(Code::driver_root_invalid, "open host root `" + options.host_root + "`",
                "mount the host's root directory there, or name another with --host-root");
  }
  CommandContext context{.caller = caller, .system = *host, .out = std::cout, .err = std::cerr};
  for (const std::string& line : options.warnings) std::cerr << printable(line) << '\n';
  const PidFile pid_file(*own, options.pid_file);
  const NodeTask task = task_of(options, context);
  const NodeService service{.task = task,
                            .root = *own,
                            .state = parent_of(options.pid_file) + "/oci-nvidia-hook",
                            .ready_file = parent_of(options.pid_file) + "/toolkit.ready",
                            .context = context};
  static_cast<void>(options.no_daemon ? install_node(service) : serve_node(service));
}

}  // namespace

int run_nvidia_toolkit(const std::vector<std::string>& arguments, const CtkEnvironment& environment,
                       const CallerContext& caller) {
  try {
    const ToolkitOptions options = parse_toolkit_options(arguments, environment);
    if (options.help) {
      std::cout << toolkit_help();
    } else {
      run(options, caller);
    }
    return 0;
  } catch (const UsageFault& fault) {
    std::cerr << kToolkitProgram << ": " << printable(fault.what()) << ". Try: " << kToolkitProgram
              << " --help\n";
  } catch (const Error& error) {
    std::cerr << kToolkitProgram << ": " << to_line(error) << '\n';
  }
  return 1;
}

}  // namespace nvhook
