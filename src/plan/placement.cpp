// SPDX-License-Identifier: Apache-2.0
// Libraries of one directory move together, so that their links keep working.
#include "plan/placement.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_below(const ContainerPath& path, const ContainerPath& directory) {
  return path.str().starts_with(directory.str() + "/");
}

bool is_on(std::string_view top, const ContainerPath& path) { return path.str().starts_with(top); }

class Placer {
 public:
  Placer(Plan plan, const PlacementFacts& facts, Placement placement)
      : plan_(std::move(plan)), facts_(facts), moves_all_(placement != Placement::standard) {}

  bool needs_directory() {
    find_library_directories();
    return !libraries_.empty() || std::any_of(plan_.mounts.begin(), plan_.mounts.end(),
                                              [&](const BindMount& mount) { return moves(mount); });
  }

  Plan make() {
    leave_out_unusable();
    find_library_directories();
    for (BindMount& mount : plan_.mounts) {
      if (moves(mount)) move(mount);
    }
    leave_out_unreachable();
    move_links();
    move_loader_entries();
    add_links();
    if (!entries_.empty()) add_tmpfs();
    plan_.cover_loader_files = moves_all_;
    return std::move(plan_);
  }

 private:
  [[nodiscard]] bool is_closed(const ContainerPath& directory) const {
    return facts_.closed.contains(directory);
  }

  /// Finds the directories of the driver's libraries that move, and their names after that.
  void find_library_directories() {
    for (const LoaderEntry& entry : plan_.loader_entries) {
      const ContainerPath directory = entry.path.parent();
      if (has_mounts(directory) && (moves_all_ || (is_closed(directory) && lacks(directory)))) {
        libraries_[directory] = entry.abi == Abi::native ? "lib64" : "lib32";
      }
    }
  }

  /// False for the image's own libraries, which are only listed in the loader cache.
  [[nodiscard]] bool has_mounts(const ContainerPath& directory) const {
    return std::any_of(plan_.mounts.begin(), plan_.mounts.end(), [&](const BindMount& mount) {
      return mount.target.parent() == directory && is_movable(mount, plan_);
    });
  }

  /// Whether something would have to be made in `directory`.
  [[nodiscard]] bool lacks(const ContainerPath& directory) const {
    const auto is_missing = [&](const ContainerPath& path) {
      return path.parent() == directory && !facts_.present.contains(path);
    };
    return std::any_of(plan_.mounts.begin(), plan_.mounts.end(),
                       [&](const BindMount& mount) { return is_missing(mount.target); }) ||
           std::any_of(plan_.symlinks.begin(), plan_.symlinks.end(), [&](const Symlink& symlink) {
             return !symlink.optional && is_missing(symlink.link);
           });
  }

  [[nodiscard]] bool moves(const BindMount& mount) const {
    if (!is_movable(mount, plan_)) return false;
    if (libraries_.contains(mount.target.parent())) return true;
    if (facts_.present.contains(mount.target)) return false;
    return is_closed(mount.target.parent()) ? !mount.optional : moves_all_;
  }

  /// The path of `path` below the private directory.
  [[nodiscard]] std::string private_name(const ContainerPath& path) const {
    const auto library = libraries_.find(path.parent());
    if (library != libraries_.end()) return library->second + "/" + path.filename();
    if (path.parent().str() == "/usr/bin") return "bin/" + path.filename();
    return path.str().substr(1);
  }

  [[nodiscard]] const ContainerPath& directory() const {
    if (facts_.private_directory) return *facts_.private_directory;
    std::string tried;
    for (const ContainerPath& one : private_directories()) {
      tried += (tried.empty() ? "" : ", ") + one.str();
    }
    const std::string why = facts_.closed.empty()
                                ? "placement is `private`"
                                : "`" + facts_.closed.begin()->first.str() + "` in the container " +
                                      facts_.closed.begin()->second;
    throw Error(Code::target_on_volume,
                why + ", and there is no place of the container's own for the driver's files (" +
                    tried + ")",
                "mount that volume elsewhere, or give the container a tmpfs on /run");
  }

  void move(BindMount& mount) {
    const std::string name = private_name(mount.target);
    add_parents(name);
    entries_.push_back({.path = name,
                        .directory = mount.type == SourceType::directory,
                        .mode = mount.type == SourceType::directory ? 0755U : 0444U});
    const ContainerPath usual = std::exchange(mount.target, directory() / name);
    moved_[usual] = mount.target;
    if (libraries_.contains(usual.parent())) return;
    if (is_closed(usual.parent())) {
      plan_.notes.push_back(info("no link at " + usual.str() + ", because " + usual.parent().str() +
                                 " " + facts_.closed.at(usual.parent()) + ": it is " +
                                 mount.target.str()));
      return;
    }
    BindMount cover = mount;
    cover.target = usual;
    links_.push_back({.link = usual,
                      .target = mount.target.str(),
                      .replace = true,
                      .optional = true,
                      .cover = std::move(cover),
                      .reason = mount.reason});
  }

  /// Whether a link is left out, because nothing may be made in its directory.
  [[nodiscard]] bool is_unmakeable(const Symlink& symlink) const {
    return symlink.optional && is_closed(symlink.link.parent()) &&
           !facts_.present.contains(symlink.link);
  }

  /// Leaves out programs without the link to a loader: the kernel would say that they do not exist.
  void leave_out_unusable() {
    for (const Symlink& symlink : plan_.symlinks) {
      if (!is_unmakeable(symlink)) continue;
      std::erase_if(plan_.mounts, [&](const BindMount& mount) {
        if (mount.needs != symlink.link) return false;
        plan_.notes.push_back(warning("left out " + mount.target.str() + ": there can be no `" +
                                      symlink.link.str() + "`, which starts it"));
        return true;
      });
    }
  }

  /// Leaves out optional mounts whose only directory is closed.
  void leave_out_unreachable() {
    std::erase_if(plan_.mounts, [&](const BindMount& mount) {
      if (!mount.optional || !is_closed(mount.target.parent()) ||
          facts_.present.contains(mount.target) || !is_movable(mount, plan_)) {
        return false;
      }
      plan_.notes.push_back(warning("left out " + mount.target.str() + ": its directory " +
                                    facts_.closed.at(mount.target.parent())));
      return true;
    });
  }

  /// Links beside libraries move with them; other links get the new targets.
  void move_links() {
    std::vector<Symlink> kept;
    for (Symlink& symlink : plan_.symlinks) {
      const ContainerPath parent = symlink.link.parent();
      if (libraries_.contains(parent) && symlink.target.find('/') == std::string::npos) {
        const std::string name = private_name(symlink.link);
        moved_[symlink.link] = directory() / name;
        entries_.push_back({.path = name, .link = symlink.target});
        continue;
      }
      kept.push_back(std::move(symlink));
    }
    plan_.symlinks.clear();
    for (Symlink& symlink : kept) {
      const std::string leads_to = symlink.target.starts_with('/')
                                       ? symlink.target
                                       : symlink.link.parent().str() + "/" + symlink.target;
      const auto target = moved_.find(ContainerPath(clean_path(leads_to)));
      if (target != moved_.end()) symlink.target = target->second.str();
      if (is_unmakeable(symlink)) {
        plan_.notes.push_back(info("left out link " + symlink.link.str() + ": its directory " +
                                   facts_.closed.at(symlink.link.parent())));
        continue;
      }
      plan_.symlinks.push_back(std::move(symlink));
    }
  }

  void move_loader_entries() {
    for (LoaderEntry& entry : plan_.loader_entries) {
      if (!libraries_.contains(entry.path.parent())) continue;
      entry.path = directory() / private_name(entry.path);
    }
    if (!plan_.loader_path) return;
    for (ContainerPath& one : plan_.loader_path->directories) {
      const auto library = libraries_.find(one);
      if (library != libraries_.end()) one = directory() / library->second;
    }
  }

  void add_links() {
    for (Symlink& link : links_) plan_.symlinks.push_back(std::move(link));
  }

  void add_parents(const std::string& name) {
    for (std::size_t end = name.find('/'); end != std::string::npos;
         end = name.find('/', end + 1)) {
      const std::string parent = name.substr(0, end);
      if (!parents_.insert(parent).second) continue;
      entries_.push_back({.path = parent, .directory = true, .mode = 0755});
    }
  }

  void add_tmpfs() {
    entries_.push_back({.path = kPrivateMark, .content = kPrivateMarkText, .mode = 0444});
    const std::string label = plan_.tmpfs.empty() ? "" : plan_.tmpfs.front().label;
    plan_.tmpfs.push_back({.target = directory(),
                           .mode = 0755,
                           .label = label,
                           .entries = std::move(entries_),
                           .read_only = true,
                           .reason = moves_all_ ? "placement = private"
                                                : "driver files whose directory is not for us"});
  }

  Plan plan_;
  const PlacementFacts& facts_;
  bool moves_all_;
  std::map<ContainerPath, std::string> libraries_ = {};
  std::map<ContainerPath, ContainerPath> moved_ = {};  ///< old path, new path
  std::set<std::string> parents_ = {};
  std::vector<TmpfsEntry> entries_ = {};
  std::vector<Symlink> links_ = {};
};

}  // namespace

const std::vector<ContainerPath>& private_directories() {
  static const std::vector<ContainerPath> directories{
      ContainerPath("/usr/local/nvidia"), ContainerPath("/opt/nvidia-driver"),
      ContainerPath("/run/nvidia-driver"), ContainerPath("/dev/nvidia-driver")};
  return directories;
}

std::set<ContainerPath> directories_of(const Plan& plan) {
  std::set<ContainerPath> directories;
  for (const BindMount& mount : plan.mounts) {
    if (is_movable(mount, plan)) directories.insert(mount.target.parent());
  }
  for (const Symlink& symlink : plan.symlinks) directories.insert(symlink.link.parent());
  return directories;
}

bool is_movable(const BindMount& mount, const Plan& plan) {
  return mount.type != SourceType::character_device && !is_on("/proc/", mount.target) &&
         !is_on("/dev/", mount.target) &&
         std::none_of(plan.tmpfs.begin(), plan.tmpfs.end(), [&](const TmpfsMount& tmpfs) {
           return is_below(mount.target, tmpfs.target);
         });
}

bool needs_private_directory(const Plan& plan, const PlacementFacts& facts, Placement placement) {
  return Placer(plan, facts, placement).needs_directory();
}

Plan place(Plan plan, const PlacementFacts& facts, Placement placement) {
  if (placement == Placement::standard && facts.closed.empty()) return plan;
  return Placer(std::move(plan), facts, placement).make();
}

}  // namespace nvhook
