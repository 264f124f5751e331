// SPDX-License-Identifier: Apache-2.0
// Most processes sleep, so that one cheap question for each must be enough.
#include "command/ps/known_processes.hpp"

#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "command/containers/process_facts.hpp"
#include "command/ps/cgroup_name.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUserDatabase = 16UL << 20U;
constexpr std::size_t kMaxUptime = 256;
constexpr double kProcessesKept = 10;
/// A runtime moves a container's process to its cgroup soon after it has started it.
constexpr unsigned kUnsettled = 3;

bool is_recent(double read, double now) { return now >= read && now - read < kProcessesKept; }

bool is_denied_now() { return errno == EACCES || errno == EPERM; }

/// Whether it can have opened and closed nothing since its descriptors were looked at.
bool is_unchanged(const KnownProcess& known, const ProcessEntry& entry,
                  std::optional<std::uint64_t> run_time, double now) {
  const KnownProcess::Freshness& fresh = known.fresh;
  const bool is_settled = fresh.inode == entry.inode && fresh.samples > kUnsettled;
  if (!is_settled || !is_recent(fresh.cgroup, now) || !is_recent(fresh.descriptors, now)) {
    return false;
  }
  const bool can_open_none = fresh.is_barred && !known.user;
  return can_open_none || (run_time && run_time == fresh.run_time);
}

}  // namespace

KnownProcesses::KnownProcesses(const RootDir& system, int proc, RunTime run_time)
    : system_(system), proc_(proc), descriptors_(proc), run_time_(std::move(run_time)) {}

void KnownProcesses::read_users() {
  passwd_ = system_.read("/etc/passwd", kMaxUserDatabase).value_or("");
}

void KnownProcesses::set_barred(pid_t pid, bool is_barred) {
  const auto known = processes_.find(pid);
  if (known != processes_.end()) known->second.fresh.is_barred = is_barred;
}

void KnownProcesses::forget_devices() {
  for (auto& [pid, known] : processes_) known.fresh.descriptors = 0;
}

Seconds KnownProcesses::time_of(std::uint64_t ticks) const {
  static const auto kPerSecond = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<Seconds>(boot_ + static_cast<double>(ticks) / kPerSecond);
}

Seconds KnownProcesses::start_of(pid_t pid) {
  std::optional<Seconds>& started = processes_.at(pid).started;
  if (started) return *started;
  const ProcessDirectory process(proc_, pid);
  const auto text = process.is_open() ? process.read("stat") : std::nullopt;
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (stat) started = time_of(stat->start_ticks);
  return started.value_or(std::numeric_limits<Seconds>::max());
}

GpuProcess KnownProcesses::describe(const ProcessDirectory& process) const {
  GpuProcess found{.pid = process.pid()};
  const auto stat = parse_stat(process.read("stat").value_or(""));
  if (!stat) return found;
  found.name = stat->name;
  found.started = time_of(stat->start_ticks);
  found.uid = parse_status_uid(process.read("status").value_or(""));
  if (found.uid) found.user = user_name(passwd_, *found.uid);
  const auto login = parse_login_uid(process.read("loginuid").value_or(""));
  if (login) found.login = user_name(passwd_, *login);
  return found;
}

/// Returns false if the process has ended, or may not be looked at (errno).
bool KnownProcesses::find_cgroup(KnownProcess& known, const DescriptorTable& table,
                                 const Look& look) const {
  const bool is_settled = known.fresh.samples > kUnsettled;
  if (!is_settled || !is_recent(known.fresh.cgroup, look.now)) {
    const auto cgroup = ProcessDirectory(proc_, table.pid).read("cgroup");
    if (!cgroup) return false;
    known.fresh.cgroup = look.now;
    if (*cgroup != known.cgroup) {
      known.cgroup = *cgroup;
      known.path = device_cgroup_path(*cgroup);
    }
  }
  if (!known.pid_namespace && look.index.find_by_cgroup(known.path).cgroup.empty()) {
    known.pid_namespace = ProcessDirectory(proc_, table.pid).pid_namespace();
  }
  known.group = known.path + '\n' + known.pid_namespace.value_or("");
  return true;
}

void KnownProcesses::use_devices(KnownProcess& known, const DescriptorTable& table, OpenNodes nodes,
                                 const Look& look) const {
  if (nodes.numbers.empty()) {
    known.user.reset();
    return;
  }
  if (!known.user || !is_recent(known.fresh.user, look.now)) {
    known.user = describe(ProcessDirectory(proc_, table.pid));
    known.fresh.user = look.now;
    const auto again = descriptors_.table_of(table.pid);
    const bool has_ended = !known.user->uid || !again || again->identity != table.identity;
    if (has_ended) {
      known.user.reset();
      return;
    }
  }
  known.user->cgroup = known.path;
  known.user->devices = look.driver.behind(nodes.numbers);
  known.user->nodes = std::move(nodes.numbers);
}

void KnownProcesses::look_at_descriptors(KnownProcess& known, const DescriptorTable& table,
                                         const Look& look) const {
  OpenNodes nodes = descriptors_.open_nodes(table, look.driver);
  known.fresh.descriptors = look.now;
  known.is_unreadable = nodes.is_denied;
  if (!nodes.is_denied) use_devices(known, table, std::move(nodes), look);
}

/// Returns false if the process does not count: it has ended, cannot have descriptors, or, with
/// errno EACCES or EPERM, may not be looked at.
bool KnownProcesses::look_at(KnownProcess& known, const ProcessEntry& entry,
                             std::optional<std::uint64_t> run_time, const Look& look) const {
  const auto table = descriptors_.table_of(entry.pid);
  if (!table) return false;
  if (known.identity != table->identity) known = {.identity = table->identity};
  ++known.fresh.samples;
  if (!find_cgroup(known, *table, look)) return false;
  const bool has_run = !run_time || run_time != known.fresh.run_time;
  if (!has_run) known.fresh.user = look.now;  // it gives itself its name and its user
  known.fresh.inode = entry.inode;
  known.fresh.run_time = run_time;
  look_at_descriptors(known, *table, look);
  if (!known.is_unreadable) return true;
  const auto stat = parse_stat(ProcessDirectory(proc_, entry.pid).read("stat").value_or(""));
  errno = 0;
  return !stat || !(stat->is_kernel_thread || stat->is_dead);
}

std::size_t KnownProcesses::look(const DriverDevices& driver, const ContainerIndex& index,
                                 double now) {
  if (boot_ == 0) boot_ = boot_time(system_.read("/proc/uptime", kMaxUptime).value_or(""), now);
  std::size_t denied = 0;
  for (auto& [pid, known] : processes_) known.fresh.is_listed = false;
  for (const ProcessEntry& entry : all_processes(proc_)) {
    KnownProcess& known = processes_[entry.pid];
    const auto run_time = run_time_(entry.pid);  // before anything else is looked at
    const bool counts = is_unchanged(known, entry, run_time, now) ||
                        look_at(known, entry, run_time, {driver, index, now});
    const bool is_denied = counts ? known.is_unreadable : is_denied_now();
    denied += is_denied ? 1U : 0U;
    known.fresh.is_listed = counts;
  }
  std::erase_if(processes_, [](const auto& one) { return !one.second.fresh.is_listed; });
  return denied;
}

}  // namespace nvhook
