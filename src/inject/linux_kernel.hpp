// SPDX-License-Identifier: Apache-2.0
// Implementation of `Kernel` on Linux system calls: only descriptors, and every path of the
// container is hostile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "inject/device_grant.hpp"
#include "inject/device_withdrawal.hpp"
#include "inject/kernel.hpp"
#include "inject/layer_writer.hpp"
#include "inject/loader_files.hpp"
#include "inject/mounts.hpp"
#include "inject/target_tree.hpp"
#include "os/root_dir.hpp"
#include "os/undo_stack.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class LinuxKernel : public Kernel {
 public:
  /// `layer` says where in `rootfs` files may be made; `system` and `driver` are the host's roots
  /// below which sources are opened; `config_json` is for DeviceGrant. All must outlive this
  /// object.
  LinuxKernel(const ContainerProcess& process, const RootDir& rootfs, const OwnLayer& layer,
              const RootDir& system, const RootDir& driver, std::string_view config_json = {});

  /// For a container that runs: it may use the devices of `rules` already (DeviceGrant).
  void keep_granted(const std::vector<DeviceRule>& rules) { grant_.keep_granted(rules); }

  void prepare(const BindMount& mount) override;
  void prepare(const Symlink& symlink) override;
  void prepare(const TmpfsMount& mount) override;
  void prepare(const std::vector<DeviceRule>& rules) override;
  void prepare_systemd_rules(const std::vector<DeviceRule>& rules) override;
  void prepare_withdrawal(const std::vector<DeviceRule>& rules,
                          const std::vector<DeviceRule>& kept) override;
  void enter() override;
  void resolve(const TmpfsMount& mount) override;
  void resolve(const BindMount& mount) override;
  void resolve(const Symlink& symlink) override;
  void resolve(const TextFile& text) override;
  void resolve(const std::vector<LoaderEntry>& entries) override;
  void resolve(const LoaderPath& path) override;
  void withdraw_devices() override;
  void take_away(const Removal& removal) override;
  void attach(const TmpfsMount& mount) override;
  void attach(const BindMount& mount) override;
  void create(const Symlink& symlink) override;
  void create(const TextFile& text) override;
  void set(const ModeChange& change) override;
  void update_loader_cache(const std::vector<LoaderEntry>& entries,
                           const std::vector<LoaderEntry>& stale, bool cover) override;
  void shrink_loader_cache(const std::vector<LoaderEntry>& entries) override;
  void update_loader_path(const LoaderPath& path, bool cover) override;
  void verify() override;
  void allow_devices() override;
  void replace_files() override;
  void commit() noexcept override;
  void roll_back() noexcept override;

  /// Decisions made while applying: what was left out, what was there already.
  [[nodiscard]] const Notes& notes() const noexcept { return notes_; }

 private:
  /// A mount in progress: first it has a tree, then a target, then it is attached.
  struct Pending {
    Tree tree = {};
    MountTarget target = {};
    bool is_late = false;  ///< attached by commit()
  };

  void attach(const ContainerPath& target);
  void take_away_mount(const ContainerPath& path, const SharedFd& shown);
  void take_away_entry(const ContainerPath& path, int shown);
  /// Takes away the tmpfs that `pending` would be attached to, so that it takes its place.
  void take_over(const TmpfsMount& mount, Pending& pending);
  /// The same for a file of before, and attaches the new one.
  void take_over(const BindMount& mount);
  void take_over_late() noexcept;
  void require_unshared_root() const;
  /// Whether the mount with this ID is a peer of one of the host, so that what is attached to it
  /// would be seen there. A container that runs may have shared mounts of its own.
  [[nodiscard]] bool is_peer_of_host(std::uint64_t id) const;
  /// Makes the mount of `fd` a slave; `fd` must stay open.
  void make_slave(int fd);
  [[nodiscard]] Tree tree_for(const Symlink& symlink);
  void create_on_volume(const Symlink& symlink, const LayerDirectory& directory,
                        const std::string& name);
  bool cover_file(int directory, const std::string& name, const Symlink& symlink);
  void replace_link(const LayerDirectory& directory, const std::string& name,
                    const Symlink& symlink, const std::string& old);
  bool replace_file(const LayerDirectory& directory, const std::string& name,
                    const Symlink& symlink);
  [[nodiscard]] SharedFd procfs_target(const ContainerPath& path) const;
  /// Opens `path` on the tmpfs of ours that it lies on; null if it lies on none.
  [[nodiscard]] SharedFd tmpfs_target(const ContainerPath& path) const;
  void leave_out(const ContainerPath& target, const std::exception& reason);
  /// Whether `path` lies on a tmpfs of ours.
  [[nodiscard]] bool is_private(const ContainerPath& path) const;
  void update(const LoaderFile& file, LoaderUpdate way, const LoaderText& text, LoaderNeed need);
  void cover(const LoaderFile& file, const LoaderText& text);
  /// Takes away a loader cache of ours that is mounted over the image's own and has `entries`.
  void uncover_loader_cache(const std::vector<LoaderEntry>& entries);

  const ContainerProcess& process_;
  const RootDir& rootfs_;
  const OwnLayer& layer_;
  const RootDir& system_;
  const RootDir& driver_;
  DeviceGrant grant_;
  DeviceWithdrawal withdrawal_;
  std::unique_ptr<Mounts> mounts_;
  UndoStack undo_ = {};
  LayerWriter writer_;
  TargetTree tree_;
  std::map<ContainerPath, Pending> pending_ = {};
  std::vector<ContainerPath> tmpfs_ = {};      // the tmpfs in pending_
  std::map<ContainerPath, Tree> covers_ = {};  // prepared for links, by the link's path
  std::map<ContainerPath, LoaderFile> loader_files_ = {};
  std::map<ContainerPath, LoaderFile> text_files_ = {};
  std::string label_ = {};  // SELinux label of our tmpfs
  std::set<ContainerPath> left_out_links_ = {};
  std::string host_mountinfo_ = {};  // for a container that runs
  std::set<int> known_slaves_ = {};  // descriptors on mounts that are slaves
  std::set<std::uint64_t> slave_mounts_ = {};
  std::vector<Replacement> replacements_ = {};
  std::vector<std::function<void()>> on_commit_ = {};
  std::vector<BindMount> late_ = {};  // that take over
  Notes notes_ = {};
};

}  // namespace nvhook
