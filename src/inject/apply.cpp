// SPDX-License-Identifier: Apache-2.0
// The order of the phases is what safety depends on.
#include "inject/apply.hpp"

#include <algorithm>

namespace nvhook {
namespace {

/// What of the rules of before remains when the withdrawn ones are gone.
std::vector<DeviceRule> kept_rules(const Plan& plan) {
  std::vector<DeviceRule> kept = plan.granted_rules;
  std::erase_if(kept, [&](const DeviceRule& rule) {
    return std::any_of(plan.withdrawn_rules.begin(), plan.withdrawn_rules.end(),
                       [&](const DeviceRule& gone) { return gone.device == rule.device; });
  });
  return kept;
}

void prepare(const Plan& plan, Kernel& kernel) {
  for (const TmpfsMount& tmpfs : plan.tmpfs) kernel.prepare(tmpfs);
  for (const BindMount& mount : plan.mounts) kernel.prepare(mount);
  for (const Symlink& symlink : plan.symlinks) {
    if (symlink.cover) kernel.prepare(symlink);
  }
  if (!plan.withdrawn_rules.empty()) {
    kernel.prepare_withdrawal(plan.withdrawn_rules, kept_rules(plan));
  }
  kernel.prepare(plan.device_rules);
  if (!plan.rules_of_runtime.empty()) kernel.prepare_systemd_rules(plan.rules_of_runtime);
}

/// Resolves all targets before any attach: a mount of ours must never change what a later path
/// means (CVE-2024-0132).
void resolve(const Plan& plan, Kernel& kernel) {
  for (const TmpfsMount& tmpfs : plan.tmpfs) kernel.resolve(tmpfs);
  for (const BindMount& mount : plan.mounts) kernel.resolve(mount);
  for (const Symlink& symlink : plan.symlinks) kernel.resolve(symlink);
  for (const TextFile& text : plan.texts) kernel.resolve(text);
  if (!plan.loader_entries.empty() || !plan.stale_loader_entries.empty()) {
    kernel.resolve(plan.loader_entries);
  }
  if (plan.loader_path) kernel.resolve(*plan.loader_path);
}

void change(const Plan& plan, Kernel& kernel) {
  // Closed first: what is taken away must not be used from then on, whatever fails later.
  if (!plan.withdrawn_rules.empty()) kernel.withdraw_devices();
  for (const Removal& removal : plan.removals) kernel.take_away(removal);
  for (const TmpfsMount& tmpfs : plan.tmpfs) kernel.attach(tmpfs);
  for (const BindMount& mount : plan.mounts) kernel.attach(mount);
  for (const Symlink& symlink : plan.symlinks) kernel.create(symlink);
  for (const TextFile& text : plan.texts) kernel.create(text);
  for (const ModeChange& mode : plan.modes) kernel.set(mode);
  const bool cover = plan.cover_loader_files;
  if (!plan.loader_entries.empty()) {
    kernel.update_loader_cache(plan.loader_entries, plan.stale_loader_entries, cover);
  } else if (!plan.stale_loader_entries.empty()) {
    kernel.shrink_loader_cache(plan.stale_loader_entries);
  }
  if (plan.loader_path) kernel.update_loader_path(*plan.loader_path, cover);
}

void run_phases(const Plan& plan, Kernel& kernel) {
  prepare(plan, kernel);
  kernel.enter();
  resolve(plan, kernel);
  change(plan, kernel);
  kernel.verify();
  // Grant access only after everything else succeeded; only a rename can still fail after it.
  kernel.allow_devices();
  kernel.replace_files();
}

}  // namespace

void apply(const Plan& plan, Kernel& kernel) {
  try {
    run_phases(plan, kernel);
  } catch (...) {
    kernel.roll_back();
    throw;
  }
  kernel.commit();
}

}  // namespace nvhook
