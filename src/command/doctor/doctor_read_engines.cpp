// SPDX-License-Identifier: Apache-2.0
// Reads which container engines are installed, and their configuration.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include "command/doctor/doctor_read.hpp"
#include "command/engines/containerd_files.hpp"
#include "command/engines/crio_config.hpp"
#include "command/engines/engine_config.hpp"
#include "command/engines/hooks_dir_config.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

const std::string kSharedHooks = "/usr/share/containers/oci/hooks.d";
using Parse = std::function<EngineConfig(std::string_view text, std::string_view filename)>;

/// Merges the existing files among `paths`, later ones over earlier ones; a path that ends in `/`
/// is a directory whose files with `ending` are read. A file that cannot be parsed is skipped and
/// becomes the report's fault.
EngineConfig read_settings(const RootDir& system, const std::vector<std::string>& paths,
                           const std::string& ending, const Parse& parse, EngineReport& report) {
  EngineConfig config;
  const auto read_one = [&](const std::string& path) {
    const auto text = system.read(path, kMaxSettings);
    if (!text) return;
    try {
      config = overlaid(std::move(config), parse(*text, path));
    } catch (const Error& error) {
      if (!report.config_fault) {
        report.config_fault = {.what = error.what(), .remedy = "sudoedit " + path};
      }
    }
  };
  for (const std::string& path : paths) {
    if (!path.ends_with('/')) {
      read_one(path);
      continue;
    }
    for (const std::string& name :
         system.list(path, [&](std::string_view file) { return file.ends_with(ending); })) {
      read_one(path + name);
    }
  }
  return config;
}

/// Adds the runtimes that are for GPUs.
void add_runtimes(const RootDir& system, const EngineConfig& config, const std::string& search_path,
                  EngineReport& report) {
  for (const RuntimeEntry& entry : config.runtimes) {
    const std::string file = entry.command.substr(entry.command.rfind('/') + 1);
    if (entry.name != "nvidia" && file.find("nvidia") == std::string::npos) continue;
    report.runtimes.push_back({.name = entry.name,
                               .command = entry.command,
                               .program = entry.command.starts_with('/')
                                              ? program_at(system, entry.command)
                                              : find_program(system, entry.command, search_path)});
  }
}

// ---- Docker

std::string line_after(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with(key)) return std::string(trim(line.substr(key.size())));
  }
  return {};
}

/// Returns whether the process belongs to the host: its user is root or the caller, and it is not
/// in a PID namespace below this procfs's one, where a container can name its processes as it
/// likes.
bool is_of_host(const RootDir& system, const std::string& directory) {
  const UniqueFd process = system.open(directory, O_PATH | O_DIRECTORY);
  if (!process) return false;
  const unsigned owner = status_of(process.get()).owner;
  if (owner != 0 && owner != ::getuid()) return false;
  const std::string status = system.read(directory + "/status", kMaxSettings).value_or("");
  const std::string numbers = line_after(status, "NSpid:");
  return numbers.find_first_of(" \t") == std::string::npos;
}

/// Returns the start time in seconds since 1970: field 22 of /proc/<pid>/stat counts ticks since
/// boot (proc(5)).
std::optional<std::int64_t> start_of(const RootDir& system, const std::string& directory) {
  constexpr std::size_t kField =
      22 - 3;  // counted after the name in brackets, which may contain blanks
  const std::string stat = system.read(directory + "/stat", kMaxSettings).value_or("");
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  const auto fields = split_list(std::string_view(stat).substr(name_end + 1), ' ');
  const auto ticks = fields.size() > kField ? parse_unsigned(fields[kField]) : std::nullopt;
  const auto boot =
      parse_unsigned(line_after(system.read("/proc/stat", kMaxSettings).value_or(""), "btime"));
  const long per_second = ::sysconf(_SC_CLK_TCK);
  if (!ticks || !boot || per_second <= 0) return std::nullopt;
  return static_cast<std::int64_t>(*boot + *ticks / static_cast<std::uint64_t>(per_second));
}

std::optional<DaemonReport> find_dockerd(const RootDir& system) {
  const auto is_number = [](std::string_view name) { return parse_unsigned(name).has_value(); };
  for (const std::string& pid : system.list("/proc", is_number)) {
    const std::string directory = "/proc/" + pid;
    if (trim(system.read(directory + "/comm", kMaxSettings).value_or("")) != "dockerd" ||
        !is_of_host(system, directory)) {
      continue;
    }
    DaemonReport daemon{.started = start_of(system, directory)};
    daemon.is_snap = system.read_link(directory + "/exe").value_or("").starts_with("/snap/");
    if (const auto environment = system.read(directory + "/environ", kMaxSettings)) {
      daemon.search_path.emplace();
      for (const std::string_view variable : split(*environment, '\0')) {
        if (variable.starts_with("PATH=")) daemon.search_path = variable.substr(5);
      }
    }
    return daemon;
  }
  return std::nullopt;
}

EngineReport read_docker(const RootDir& system, const std::string& own) {
  EngineReport report{.name = "docker", .program = find_program(system, "dockerd").path};
  report.daemon = find_dockerd(system);
  if (report.daemon && report.program.empty()) report.program = "dockerd";
  const std::string search_path =
      report.daemon ? report.daemon->search_path.value_or(kSystemPath) : kSystemPath;
  std::vector<std::string> files{"/etc/docker/daemon.json"};
  if (!own.empty()) files.push_back(own + "/docker/daemon.json");
  const EngineConfig config = read_settings(system, files, {}, parse_daemon_json, report);
  add_runtimes(system, config, search_path, report);
  report.hook = find_program(system, "nvidia-container-runtime-hook", search_path);
  report.cdi_hook = find_program(system, "nvidia-cdi-hook", search_path);
  report.cdi = config.cdi;
  report.cdi_directories = config.cdi_directories.value_or(std::vector<std::string>{});
  return report;
}

// ---- the others

/// Looks for a definition of ours in the administrator's directory, which Podman reads only if its
/// configuration says so.
void look_at_own_hooks(const RootDir& system, EngineReport& report) {
  const auto& read = report.hook_directories;
  if (std::find(read.begin(), read.end(), kOwnHooksDir) != read.end()) return;
  for (const HookDirectory& directory : read_hook_directories(system, {kOwnHooksDir})) {
    for (const HookDefinition& definition : directory.definitions) {
      if (!definition.is_gpu_hook() || report.config_warning) continue;
      report.config_warning = {.what = "Podman does not read " + definition.file +
                                       ": hooks_dir in containers.conf does not name its directory",
                               .remedy = "sudo oci-nvidia setup podman"};
    }
  }
}

EngineReport read_podman(const RootDir& system, const std::string& own) {
  EngineReport report{.name = "podman", .program = find_program(system, "podman").path};
  std::vector<std::string> files{"/usr/share/containers/containers.conf",
                                 "/etc/containers/containers.conf",
                                 "/etc/containers/containers.conf.d/"};
  if (!own.empty()) {
    files.push_back(own + "/containers/containers.conf");
    files.push_back(own + "/containers/containers.conf.d/");
  }
  const EngineConfig config = read_settings(system, files, ".conf", parse_containers_conf, report);
  report.hook_directories = config.hook_directories.value_or(std::vector{kSharedHooks});
  report.cdi_directories = config.cdi_directories.value_or(std::vector<std::string>{});
  look_at_own_hooks(system, report);
  add_runtimes(system, config, kSystemPath, report);
  return report;
}

EngineReport read_crio(const RootDir& system) {
  EngineReport report{.name = "crio", .program = find_program(system, "crio").path};
  std::vector<NamedText> files;
  const auto parse = [&](std::string_view text, std::string_view path) {
    EngineConfig config = parse_crio_conf(text, path);
    files.push_back({std::string(path), std::string(text)});
    return config;
  };
  const EngineConfig config = read_settings(
      system, {"/etc/crio/crio.conf", "/etc/crio/crio.conf.d/"}, ".conf", parse, report);
  report.hook_directories = config.hook_directories.value_or(std::vector{kSharedHooks});
  report.cdi_directories = config.cdi_directories.value_or(std::vector<std::string>{});
  add_runtimes(system, config, kSystemPath, report);
  for (const EngineRuntime& runtime : report.runtimes) {
    const bool is_lacking =
        needs_conmon_on_path(files, runtime.name) && find_program(system, "conmon").path.empty();
    if (!is_lacking || report.config_fault) continue;
    report.config_fault = {
        .what = "the runtime " + runtime.name +
                " has no monitor_path, and conmon is not on PATH: CRI-O does not start",
        .remedy = "sudo oci-nvidia setup crio --runtime --restart"};
  }
  return report;
}

/// Returns whether the config.json at `path`, a base specification, has a GPU hook.
bool has_gpu_hook(const RootDir& system, const std::string& path) {
  try {
    const Json spec = parse_json_object(system.read(path, kMaxSettings).value_or(""), path);
    const auto hooks = spec.find("hooks");
    if (hooks == spec.end() || !hooks->is_object()) return false;
    for (const Json& stage : *hooks) {
      for (const Json& hook : stage) {
        if (!hook.is_object() || !hook.contains("path") || !hook["path"].is_string()) continue;
        const HookDefinition definition{.program_path = hook["path"].get<std::string>()};
        if (definition.is_gpu_hook()) return true;
      }
    }
  } catch (const Error&) {
    return false;  // containerd itself reports such a file
  }
  return false;
}

/// Makes config.toml one of the newest version, which no drop-in file exceeds.
constexpr const char* kMigrate =
    "sudo sh -c 'cd /etc/containerd && containerd config migrate >config.toml.new && "
    "mv config.toml.new config.toml'";
constexpr const char* kAddImport =
    "sudoedit /etc/containerd/config.toml  # add /etc/containerd/conf.d/*.toml to imports";
constexpr const char* kImport =
    "sudo sed -i \"1i imports = ['/etc/containerd/conf.d/*.toml']\" /etc/containerd/config.toml";
constexpr const char* kRestart = " && sudo systemctl restart containerd";

/// Looks at drop-in files of containerd with which it does not start, or which it does not read.
void look_at_drop_ins(const RootDir& system, const std::vector<NamedText>& files,
                      EngineReport& report) {
  if (files.empty() || report.config_fault) return;
  if (const auto conflict = version_conflict(files)) {
    report.config_fault = {.what = *conflict, .remedy = std::string(kMigrate) + kRestart};
    return;
  }
  const std::vector<std::string> unread = unread_drop_ins(system, files);
  if (unread.empty()) return;
  std::vector<NamedText> all = files;
  for (const std::string& path : unread) {
    all.push_back({path, system.read(path, kMaxSettings).value_or("")});
  }
  const bool has_imports = ("\n" + files.front().text).find("\nimports") != std::string::npos;
  report.config_warning = {.what = "containerd does not read " + join(unread, ", ") +
                                   ": no `imports` in " + files.front().path + " names it",
                           .remedy = version_conflict(all)
                                         ? std::string(kMigrate) + " && " + kAddImport
                                     : has_imports ? kAddImport
                                                   : std::string(kImport) + kRestart};
}

EngineReport read_containerd(const RootDir& system) {
  const std::string directory = "/etc/containerd/";
  EngineReport report{.name = "containerd", .program = find_program(system, "containerd").path};
  std::vector<NamedText> files;
  if (auto text = system.read(directory + "config.toml", kMaxSettings)) {
    files = with_imports(system, {directory + "config.toml", *std::move(text)});
  }
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const NamedText& file : files) paths.push_back(file.path);
  const EngineConfig config = read_settings(system, paths, {}, parse_containerd_config, report);
  look_at_drop_ins(system, files, report);
  add_runtimes(system, config, kSystemPath, report);
  report.cdi_directories = config.cdi_directories.value_or(std::vector<std::string>{});
  for (const std::string& base : config.base_specs) {
    const std::string path = base.starts_with('/') ? base : directory + base;
    if (has_gpu_hook(system, path)) report.other_way = "base_runtime_spec " + path;
  }
  const auto injectors = system.list("/opt/nri/plugins", [](std::string_view name) {
    return name.find("hook-injector") != std::string_view::npos;
  });
  if (!injectors.empty()) report.hook_directories = {kSharedHooks};
  return report;
}

EngineReport read_lxc(const RootDir& system) {
  const std::string hook = "/usr/share/lxc/hooks/nvidia";
  EngineReport report{.name = "lxc", .program = find_program(system, "lxc-start").path};
  const Program cli = find_program(system, "nvidia-container-cli");
  if (is_there(system, hook) && !cli.path.empty()) report.other_way = hook + " with " + cli.path;
  return report;
}

}  // namespace

void read_engines(const CommandContext& context, HostReport& report) {
  const RootDir& system = context.system;
  const std::string own = user_settings(context.caller);
  report.engines = {read_docker(system, own), read_podman(system, own), read_crio(system),
                    read_containerd(system), read_lxc(system)};
  std::vector<std::string> directories{kSharedHooks};
  for (const EngineReport& engine : report.engines) {
    for (const std::string& path : engine.hook_directories) {
      if (std::find(directories.begin(), directories.end(), path) == directories.end()) {
        directories.push_back(path);
      }
    }
  }
  report.hook_directories = read_hook_directories(system, directories);
}

}  // namespace nvhook
