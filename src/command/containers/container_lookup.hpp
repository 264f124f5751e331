// SPDX-License-Identifier: Apache-2.0
// Finds a container by id, name or process, in what the engines of this host write down.
#pragma once

#include <string>

#include "command/containers/container_records.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// The container that `word` names: its id, the beginning of it, its name, or the number of its
/// first process. A process that no engine knows (LXC, or none) is a record with a pid alone. Looks
/// at runc, crun, containerd, Docker, Podman and CRI-O below `system`, as root and the caller have
/// them; where they know no such container, at those of other users without privileges, one of
/// which is named by `1000:name`, too. Throws Error(container_not_found) for a word that names none
/// or several.
[[nodiscard]] ContainerRecord find_container(const std::string& word, const RootDir& system,
                                             const CallerContext& caller);

/// `container web (Podman, 4f1c…)`, `container web (Podman of user 1000, 4f1c…)`, `process 4711`
[[nodiscard]] std::string describe(const ContainerRecord& record);

}  // namespace nvhook
