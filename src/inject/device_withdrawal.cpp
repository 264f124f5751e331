// SPDX-License-Identifier: Apache-2.0
// The kernel is what counts: what systemd was told before only matters at its next reload.
#include "inject/device_withdrawal.hpp"

#include <iterator>

#include "cgroup/cgroup_mounts.hpp"
#include "cgroup/systemd/filter_guesses.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {

void DeviceWithdrawal::prepare(const std::string& cgroup, const std::vector<DeviceRule>& rules,
                               const std::vector<DeviceRule>& kept) {
  kept_ = kept;
  had_ = kept;
  had_.insert(had_.end(), rules.begin(), rules.end());
  std::vector<DeviceNumber> granted = devices_of(had_);
  FilterGuesses guesses = filter_guesses(config_json_, cgroup, system_, granted);
  guesses.granted.push_back(std::move(granted));
  permission_.emplace(cgroup, cgroup_mountinfo(system_, cgroup), devices_of(rules), guesses,
                      DeviceChange::deny);
  notes_ = permission_->notes();
  if (!in_user_namespace() && !permission_->shares_scope()) {
    scope_ = SystemdScope::find(cgroup, system_, guesses);
  }
}

void DeviceWithdrawal::withdraw(const ContainerProcess& process) {
  if (!permission_) return;
  process.require_alive();
  permission_->grant();
  if (!scope_) return;
  Notes more = scope_->keep(kept_);
  std::move(more.begin(), more.end(), std::back_inserter(notes_));
  if (scope_->has_filter_file()) permission_->confirm();
}

void DeviceWithdrawal::undo() noexcept {
  if (!permission_) return;
  permission_->revoke();
  if (scope_) scope_->restore(had_);
}

}  // namespace nvhook
