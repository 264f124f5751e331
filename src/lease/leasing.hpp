// SPDX-License-Identifier: Apache-2.0
// The stage before the plan: which GPUs a container gets, and that no other gets them meanwhile.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lease/registry.hpp"
#include "plan/run.hpp"
#include "request/request.hpp"
#include "text/note.hpp"

namespace nvhook {

/// A container as its lease sees it.
struct LeaseOwner {
  /// nullopt if nobody says which process is its first one; then nothing can be bound to it.
  std::optional<LeaseHolder> holder = {};
  /// Throws Error(container_gone) if it has ended, so that nobody waits for it.
  std::function<void()> require_alive = [] {};
  /// It runs, and gets devices in addition to those that it has. Otherwise it is about to start,
  /// and gets from each of its hooks the same.
  bool runs = false;
};

/// The lease that a run of this program took. It is given back when this object ends, unless the
/// container has got its devices.
class TakenLease {
 public:
  TakenLease() = default;
  /// `before` is what the container had, possibly nothing.
  TakenLease(LeaseRegistry registry, Lease before) noexcept
      : registry_(std::move(registry)), before_(std::move(before)) {}
  TakenLease(TakenLease&& other) noexcept
      : registry_(std::exchange(other.registry_, std::nullopt)),
        before_(std::move(other.before_)) {}
  TakenLease(const TakenLease&) = delete;
  TakenLease& operator=(const TakenLease&) = delete;
  TakenLease& operator=(TakenLease&&) = delete;
  ~TakenLease();

  void keep() noexcept { registry_.reset(); }

 private:
  std::optional<LeaseRegistry> registry_ = {};
  Lease before_ = {};
};

/// Takes a lease on what `request` asks for, and lets it name its GPUs: afterwards its `free_gpus`
/// is 0. Does nothing without `leases` in the configuration, and for a request for no GPU. Leases
/// of containers that have ended are removed. If others have the devices, tries again until
/// `lease_wait` is over; the lock is not held meanwhile. What the container has already stays in
/// its lease, also if the result is given back.
///
/// Without a holder, and in a user namespace, whose root cannot write to root's directory, nothing
/// is recorded: then a request for exclusive devices is refused with Error(invalid_request).
///
/// Throws what choose(), LeaseRegistry, read_host and `owner.require_alive` throw.
[[nodiscard]] TakenLease take_lease(Request& request, const LeaseOwner& owner,
                                    const RunContext& context);

/// As take_lease(), but takes, waits for and removes nothing: `request` names the GPUs that it
/// would get now, or that `owner` has, of whose holder only the process number counts. Returns a
/// note about GPUs for one container alone.
[[nodiscard]] Notes show_lease(Request& request, const RunContext& context,
                               const LeaseOwner& owner = {});

/// For a container that runs: lets a request for free GPUs name those that it got. Throws
/// Error(invalid_request) if the container with the first process `pid` has no lease (any more),
/// and what LeaseRegistry throws.
void name_leased(Request& request, pid_t pid, const RootDir& system);

/// Takes `devices` out of the lease of a container, if it has one. Throws what LeaseRegistry
/// throws.
void release(const std::vector<LeasedDevice>& devices, const LeaseHolder& holder,
             const LeaseRegistry& registry);

}  // namespace nvhook
