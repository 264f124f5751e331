// SPDX-License-Identifier: Apache-2.0
// Chooses under the lock, and waits without it.
#include "lease/leasing.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <exception>
#include <utility>
#include <vector>

#include "host/host_facts.hpp"
#include "lease/choice.hpp"
#include "lease/holder.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using Clock = std::chrono::steady_clock;

bool asks_for_nothing(const Request& request) {
  return request.free_gpus == 0 && std::holds_alternative<NoDevices>(request.devices);
}

/// What the choice needs to know of the host; requirements are for the GPUs that are chosen.
Inventory read_inventory(const Request& request, const RunContext& context) {
  Request about = request;
  about.requirements.clear();
  if (request.free_gpus != 0) about.devices = AllDevices{};
  return read_host(about, context.config, context.system, context.log, context.cache).inventory;
}

/// The leases of this host as one container sees them.
struct Leases {
  std::vector<Lease> others = {};
  std::optional<Lease> own = {};
  std::vector<Lease> ended = {};
};

bool is_same_process(const LeaseHolder& a, const LeaseHolder& b) {
  return a.pid == b.pid && a.start_ticks == b.start_ticks;
}

Leases sort(std::vector<Lease> all, const std::function<bool(const LeaseHolder&)>& is_own,
            const RootDir& system) {
  Leases leases;
  for (Lease& lease : all) {
    if (is_own(lease.holder)) {
      leases.own = std::move(lease);
    } else if (is_there(lease.holder, system)) {
      leases.others.push_back(std::move(lease));
    } else {
      leases.ended.push_back(std::move(lease));
    }
  }
  return leases;
}

/// What a container that runs has is free for nobody, not even for itself.
Choice choose_for(const Request& request, const Inventory& inventory, Leases& leases, bool runs) {
  if (!leases.own) return choose(request, inventory, leases.others);
  if (!runs) return choose(request, inventory, leases.others, leases.own->devices);
  std::vector<Lease> others = leases.others;
  if (request.free_gpus != 0) others.push_back(*leases.own);
  return choose(request, inventory, others);
}

/// Returns both; of a device that is in both, the stricter.
std::vector<LeasedDevice> joined(std::vector<LeasedDevice> devices,
                                 const std::vector<LeasedDevice>& more) {
  for (const LeasedDevice& one : more) {
    const auto known = std::find_if(devices.begin(), devices.end(), [&](const LeasedDevice& other) {
      return other.gpu == one.gpu && other.mig == one.mig;
    });
    if (known == devices.end()) {
      devices.push_back(one);
    } else {
      known->is_exclusive |= one.is_exclusive;
    }
  }
  return devices;
}

void settle(Request& request, Choice choice) {
  request.devices = std::move(choice.devices);
  request.free_gpus = 0;
}

/// One try, with the lock.
TakenLease try_to_take(Request& request, const LeaseOwner& owner, const Inventory& inventory,
                       LeaseRegistry& registry, const RootDir& system) {
  const LeaseHolder& holder = owner.holder.value();
  const UniqueFd lock = registry.lock();
  registry.sweep();
  Leases leases = sort(
      registry.read(), [&](const LeaseHolder& one) { return is_same_process(one, holder); },
      system);
  for (const Lease& lease : leases.ended) registry.erase(lease.holder);
  Choice choice = choose_for(request, inventory, leases, owner.runs);
  if (choice.leased.empty()) return {};
  const Lease before = leases.own.value_or(Lease{.holder = holder, .since = std::time(nullptr)});
  Lease after = before;
  after.devices = joined(before.devices, choice.leased);
  registry.put(after);
  settle(request, std::move(choice));
  return {std::move(registry), before};
}

/// A lease on nothing is none.
void write(const Lease& lease, const LeaseRegistry& registry) {
  if (lease.devices.empty()) {
    registry.erase(lease.holder);
  } else {
    registry.put(lease);
  }
}

bool may_end(Code code) { return code == Code::device_taken || code == Code::no_free_device; }

TakenLease wait_for(Request& request, const LeaseOwner& owner, const Inventory& inventory,
                    const RunContext& context) {
  constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 100'000'000};
  LeaseRegistry registry = LeaseRegistry::at();
  const auto deadline = Clock::now() + std::chrono::seconds(context.config.lease_wait);
  for (;;) {
    try {
      return try_to_take(request, owner, inventory, registry, context.system);
    } catch (const Error& error) {
      if (!may_end(error.code()) || Clock::now() >= deadline) throw;
      context.log.line(std::string("waiting: ") + error.what());
    }
    ::nanosleep(&kPause, nullptr);
    owner.require_alive();
  }
}

/// A request that is not exclusive goes on: nobody else learns of it.
void refuse_to_lease(const Request& request, const std::string& why, Log& log) {
  if (!request.is_exclusive) return log.line("warning: no lease is recorded: " + why);
  throw Error(Code::invalid_request, "no GPU can be leased: " + why,
              "name GPUs by index, UUID or PCI address, without `any` and `exclusive:`");
}

std::vector<Lease> all_leases() {
  const auto registry = LeaseRegistry::look();
  return registry ? registry->read() : std::vector<Lease>();
}

}  // namespace

/// Nothing more is to be done about an error: the lease ends with the container.
TakenLease::~TakenLease() {
  if (!registry_) return;
  try {
    const UniqueFd lock = before_.devices.empty() ? UniqueFd() : registry_->lock();
    write(before_, *registry_);
  } catch (const std::exception&) {
    return;
  }
}

TakenLease take_lease(Request& request, const LeaseOwner& owner, const RunContext& context) {
  if (!context.config.leases || asks_for_nothing(request)) return {};
  if (!owner.holder) {
    refuse_to_lease(request, "the caller does not say which process the container is", context.log);
    return {};
  }
  if (!is_system_root()) {
    refuse_to_lease(request, "only root of the host keeps a list of them", context.log);
    return {};
  }
  const Inventory inventory = read_inventory(request, context);
  TakenLease lease = wait_for(request, owner, inventory, context);
  context.log.phase("taking a lease");
  return lease;
}

Notes show_lease(Request& request, const RunContext& context, const LeaseOwner& owner) {
  if (!context.config.leases || asks_for_nothing(request)) return {};
  const bool is_free = request.free_gpus != 0;
  const Inventory inventory = read_inventory(request, context);
  Leases leases = sort(
      all_leases(),
      [&](const LeaseHolder& one) { return owner.holder && one.pid == owner.holder->pid; },
      context.system);
  settle(request, choose_for(request, inventory, leases, owner.runs));
  if (!request.is_exclusive) return {};
  std::vector<std::string> names;
  for (const Gpu& gpu : select_devices(request.devices, inventory).gpus) {
    names.push_back("GPU " + std::to_string(gpu.index));
  }
  return {info(std::string(leases.own ? "lease: " : "lease, if it started now: ") +
               join(names, ", ") + (is_free ? ", chosen as free" : "") +
               ", for this container alone")};
}

void name_leased(Request& request, pid_t pid, const RootDir& system) {
  if (request.free_gpus == 0) return;
  DeviceNames names;
  for (const Lease& lease : all_leases()) {
    if (lease.holder.pid != pid || !is_there(lease.holder, system)) continue;
    for (const LeasedDevice& device : lease.devices) {
      if (!device.mig) names.push_back(device.gpu);
    }
  }
  if (names.empty()) {
    throw Error(Code::invalid_request,
                "`any`: process " + std::to_string(pid) +
                    " has no lease, so nothing tells which GPUs it got",
                "restart the container");
  }
  request.devices = std::move(names);
  request.free_gpus = 0;
}

void release(const std::vector<LeasedDevice>& devices, const LeaseHolder& holder,
             const LeaseRegistry& registry) {
  const UniqueFd lock = registry.lock();
  for (Lease& lease : registry.read()) {
    if (!is_same_process(lease.holder, holder)) continue;
    std::erase_if(lease.devices, [&](const LeasedDevice& one) {
      return std::any_of(devices.begin(), devices.end(),
                         [&](const LeasedDevice& other) { return overlaps(one, other); });
    });
    write(lease, registry);
  }
}

}  // namespace nvhook
