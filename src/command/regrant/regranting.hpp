// SPDX-License-Identifier: Apache-2.0
// Grants one running container again what its plan says, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "command/containers/container_records.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What became of one container; in a dry run, what would become of it.
struct Regrant {
  enum class Result {
    granted,          ///< its device cgroup lacked `rules`
    told_to_systemd,  ///< nothing was lacking, but systemd would have taken it at the next reload
    nothing_to_do,    ///< it has all `rules`, or needs none
    left_alone,       ///< its devices are not the hook's to give, see `reason`
    failed,           ///< see `reason`
  };

  ContainerRecord container = {};
  Result result = Result::nothing_to_do;
  std::vector<DeviceRule> rules = {};
  std::string reason = {};
  /// Left alone, and so it is not known whether it can use its GPUs.
  bool is_unknown = false;
  Notes notes = {};
};

enum class Granting { done, only_shown };

/// Grants again what the container of `record`, which must run, has lost. The rules are those of a
/// plan made now from its config.json on the host, less those whose device node is not in the
/// container: these it was not given. It is the container's own cgroup that is changed, by the
/// engine's record, wherever its first process is.
///
/// Throws Error if the plan cannot be made, if the process is not in the cgroup of that container,
/// or if granting fails; nothing is changed then.
[[nodiscard]] Regrant regrant(const ContainerRecord& record, const HostConfig& config,
                              CommandContext& context, Granting granting);

}  // namespace nvhook
