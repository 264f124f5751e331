// SPDX-License-Identifier: Apache-2.0
// First the kernel, then systemd, then the kernel once more: systemd may reload in between.
#include "inject/device_grant.hpp"

#include "cgroup/cgroup_mounts.hpp"
#include "cgroup/enclosing_cgroup.hpp"
#include "cgroup/systemd/filter_guesses.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {

FilterGuesses DeviceGrant::guesses_for(const std::string& cgroup,
                                       const std::vector<DeviceRule>& rules) const {
  FilterGuesses guesses = filter_guesses(config_json_, cgroup, system_, devices_of(rules));
  guesses.granted = granted_;
  return guesses;
}

void DeviceGrant::prepare(const std::string& cgroup, const std::vector<DeviceRule>& rules) {
  if (rules.empty()) return;
  permission_.emplace(cgroup, cgroup_mountinfo(system_, cgroup), devices_of(rules),
                      guesses_for(cgroup, rules));
  notes_ = permission_->notes();
  if (permission_->refused()) require_not_denied({&driver_, &system_}, rules.front());
  if (!in_user_namespace() && !permission_->shares_scope()) {
    scope_ = SystemdScope::find(cgroup, system_, guesses_for(cgroup, rules));
  }
  rules_ = rules;
}

void DeviceGrant::prepare_systemd_rules(const std::string& cgroup,
                                        const std::vector<DeviceRule>& rules) {
  if (in_user_namespace()) return;
  if (is_in_shared_scope(cgroup, cgroup_mountinfo(system_, cgroup))) return;
  if (!scope_) scope_ = SystemdScope::find(cgroup, system_, guesses_for(cgroup, rules));
  if (scope_ && scope_->has_filter_file()) {
    if (rules_.empty()) scope_.reset();  // the runtime's own filter has them all
    return;
  }
  rules_.insert(rules_.end(), rules.begin(), rules.end());
}

std::vector<DeviceNumber> DeviceGrant::missing() const {
  return permission_ ? permission_->missing() : std::vector<DeviceNumber>();
}

bool DeviceGrant::is_known_to_systemd() const { return !scope_ || scope_->knows(rules_); }

void DeviceGrant::grant(const ContainerProcess& process) {
  // After the container has ended, its cgroup may soon belong to another one.
  if (permission_ || scope_) process.require_alive();
  if (permission_) permission_->grant();
  if (!scope_) return;
  const Notes more = scope_->keep(rules_);
  notes_.insert(notes_.end(), more.begin(), more.end());
  // A reload before the drop-in was there has attached the runtime's filter beside ours.
  if (permission_ && scope_->has_filter_file()) permission_->confirm();
}

void DeviceGrant::keep_granted(const std::vector<DeviceRule>& rules) {
  kept_ = rules;
  if (!kept_.empty()) expect_granted(devices_of(kept_));
}

void DeviceGrant::revoke() noexcept {
  if (scope_) scope_->restore(kept_);
  if (permission_) permission_->revoke();
}

}  // namespace nvhook
