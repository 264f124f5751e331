// SPDX-License-Identifier: Apache-2.0
// A Kernel that records its calls, and fails where a test wants it to.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "inject/kernel.hpp"
#include "text/error.hpp"

namespace nvhook {

class RecordingKernel : public Kernel {
 public:
  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);
  explicit RecordingKernel(std::size_t fail_at = kNever) : fail_at_(fail_at) {}

  void prepare(const BindMount& mount) override { record("prepare " + mount.target.str()); }
  void prepare(const TmpfsMount& mount) override { record("prepare " + mount.target.str()); }
  void prepare(const Symlink& symlink) override {
    record("prepare to cover " + symlink.link.str());
  }
  void prepare(const std::vector<DeviceRule>& rules) override {
    record("prepare " + std::to_string(rules.size()) + " rules");
  }
  void prepare_systemd_rules(const std::vector<DeviceRule>& rules) override {
    record("prepare to tell " + std::to_string(rules.size()) + " rules");
  }
  void prepare_withdrawal(const std::vector<DeviceRule>& rules,
                          const std::vector<DeviceRule>& kept) override {
    record("prepare to deny " + std::to_string(rules.size()) + " rules of " +
           std::to_string(rules.size() + kept.size()));
  }
  void withdraw_devices() override { record("deny devices"); }
  void take_away(const Removal& removal) override { record("remove " + removal.path.str()); }
  void shrink_loader_cache(const std::vector<LoaderEntry>& entries) override {
    record("cache without " + std::to_string(entries.size()));
  }
  void enter() override { record("enter"); }
  void resolve(const TmpfsMount& mount) override { record("resolve " + mount.target.str()); }
  void resolve(const BindMount& mount) override { record("resolve " + mount.target.str()); }
  void resolve(const Symlink& symlink) override { record("resolve " + symlink.link.str()); }
  void resolve(const TextFile& text) override { record("resolve " + text.path.str()); }
  void resolve(const std::vector<LoaderEntry>& /*entries*/) override { record("resolve cache"); }
  void resolve(const LoaderPath& path) override { record("resolve " + path.file.str()); }
  void attach(const TmpfsMount& mount) override { record("attach " + mount.target.str()); }
  void attach(const BindMount& mount) override { record("attach " + mount.target.str()); }
  void create(const Symlink& symlink) override { record("link " + symlink.link.str()); }
  void create(const TextFile& text) override { record("write " + text.path.str()); }
  void set(const ModeChange& change) override { record("set mode of " + change.path.str()); }
  void update_loader_cache(const std::vector<LoaderEntry>& entries,
                           const std::vector<LoaderEntry>& stale, bool /*cover*/) override {
    record("cache " + std::to_string(entries.size()) +
           (stale.empty() ? "" : " without " + std::to_string(stale.size())));
  }
  void update_loader_path(const LoaderPath& path, bool /*cover*/) override {
    record("extend " + path.file.str());
  }
  void verify() override { record("verify"); }
  void allow_devices() override { record("allow devices"); }
  void replace_files() override { record("replace files"); }
  void commit() noexcept override { calls.emplace_back("commit"); }
  void roll_back() noexcept override { calls.emplace_back("roll back"); }

  std::vector<std::string> calls = {};

 private:
  void record(const std::string& call) {
    if (calls.size() == fail_at_) throw Error(Code::mount_failed, "failed on purpose: " + call);
    calls.push_back(call);
  }
  std::size_t fail_at_;
};

}  // namespace nvhook
