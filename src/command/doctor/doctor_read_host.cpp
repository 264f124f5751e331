// SPDX-License-Identifier: Apache-2.0
// Reads the hook's configuration files, cgroups, users, SELinux, AppArmor and the last failure.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "command/doctor/doctor_checks.hpp"
#include "command/doctor/doctor_read.hpp"
#include "os/files.hpp"
#include "os/selinux.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUserDatabase = std::size_t{16} << 20U;
constexpr std::size_t kMaxFlag = 64;

/// Reads `file` over `result` and adds an entry to its report.
void overlay(const std::string& path, const UniqueFd& file, ReadConfig& result) {
  const FileStatus status = status_of(file.get());
  ConfigFileReport& report = result.report.files.emplace_back(
      ConfigFileReport{.path = path, .owner = status.owner, .mode = status.mode});
  const auto text = status.is_regular() ? read_all(file.get(), kMaxSettings) : std::nullopt;
  if (!text) {
    report.fault = {.what = path + " cannot be read", .remedy = "make it a readable file"};
    return;
  }
  try {
    ConfigResult next = parse_config(*text, path, result.config);
    report.sets_no_cgroups = next.config.no_cgroups && !result.config.no_cgroups;
    result.config = std::move(next.config);
    report.notes = std::move(next.notes);
  } catch (const Error& error) {
    report.fault = fault_of(error);
  }
}

void overlay_below(const RootDir& system, const std::string& path, ReadConfig& result) {
  const UniqueFd found = system.open(path, O_PATH);
  if (!found) return;
  const UniqueFd file = system.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (file) {
    overlay(path, file, result);
    return;
  }
  const FileStatus status = status_of(found.get());
  result.report.files.push_back(
      {.path = path,
       .owner = status.owner,
       .mode = status.mode,
       .notes = {warning("configuration " + path + " not used: " + errno_text(errno))}});
}

void overlay_named(const CommandContext& context, const std::string& path, ReadConfig& result) {
  const UniqueFd file = sys::open_beneath(context.caller.working_directory.get(), path.c_str(),
                                          O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  if (file) {
    overlay(path, file, result);
    return;
  }
  result.report.files.push_back(
      {.path = path,
       .fault = Fault{.what = "open configuration `" + path + "`: " + errno_text(errno),
                      .remedy = "name another file with --config"}});
}

/// Why the hook, which runs in `/`, cannot write a log to `path`; the rules of Log::open_file.
std::optional<Fault> log_fault(const RootDir& system, const std::string& key,
                               const std::string& path) {
  const auto fault = [&](const std::string& why, const std::string& remedy) {
    return Fault{.what = "`" + key + " = \"" + path + "\"`: no log is written: " + why,
                 .remedy = remedy};
  };
  if (path.empty() || path.starts_with("/dev/")) return std::nullopt;
  if (!path.starts_with('/')) {
    return fault("the path is relative", "name the file with its whole path in the configuration");
  }
  const std::string directory = HostPath(path).parent().str();
  if (!system.open(directory, O_PATH | O_DIRECTORY)) {
    return fault(directory + " is no directory", "sudo mkdir -p " + shell_word(directory));
  }
  const UniqueFd file = system.open(path, O_PATH | O_NOFOLLOW);
  if (!file) return std::nullopt;
  const FileStatus status = status_of(file.get());
  if (status.is_character_device()) return std::nullopt;
  if (!status.is_regular()) {
    return fault("it is no regular file", "name another file in the configuration");
  }
  if (is_system_root() && status.owner != 0) {
    return fault("it belongs to another user", "sudo rm " + shell_word(path));
  }
  return std::nullopt;
}

// ---- users

/// Returns the fields of the line of /etc/passwd for user `uid`.
std::vector<std::string_view> passwd_line(std::string_view passwd, uid_t uid) {
  for (const std::string_view line : split(passwd, '\n')) {
    auto fields = split(line, ':');
    if (fields.size() > 2 && fields[2] == std::to_string(uid)) return fields;
  }
  return {};
}

bool has_ids(const RootDir& system, const std::string& file, const UserReport& user, uid_t uid) {
  const std::string text = system.read(file, kMaxUserDatabase).value_or("");
  const auto lines = split(text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    return line.starts_with(user.name + ":") || line.starts_with(std::to_string(uid) + ":");
  });
}

std::string runtime_directory(const CallerContext& caller, uid_t uid) {
  if (caller.runtime_directory.starts_with('/')) return caller.runtime_directory;
  return "/run/user/" + std::to_string(uid);
}

UserReport read_user(const CommandContext& context, uid_t uid) {
  const RootDir& system = context.system;
  const std::string passwd = system.read("/etc/passwd", kMaxUserDatabase).value_or("");
  const auto fields = passwd_line(passwd, uid);
  UserReport user{.name = fields.empty() ? std::to_string(uid) : std::string(fields.front())};
  user.has_subordinate_ids =
      has_ids(system, "/etc/subuid", user, uid) && has_ids(system, "/etc/subgid", user, uid);
  user.has_newuidmap = !find_program(system, "newuidmap").path.empty();
  user.has_runtime_directory = is_there(system, runtime_directory(context.caller, uid));
  return user;
}

// ---- the kernel's parts

CgroupLayout read_cgroups(const RootDir& system) {
  const std::string top = "/sys/fs/cgroup/";
  if (is_there(system, top + "cgroup.controllers")) return CgroupLayout::v2;
  if (!is_there(system, top + "devices")) return CgroupLayout::none;
  const bool is_hybrid = is_there(system, top + "unified/cgroup.controllers");
  return is_hybrid ? CgroupLayout::hybrid : CgroupLayout::v1;
}

std::optional<SelinuxReport> read_selinux(const RootDir& system) {
  if (!has_selinux(system)) return std::nullopt;
  SelinuxReport report;
  const auto flag = [&](const std::string& name) {
    return system.read("/sys/fs/selinux/" + name, kMaxFlag);
  };
  report.is_enforcing = trim(flag("enforce").value_or("")) == "1";
  for (const char* name : {"container_use_xserver_devices", "container_use_devices"}) {
    // The current value, and the value after the next commit.
    const auto value = flag("booleans/" + std::string(name));
    if (!value) continue;
    report.switches.emplace_back(name);
    report.allows_devices = report.allows_devices || value->starts_with('1');
  }
  return report;
}

}  // namespace

ReadConfig read_config_files(const CommandContext& context) {
  ReadConfig result;
  const CallerContext& caller = context.caller;
  const std::string& named = context.config_file.empty() ? caller.config_file : context.config_file;
  if (!named.empty()) {
    overlay_named(context, named, result);
  } else {
    for (const std::string& directory : {std::string("/etc"), user_settings(caller)}) {
      if (directory.empty()) continue;
      for (const char* program : {"/nvidia-container-runtime", "/oci-nvidia-hook"}) {
        overlay_below(context.system, directory + program + "/config.toml", result);
      }
    }
  }
  result.report.accepts_variables = result.config.accept_envvar_when_unprivileged;
  result.report.accepts_mounts = result.config.accept_volume_mounts;
  result.report.load_kmods = result.config.load_kmods;
  result.report.driver_root = result.config.driver_root;
  result.report.log_fault =
      log_fault(context.system, "nvidia-container-cli.debug", result.config.debug_log);
  if (!result.report.log_fault) {
    result.report.log_fault = log_fault(context.system, "nvidia-container-runtime.debug",
                                        result.config.runtime_debug_log);
  }
  return result;
}

/// Whether a kubelet has its directory here: the usual one, which k3s and RKE2 use, too, or that of
/// k0s or microk8s.
bool has_kubelet(const RootDir& system) {
  constexpr std::array kDirectories{"/var/lib/kubelet", "/var/lib/k0s/kubelet",
                                    "/var/snap/microk8s/common/var/lib/kubelet"};
  return std::any_of(kDirectories.begin(), kDirectories.end(),
                     [&](const char* directory) { return is_there(system, directory); });
}

void read_surroundings(const CommandContext& context, HostReport& report) {
  const RootDir& system = context.system;
  report.cgroups = read_cgroups(system);
  report.hides_filters =
      trim(system.read("/proc/sys/net/core/bpf_jit_harden", kMaxFlag).value_or("")) == "2";
  report.has_kubelet = has_kubelet(system);
  report.has_systemd = is_there(system, "/run/systemd/system");
  report.has_systemd_socket = is_there(system, "/run/systemd/private");
  report.scopes_at_risk = read_scopes_at_risk(system);
  report.selinux = read_selinux(system);
  report.has_apparmor =
      trim(system.read("/sys/module/apparmor/parameters/enabled", kMaxFlag).value_or("")) == "Y";
  std::string run = "/run";
  if (!is_system_root()) {
    const uid_t uid = outer_uid().value_or(::getuid());
    report.user = read_user(context, uid);
    run = runtime_directory(context.caller, uid);
  }
  const std::string file = run + "/oci-nvidia-hook/last-failure";
  if (const auto text = system.read(file, kMaxSettings)) {
    report.last_failure = parse_last_failure(*text);
    if (report.last_failure) report.last_failure->file = file;
  }
}

}  // namespace nvhook
