// SPDX-License-Identifier: Apache-2.0
// Finds a container by id, name or process in the records of the host's engines.
#pragma once

#include <string>
#include <vector>

#include "command/containers/container_records.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the container that `word` names: by its id, the beginning of its id, its name, or the
/// number of its first process. For a process that no engine knows the record has a pid only.
/// Searches runc, crun, containerd, Docker, Podman and CRI-O below `system`, as root and the caller
/// use them; if no such container is found there, also those of other unprivileged users, where
/// `1000:name` names the user, too, and those of LXC by name. Throws Error(container_not_found) if
/// `word` names no container, or several.
[[nodiscard]] ContainerRecord find_container(const std::string& word, const RootDir& system,
                                             const CallerContext& caller);

struct SeenContainers {
  std::vector<ContainerRecord> containers = {};
  /// A directory of records that may not be read; empty if there was none.
  std::string denied = {};
};

/// Returns the containers that run, of root and the caller, then of other users, as far as their
/// records may be read.
[[nodiscard]] SeenContainers seen_containers(const RootDir& system, const CallerContext& caller);

/// As find_container(). Throws Error(container_gone) if the container does not run.
[[nodiscard]] ContainerRecord running_container(const std::string& word, const RootDir& system,
                                                const CallerContext& caller);

/// Returns the containers that run, of root and the caller and of other users, as find_container()
/// would find them. Throws Error(container_not_found) if a record may not be read.
[[nodiscard]] std::vector<ContainerRecord> running_containers(const RootDir& system,
                                                              const CallerContext& caller);

/// Returns the word by which find_container() finds `record`: its name, or its id if it has none.
[[nodiscard]] std::string word_of(const ContainerRecord& record);

/// Returns for example `container web (Podman, 4f1c…)`, `container web (Podman of user 1000,
/// 4f1c…)`, `process 4711`.
[[nodiscard]] std::string describe(const ContainerRecord& record);

}  // namespace nvhook
