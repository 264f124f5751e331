// SPDX-License-Identifier: Apache-2.0
// Checks cgroups, users, SELinux and the last failure of the hook.
#include <array>
#include <ctime>

#include "command/doctor/doctor_checks.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kAdvice = " Try: ";

std::string words(CgroupLayout layout) {
  switch (layout) {
    case CgroupLayout::none:
      return "no cgroups";
    case CgroupLayout::v1:
      return "cgroup v1";
    case CgroupLayout::v2:
      return "cgroup v2";
    case CgroupLayout::hybrid:
      return "cgroup v1 and v2 (hybrid)";
  }
  return {};
}

Seen look_at_cgroups(const HostReport& report) {
  std::string seen =
      words(report.cgroups) + (report.has_systemd ? " with systemd" : ", no systemd");
  if (report.hides_filters && report.cgroups != CgroupLayout::v1) {
    seen +=
        "; the kernel hides device filters (net.core.bpf_jit_harden = 2), so the hook makes "
        "those of runc, crun and systemd anew from config.json";
  }
  if (report.cgroups == CgroupLayout::none) {
    return {Verdict::note, seen + ": the hook has no device rules to set"};
  }
  if (report.has_systemd && !report.has_systemd_socket) {
    return {Verdict::note,
            seen +
                ", whose /run/systemd/private is not there: containers in its scopes may lose "
                "GPUs when a property of the scope is set"};
  }
  return {Verdict::good, seen};
}

Seen look_at_reload(const HostReport& report) {
  if (report.scopes_at_risk.empty()) {
    return {Verdict::good, "no container is known to lose its GPUs at systemctl daemon-reload"};
  }
  return {Verdict::warning,
          "the next systemctl daemon-reload takes the GPUs of " + some_of(report.scopes_at_risk) +
              ": systemd takes their device filter from the runtime's file, and the hook could not "
              "name its own",
          "mountpoint -q /sys/fs/bpf || sudo mount -t bpf bpf /sys/fs/bpf; "
          "sudo oci-nvidia regrant --all"};
}

Seen look_at_user(const HostReport& report) {
  if (!report.user) return {Verdict::skipped, "run it as the user who starts the containers"};
  const UserReport& user = *report.user;
  if (!user.has_subordinate_ids) {
    return {Verdict::bad, "no ids for user " + user.name + " in /etc/subuid and /etc/subgid",
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " +
                shell_word(user.name)};
  }
  if (!user.has_newuidmap) {
    return {Verdict::bad, "newuidmap is missing", "sudo apt-get install uidmap"};
  }
  if (!user.has_runtime_directory) {
    return {Verdict::warning,
            "no runtime directory (XDG_RUNTIME_DIR) of user " + user.name + ": not logged in",
            "sudo loginctl enable-linger " + shell_word(user.name)};
  }
  return {Verdict::good, "user " + user.name + " can run containers"};
}

Seen look_at_selinux(const HostReport& report) {
  if (!report.selinux) return {Verdict::good, "not there"};
  const SelinuxReport& selinux = *report.selinux;
  if (!selinux.is_enforcing) return {Verdict::good, "permissive"};
  if (selinux.allows_devices) return {Verdict::good, "enforcing, and containers may use devices"};
  if (selinux.switches.empty()) {
    return {Verdict::warning, "enforcing, with no boolean for devices in the policy",
            "podman run --security-opt label=disable …"};
  }
  return {Verdict::bad,
          "enforcing: containers may not open device nodes (" + join(selinux.switches, ", ") +
              " is off)",
          "sudo setsebool -P " + selinux.switches.front() +
              " on  # or for one container: --security-opt label=disable"};
}

Seen look_at_apparmor(const HostReport& report) {
  return {Verdict::good,
          report.has_apparmor ? "on; engines' default profiles allow device nodes" : "not there"};
}

std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr) return {};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text.data(), size};
}

Seen look_at_failure(const HostReport& report) {
  if (!report.last_failure) return {Verdict::good, "none since the host was started"};
  const LastFailure& failure = *report.last_failure;
  std::string seen = failure.time ? utc(*failure.time) + ": " : std::string();
  if (!failure.container.empty()) seen += "container " + failure.container + ": ";
  const std::size_t advice = failure.message.rfind(kAdvice);
  const bool has_advice = advice != std::string::npos;
  return {
      Verdict::warning, seen + failure.message.substr(0, advice),
      (has_advice ? failure.message.substr(advice + kAdvice.size()) + " Then: " : std::string()) +
          "sudo rm " + shell_word(failure.file)};
}

constexpr std::array kHostChecks{
    Check{"cgroup", "cgroups", "", look_at_cgroups},
    Check{"reload", "GPUs after a reload of systemd", "", look_at_reload},
    Check{"rootless", "rootless containers", "", look_at_user},
    Check{"selinux", "SELinux", "", look_at_selinux},
    Check{"apparmor", "AppArmor", "", look_at_apparmor},
    Check{"last-failure", "last failure", "", look_at_failure},
};

}  // namespace

std::span<const Check> host_checks() { return kHostChecks; }

}  // namespace nvhook
