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
#include "command/containers/process_facts.hpp"
#include "command/ps/cgroup_name.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxUserDatabase = 16UL << 20U;
constexpr std::size_t kMaxUptime = 256;
/// A container can be given another name while it runs.
constexpr double kRecordsKept = 30;
constexpr double kFactsKept = 10;
/// A runtime moves a container's process to its cgroup soon after it has started it.
constexpr unsigned kUnsettled = 3;

bool is_fresh(double read, double now) { return now >= read && now - read < kFactsKept; }

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

Sampler::Sampler(const RootDir& system, const CallerContext& caller, RunTime run_time)
    : system_(system),
      caller_(caller),
      proc_(system.open("/proc", O_RDONLY | O_DIRECTORY)),
      descriptors_(proc_.get()),
      run_time_(std::move(run_time)),
      own_namespace_(system.read_link("/proc/self/ns/pid").value_or("")) {}

void Sampler::use(const Inventory& inventory) {
  if (inventory_ == inventory) return;
  inventory_ = inventory;
  given_.reset();
  facts_.clear();
  for (auto& [pid, known] : processes_) known.scanned = 0;  // for devices of before
  driver_ = std::make_unique<DriverDevices>(*inventory_);
  given_ = std::make_unique<GivenDevices>(system_, *driver_);
}

void Sampler::read_records(double now) {
  SeenContainers seen = seen_containers(system_, caller_);
  index_ = ContainerIndex(seen.containers, system_);
  keys_.clear();
  denied_records_ = std::move(seen.denied);
  passwd_ = system_.read("/etc/passwd", kMaxUserDatabase).value_or("");
  if (boot_ == 0) boot_ = boot_time(system_.read("/proc/uptime", kMaxUptime).value_or(""), now);
  records_read_ = now;
}

Seconds Sampler::time_of(std::uint64_t ticks) const {
  static const auto kPerSecond = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<Seconds>(boot_ + static_cast<double>(ticks) / kPerSecond);
}

/// Of a process that was seen in this sample.
Seconds Sampler::start_of(pid_t pid) {
  std::optional<Seconds>& started = processes_.at(pid).started;
  if (started) return *started;
  const ProcessDirectory process(proc_.get(), pid);
  const auto text = process.is_open() ? process.read("stat") : std::nullopt;
  const auto stat = text ? parse_stat(*text) : std::nullopt;
  if (stat) started = time_of(stat->start_ticks);
  return started.value_or(std::numeric_limits<Seconds>::max());
}

GpuProcess Sampler::describe(const ProcessDirectory& process) const {
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
bool Sampler::learn(Known& known, const DescriptorTable& table, double now) const {
  if (known.identity != table.identity) known = {.identity = table.identity};
  const bool is_settled = ++known.samples > kUnsettled;
  if (!is_settled || !is_fresh(known.read, now)) {
    const auto cgroup = ProcessDirectory(proc_.get(), table.pid).read("cgroup");
    if (!cgroup) return false;
    known.read = now;
    if (*cgroup != known.cgroup) {
      known.cgroup = *cgroup;
      known.path = device_cgroup_path(*cgroup);
    }
  }
  if (!known.pid_namespace && index_.find_by_cgroup(known.path).cgroup.empty()) {
    known.pid_namespace = ProcessDirectory(proc_.get(), table.pid).pid_namespace();
  }
  known.group = known.path + '\n' + known.pid_namespace.value_or("");
  return true;
}

void Sampler::use_gpus(Known& known, const DescriptorTable& table, OpenNodes nodes,
                       double now) const {
  if (nodes.numbers.empty()) {
    known.user.reset();
    return;
  }
  if (!known.user || !is_fresh(known.described, now)) {
    known.user = describe(ProcessDirectory(proc_.get(), table.pid));
    known.described = now;
    const auto again = descriptors_.table_of(table.pid);
    const bool has_ended = !known.user->uid || !again || again->identity != table.identity;
    if (has_ended) {
      known.user.reset();
      return;
    }
  }
  known.user->cgroup = known.path;
  known.user->devices = driver_->behind(nodes.numbers);
  known.user->nodes = std::move(nodes.numbers);
}

/// Whether it can have opened and closed nothing since its descriptors were looked at.
bool Sampler::is_unchanged(const Known& known, const ProcessEntry& entry,
                           std::optional<std::uint64_t> run_time, double now) {
  const bool is_settled = known.inode == entry.inode && known.samples > kUnsettled;
  if (!is_settled || !is_fresh(known.read, now) || !is_fresh(known.scanned, now)) return false;
  const bool can_open_none = known.is_barred && !known.user;
  return can_open_none || (run_time && run_time == known.run_time);
}

void Sampler::look_at_descriptors(Known& known, const DescriptorTable& table, double now) const {
  OpenNodes nodes = descriptors_.open_nodes(table, *driver_);
  known.scanned = now;
  known.is_unreadable = nodes.is_denied;
  if (!nodes.is_denied) use_gpus(known, table, std::move(nodes), now);
}

/// Returns false if the process does not count: it has ended, cannot have descriptors, or, with
/// errno EACCES or EPERM, may not be looked at.
bool Sampler::look_at_process(Known& known, const ProcessEntry& entry,
                              std::optional<std::uint64_t> run_time, double now) const {
  const auto table = descriptors_.table_of(entry.pid);
  if (!table || !learn(known, *table, now)) return false;
  const bool has_run = !run_time || run_time != known.run_time;
  if (!has_run) known.described = now;  // it gives itself its name and its user
  known.inode = entry.inode;
  known.run_time = run_time;
  look_at_descriptors(known, *table, now);
  if (!known.is_unreadable) return true;
  const auto stat = parse_stat(ProcessDirectory(proc_.get(), entry.pid).read("stat").value_or(""));
  errno = 0;
  return !stat || !(stat->is_kernel_thread || stat->is_dead);
}

Sampler::Groups Sampler::scan(Sample& sample, double now) {
  Groups groups;
  for (auto& [pid, known] : processes_) known.is_seen = false;
  for (const ProcessEntry& entry : all_processes(proc_.get())) {
    Known& known = processes_[entry.pid];
    const auto run_time = run_time_(entry.pid);  // before anything else is looked at
    if (!is_unchanged(known, entry, run_time, now) &&
        !look_at_process(known, entry, run_time, now)) {
      sample.unreadable_processes += is_denied_now() ? 1U : 0U;
      continue;
    }
    known.is_seen = true;
    sample.unreadable_processes += known.is_unreadable ? 1U : 0U;
    Group& group = groups[known.group];
    if (group.pids.empty()) {
      group.path = known.path;
      group.cgroup = known.cgroup;
      group.pid_namespace = known.pid_namespace.value_or("");
    }
    group.pids.push_back(entry.pid);
    if (known.user) group.users.push_back(*known.user);
  }
  std::erase_if(processes_, [](const auto& one) { return !one.second.is_seen; });
  return groups;
}

/// Of a group by its name.
const ContainerKey& Sampler::key_of(const std::string& name, const Group& group) {
  const auto known = keys_.find(name);
  if (known != keys_.end()) return known->second;
  return keys_.emplace(name, index_.find(group.path, group.pid_namespace, own_namespace_))
      .first->second;
}

std::map<std::string, std::vector<Sampler::Group>> Sampler::by_container(
    Groups& groups, std::map<std::string, ContainerKey>& keys) {
  std::map<std::string, std::vector<Group>> joined;
  std::erase_if(keys_, [&](const auto& one) { return !groups.contains(one.first); });
  for (auto& [name, group] : groups) {
    if (group.pids.empty()) continue;
    const ContainerKey& key = key_of(name, group);
    const bool shares_cgroup = key.by_namespace || key.cgroup == "/";
    const std::string at = key.cgroup + (shares_cgroup ? '\n' + group.pid_namespace : "");
    keys.try_emplace(at, key);
    joined[at].push_back(std::move(group));
  }
  return joined;
}

/// The engine's word counts, if that process is in the container still; else the oldest process.
pid_t Sampler::first_process(pid_t recorded, const std::vector<Group>& groups) {
  pid_t oldest = 0;
  Seconds started = std::numeric_limits<Seconds>::max();
  for (const Group& group : groups) {
    if (std::find(group.pids.begin(), group.pids.end(), recorded) != group.pids.end()) {
      return recorded;
    }
  }
  for (const Group& group : groups) {
    for (const pid_t pid : group.pids) {
      const Seconds its = start_of(pid);
      if (oldest != 0 && its >= started) continue;
      oldest = pid;
      started = its;
    }
  }
  return oldest;
}

Sampler::Facts Sampler::look_at(const ContainerKey& key, const std::vector<Group>& groups,
                                double now) {
  Facts facts{.pid = first_process(key.record.pid, groups), .read = now};
  const ProcessDirectory process(proc_.get(), facts.pid);
  if (!process.is_open()) return facts;  // it has ended
  const Known& known = processes_.at(facts.pid);
  facts.identity = known.identity;
  facts.started = start_of(facts.pid);
  facts.is_host = key.by_namespace && !given_->has_own_dev(process);
  if (facts.is_host) return facts;
  const std::string own = own_cgroups(known.cgroup, key.cgroup, "").value_or(known.cgroup);
  facts.given = given_->look_at(process, own);
  return facts;
}

const Sampler::Facts& Sampler::facts_of(const std::string& name, const ContainerKey& key,
                                        const std::vector<Group>& groups, double now) {
  Facts& facts = facts_[name];
  const auto process = processes_.find(facts.pid);
  const bool lives = process != processes_.end() && process->second.identity == facts.identity;
  const bool is_others = key.record.pid != facts.pid && processes_.contains(key.record.pid);
  if (!lives || is_others || !is_fresh(facts.read, now)) facts = look_at(key, groups, now);
  return facts;
}

void Sampler::set_barred(const std::vector<Group>& groups, bool is_barred) {
  for (const Group& group : groups) {
    for (const pid_t pid : group.pids) {
      const auto known = processes_.find(pid);
      if (known != processes_.end()) known->second.is_barred = is_barred;
    }
  }
}

void Sampler::add_container(const Facts& facts, ContainerKey key, std::vector<Group> groups,
                            Sample& sample) {
  GpuContainer container{.record = std::move(key.record),
                         .cgroup = std::move(key.cgroup),
                         .started = facts.started,
                         .devices = facts.given.devices};
  container.record.pid = facts.pid;
  for (Group& group : groups) {
    auto& to = facts.is_host ? sample.host_processes : container.processes;
    std::move(group.users.begin(), group.users.end(), std::back_inserter(to));
  }
  if (facts.is_host) return;
  if (!facts.given.is_known) ++sample.unreadable_containers;
  if (container.devices.empty() && container.processes.empty()) return;
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

/// Whether a group was not there in the last sample.
bool Sampler::has_new(const Groups& groups) const {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const auto& one) { return !keys_.contains(one.first); });
}

Sample Sampler::take(const Inventory& inventory, double now) {
  use(inventory);
  Sample sample{.time = static_cast<Seconds>(now), .devices = driver_->devices()};
  if (now - records_read_ > kRecordsKept || now < records_read_) read_records(now);
  Groups groups = scan(sample, now);
  if (has_new(groups) && records_read_ != now) read_records(now);
  std::map<std::string, ContainerKey> keys;
  auto containers = by_container(groups, keys);
  for (auto& [name, joined] : containers) {
    ContainerKey& key = keys.at(name);
    if (!key.cgroup.empty()) {
      const Facts& facts = facts_of(name, key, joined, now);
      set_barred(joined, facts.given.is_barred);
      add_container(facts, std::move(key), std::move(joined), sample);
      continue;
    }
    for (Group& group : joined) {
      std::move(group.users.begin(), group.users.end(), std::back_inserter(sample.host_processes));
    }
  }
  std::erase_if(facts_, [&](const auto& one) { return !containers.contains(one.first); });
  std::sort(sample.containers.begin(), sample.containers.end(), comes_before);
  sort_by_pid(sample.host_processes);
  sample.notes = notes_of(sample);
  return sample;
}

}  // namespace nvhook
