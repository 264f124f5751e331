// SPDX-License-Identifier: Apache-2.0
// Processes are grouped by cgroup, groups are joined to containers, and containers are looked at.
#include "command/ps/sampler.hpp"

#include <fcntl.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "command/containers/container_cgroup.hpp"
#include "command/containers/container_lookup.hpp"
#include "host/host_probe.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {
namespace {

/// A container can be given another name while it runs.
constexpr double kRecordsKept = 30;
constexpr double kFactsKept = 10;

bool is_fresh(double read, double now) { return now >= read && now - read < kFactsKept; }

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
      processes_(system, proc_.get(), std::move(run_time)),
      own_namespace_(system.read_link("/proc/self/ns/pid").value_or("")) {}

void Sampler::use(const Inventory& inventory) {
  if (inventory_ == inventory) return;
  inventory_ = inventory;
  given_.reset();
  facts_.clear();
  processes_.forget_devices();
  driver_ = std::make_unique<DriverDevices>(*inventory_);
  given_ = std::make_unique<GivenDevices>(system_, *driver_);
}

void Sampler::read_records(double now) {
  SeenContainers seen = seen_containers(system_, caller_);
  index_ = ContainerIndex(seen.containers, system_);
  keys_.clear();
  denied_records_ = std::move(seen.denied);
  processes_.read_users();
  records_read_ = now;
}

Sampler::Groups Sampler::group_processes() const {
  Groups groups;
  for (const auto& [pid, known] : processes_.all()) {
    Group& group = groups[known.group];
    if (group.pids.empty()) {
      group.path = known.path;
      group.cgroup = known.cgroup;
      group.pid_namespace = known.pid_namespace.value_or("");
    }
    group.pids.push_back(pid);
    if (known.user) group.users.push_back(*known.user);
  }
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
      const Seconds its = processes_.start_of(pid);
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
  const KnownProcess& known = processes_.all().at(facts.pid);
  facts.identity = known.identity;
  facts.started = processes_.start_of(facts.pid);
  facts.is_host = key.by_namespace && !given_->has_own_dev(process);
  if (facts.is_host) return facts;
  const std::string own = own_cgroups(known.cgroup, key.cgroup, "").value_or(known.cgroup);
  facts.given = given_->look_at(process, own);
  return facts;
}

const Sampler::Facts& Sampler::facts_of(const std::string& name, const ContainerKey& key,
                                        const std::vector<Group>& groups, double now) {
  Facts& facts = facts_[name];
  const ProcessMap& all = processes_.all();
  const auto process = all.find(facts.pid);
  const bool lives = process != all.end() && process->second.identity == facts.identity;
  const bool is_others = key.record.pid != facts.pid && all.contains(key.record.pid);
  if (!lives || is_others || !is_fresh(facts.read, now)) facts = look_at(key, groups, now);
  return facts;
}

void Sampler::set_barred(const std::vector<Group>& groups, bool is_barred) {
  for (const Group& group : groups) {
    for (const pid_t pid : group.pids) processes_.set_barred(pid, is_barred);
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
    const std::size_t count = sample.unreadable_processes;
    notes.push_back(warning(is_real_root()
                                ? counted(count, "process may not be looked at, even by root",
                                          "processes may not be looked at, even by root")
                                : counted(count, "process of another user was not looked at",
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

Inventory read_devices(const RootDir& system, const RootDir& driver_root) {
  const Request everything{.devices = AllDevices{},
                           .capabilities = CapabilitySet::all(),
                           .mig_config = true,
                           .mig_monitor = true,
                           .features = {.nvswitch = true}};
  return probe_kernel_driver({.system = system, .driver = driver_root}, everything);
}

Sample Sampler::take(const Inventory& inventory, double now) {
  use(inventory);
  Sample sample{.time = static_cast<Seconds>(now), .devices = driver_->devices()};
  if (now - records_read_ > kRecordsKept || now < records_read_) read_records(now);
  sample.unreadable_processes = processes_.look(*driver_, index_, now);
  Groups groups = group_processes();
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
