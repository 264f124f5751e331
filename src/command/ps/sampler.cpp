// SPDX-License-Identifier: Apache-2.0
// Processes are grouped by cgroup, groups are joined to containers, and containers are looked at.
#include "command/ps/sampler.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "command/containers/container_cgroup.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/ps/cgroup_name.hpp"
#include "command/ps/process_facts.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUserDatabase = 16UL << 20U;
constexpr std::size_t kMaxUptime = 256;
/// A container can be given another name while it runs.
constexpr double kRecordsKept = 30;

bool is_denied_now() { return errno == EACCES || errno == EPERM; }

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return count == 1 ? "1 " + one : std::to_string(count) + " " + many;
}

void sort_by_pid(std::vector<GpuProcess>& processes) {
  std::sort(processes.begin(), processes.end(),
            [](const GpuProcess& a, const GpuProcess& b) { return a.pid < b.pid; });
}

bool comes_before(const GpuContainer& a, const GpuContainer& b) {
  const auto key = [](const GpuContainer& one) {
    return std::tie(one.record.engine, one.record.user, one.record.name, one.record.id, one.cgroup);
  };
  return key(a) < key(b);
}

}  // namespace

Sampler::Sampler(const RootDir& system, const CallerContext& caller)
    : system_(system),
      caller_(caller),
      proc_(system.open("/proc", O_RDONLY | O_DIRECTORY)),
      own_namespace_(system.read_link("/proc/self/ns/pid").value_or("")) {}

void Sampler::use(const Inventory& inventory) {
  if (inventory_ == inventory) return;
  inventory_ = inventory;
  given_.reset();
  driver_ = std::make_unique<DriverDevices>(*inventory_);
  given_ = std::make_unique<GivenDevices>(system_, *driver_);
}

void Sampler::read_records(double now) {
  SeenContainers seen = seen_containers(system_, caller_);
  index_ = ContainerIndex(seen.containers, system_);
  denied_records_ = std::move(seen.denied);
  passwd_ = system_.read("/etc/passwd", kMaxUserDatabase).value_or("");
  if (boot_ == 0) boot_ = boot_time(system_.read("/proc/uptime", kMaxUptime).value_or(""), now);
  records_read_ = now;
}

Seconds Sampler::time_of(std::uint64_t ticks) const {
  static const auto kPerSecond = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<Seconds>(boot_ + static_cast<double>(ticks) / kPerSecond);
}

Seconds Sampler::start_of(pid_t pid) const {
  const ProcessDirectory process(proc_.get(), pid);
  const auto text = process.is_open() ? process.read("stat") : std::nullopt;
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  return stat ? time_of(stat->start_ticks) : std::numeric_limits<Seconds>::max();
}

GpuProcess Sampler::describe(const ProcessDirectory& process, const Group& group,
                             ProcessDirectory::OpenNodes nodes) const {
  GpuProcess found{.pid = process.pid(),
                   .cgroup = group.path,
                   .devices = driver_->behind(nodes.numbers),
                   .nodes = std::move(nodes.numbers)};
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

Sampler::Groups Sampler::scan(Sample& sample) const {
  Groups groups;
  for (const pid_t pid : all_processes(proc_.get())) {
    const ProcessDirectory process(proc_.get(), pid);
    if (!process.is_open()) continue;
    const auto cgroup = process.read("cgroup");
    if (!cgroup) {
      sample.unreadable_processes += is_denied_now() ? 1U : 0U;
      continue;
    }
    std::string path = device_cgroup_path(*cgroup);
    std::string space;
    if (index_.find_by_cgroup(path).cgroup.empty()) space = process.pid_namespace();
    std::string key = path + '\n' + space;
    Group& group = groups[key];
    if (group.pids.empty()) {
      group.path = std::move(path);
      group.cgroup = *cgroup;
      group.pid_namespace = std::move(space);
    }
    auto nodes = process.open_nodes(*driver_);
    if (nodes.is_denied) {
      const auto stat = parse_stat(process.read("stat").value_or(""));
      if (stat && (stat->is_kernel_thread || stat->is_dead)) continue;
      ++sample.unreadable_processes;
    }
    group.pids.push_back(pid);
    if (nodes.numbers.empty()) continue;
    GpuProcess user = describe(process, group, std::move(nodes));
    if (user.uid) group.users.push_back(std::move(user));  // otherwise it has ended
  }
  return groups;
}

std::map<std::string, std::vector<Sampler::Group>> Sampler::by_container(
    Groups groups, std::map<std::string, ContainerKey>& keys) const {
  std::map<std::string, std::vector<Group>> joined;
  for (auto& [name, group] : groups) {
    if (group.pids.empty()) continue;
    ContainerKey key = index_.find(group.path, group.pid_namespace, own_namespace_);
    const bool shares_cgroup = key.by_namespace || key.cgroup == "/";
    const std::string at = key.cgroup + (shares_cgroup ? '\n' + group.pid_namespace : "");
    keys.try_emplace(at, std::move(key));
    joined[at].push_back(std::move(group));
  }
  return joined;
}

/// The engine's word counts, if that process is in the container still; else the oldest process.
void Sampler::set_first_process(const std::vector<Group>& groups, GpuContainer& container) const {
  for (const Group& group : groups) {
    if (std::find(group.pids.begin(), group.pids.end(), container.record.pid) == group.pids.end()) {
      continue;
    }
    container.started = start_of(container.record.pid);
    return;
  }
  container.started = std::numeric_limits<Seconds>::max();
  container.record.pid = 0;
  for (const Group& group : groups) {
    for (const pid_t pid : group.pids) {
      const Seconds started = start_of(pid);
      if (container.record.pid != 0 && started >= container.started) continue;
      container.started = started;
      container.record.pid = pid;
    }
  }
}

void Sampler::add_container(ContainerKey key, std::vector<Group> groups, Sample& sample) const {
  const auto first = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
    return std::find(group.pids.begin(), group.pids.end(), key.record.pid) != group.pids.end();
  });
  const Group& seen = first == groups.end() ? groups.front() : *first;
  const ProcessDirectory process(
      proc_.get(), first == groups.end() ? groups.front().pids.front() : key.record.pid);
  if (!process.is_open()) return;  // it has ended
  const bool is_host = key.by_namespace && !given_->has_own_dev(process);
  GpuContainer container{.record = std::move(key.record), .cgroup = std::move(key.cgroup)};
  for (Group& group : groups) {
    auto& to = is_host ? sample.host_processes : container.processes;
    std::move(group.users.begin(), group.users.end(), std::back_inserter(to));
  }
  if (is_host) return;
  Given given = given_->look_at(
      process, own_cgroups(seen.cgroup, container.cgroup, "").value_or(seen.cgroup));
  container.devices = std::move(given.devices);
  if (!given.is_known) ++sample.unreadable_containers;
  if (container.devices.empty() && container.processes.empty()) return;
  set_first_process(groups, container);
  sort_by_pid(container.processes);
  sample.containers.push_back(std::move(container));
}

Notes Sampler::notes_of(const Sample& sample) const {
  Notes notes;
  if (sample.unreadable_processes != 0) {
    notes.push_back(
        warning(counted(sample.unreadable_processes, "process of another user was not looked at",
                        "processes of other users were not looked at") +
                ". Try: sudo oci-nvidia ps"));
  }
  if (sample.unreadable_containers != 0) {
    notes.push_back(warning(counted(sample.unreadable_containers,
                                    "container may have a GPU: it was not looked at",
                                    "containers may have GPUs: they were not looked at")));
  }
  if (!denied_records_.empty()) {
    notes.push_back(
        warning("names of containers may be missing: `" + denied_records_ + "` may not be read"));
  }
  if (!ProcessDirectory(proc_.get(), 1).is_open()) {
    notes.push_back(warning("/proc hides the processes of other users (hidepid)"));
  }
  return notes;
}

Sample Sampler::take(const Inventory& inventory, double now) {
  use(inventory);
  Sample sample{.time = static_cast<Seconds>(now), .devices = driver_->devices()};
  if (now - records_read_ > kRecordsKept || now < records_read_) read_records(now);
  Groups groups = scan(sample);
  std::set<std::string> known;
  for (const auto& [name, group] : groups) known.insert(name);
  const bool has_new = !std::includes(known_.begin(), known_.end(), known.begin(), known.end());
  known_ = std::move(known);
  if (has_new && records_read_ != now) read_records(now);
  std::map<std::string, ContainerKey> keys;
  auto containers = by_container(std::move(groups), keys);
  for (auto& [name, joined] : containers) {
    ContainerKey& key = keys.at(name);
    if (!key.cgroup.empty()) {
      add_container(std::move(key), std::move(joined), sample);
      continue;
    }
    for (Group& group : joined) {
      std::move(group.users.begin(), group.users.end(), std::back_inserter(sample.host_processes));
    }
  }
  std::sort(sample.containers.begin(), sample.containers.end(), comes_before);
  sort_by_pid(sample.host_processes);
  sample.notes = notes_of(sample);
  return sample;
}

}  // namespace nvhook
