// SPDX-License-Identifier: Apache-2.0
// A Kernel that makes real calls, and fails instead of making the n-th one.
#pragma once

#include <cstddef>
#include <vector>

#include "inject/kernel.hpp"
#include "text/error.hpp"

namespace nvhook::test {

class FailingKernel : public Kernel {
 public:
  static constexpr std::size_t kNever = static_cast<std::size_t>(-1);
  FailingKernel(Kernel& real, std::size_t fail_at) : real_(real), left_(fail_at) {}

  void prepare(const BindMount& mount) override {
    step();
    real_.prepare(mount);
  }
  void prepare(const TmpfsMount& mount) override {
    step();
    real_.prepare(mount);
  }
  void prepare(const Symlink& symlink) override {
    step();
    real_.prepare(symlink);
  }
  void prepare(const std::vector<DeviceRule>& rules) override {
    step();
    real_.prepare(rules);
  }
  void prepare_systemd_rules(const std::vector<DeviceRule>& rules) override {
    step();
    real_.prepare_systemd_rules(rules);
  }
  void prepare_withdrawal(const std::vector<DeviceRule>& rules,
                          const std::vector<DeviceRule>& kept) override {
    step();
    real_.prepare_withdrawal(rules, kept);
  }
  void withdraw_devices() override {
    step();
    real_.withdraw_devices();
  }
  void take_away(const Removal& removal) override {
    step();
    real_.take_away(removal);
  }
  void shrink_loader_cache(const std::vector<LoaderEntry>& entries) override {
    step();
    real_.shrink_loader_cache(entries);
  }
  void enter() override {
    step();
    real_.enter();
  }
  void resolve(const TmpfsMount& mount) override {
    step();
    real_.resolve(mount);
  }
  void resolve(const BindMount& mount) override {
    step();
    real_.resolve(mount);
  }
  void resolve(const Symlink& symlink) override {
    step();
    real_.resolve(symlink);
  }
  void resolve(const TextFile& text) override {
    step();
    real_.resolve(text);
  }
  void resolve(const std::vector<LoaderEntry>& entries) override {
    step();
    real_.resolve(entries);
  }
  void resolve(const LoaderPath& path) override {
    step();
    real_.resolve(path);
  }
  void attach(const TmpfsMount& mount) override {
    step();
    real_.attach(mount);
  }
  void attach(const BindMount& mount) override {
    step();
    real_.attach(mount);
  }
  void create(const Symlink& symlink) override {
    step();
    real_.create(symlink);
  }
  void create(const TextFile& text) override {
    step();
    real_.create(text);
  }
  void set(const ModeChange& change) override {
    step();
    real_.set(change);
  }
  void update_loader_cache(const std::vector<LoaderEntry>& entries,
                           const std::vector<LoaderEntry>& stale, bool cover) override {
    step();
    real_.update_loader_cache(entries, stale, cover);
  }
  void update_loader_path(const LoaderPath& path, bool cover) override {
    step();
    real_.update_loader_path(path, cover);
  }
  void verify() override {
    step();
    real_.verify();
  }
  void allow_devices() override {
    step();
    real_.allow_devices();
  }
  void replace_files() override {
    step();
    real_.replace_files();
  }
  void commit() noexcept override { real_.commit(); }
  void roll_back() noexcept override { real_.roll_back(); }

 private:
  void step() {
    if (left_-- == 0) throw Error(Code::internal, "failed on purpose");
  }
  Kernel& real_;
  std::size_t left_;
};

}  // namespace nvhook::test
