// SPDX-License-Identifier: Apache-2.0
// What container engines write down about their containers, and which of them a word names.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// A container that an engine or an OCI runtime knows.
struct ContainerRecord {
  std::string engine = {};  ///< Docker, Podman, CRI-O, containerd, runc, crun
  std::string id = {};
  std::string name = {};  ///< empty: it has none but its id
  /// Its first process; 0 if it does not run or that is not known.
  pid_t pid = 0;
  /// Directory of its config.json on the host; empty if that is not known.
  std::string bundle = {};
  /// The number of the user without privileges whose engine says so; empty for root's, and for the
  /// caller's own.
  std::string user = {};

  friend bool operator==(const ContainerRecord&, const ContainerRecord&) = default;
};

// Each takes a text that another program wrote, and passes over what it does not know: what is not
// there stays empty.

/// state.json of runc 1.x: `init_process_pid`, and `bundle=` among the labels of `config`.
[[nodiscard]] ContainerRecord parse_runc_state(std::string_view json);
/// status of crun 1.x: `pid` and `bundle`.
[[nodiscard]] ContainerRecord parse_crun_status(std::string_view json);
/// A file with a number in it: containerd's init.pid, Podman's pidfile; 0 if it is none.
[[nodiscard]] pid_t parse_pid_file(std::string_view text);
/// Name in config.v2.json of Docker, without the slash that it begins with.
[[nodiscard]] std::string parse_docker_name(std::string_view json);
/// Where Docker keeps its containers: `data-root` of its daemon.json, or the usual place.
[[nodiscard]] std::string parse_docker_data_root(std::string_view json);
/// containers.json of containers/storage, which Podman and CRI-O share: engine, id and first name.
[[nodiscard]] std::vector<ContainerRecord> parse_storage_containers(std::string_view json);

/// One record for each id of a user: of several the first, with what only the others know. So
/// records of engines come before those of the runtimes that they use.
[[nodiscard]] std::vector<ContainerRecord> merged(const std::vector<ContainerRecord>& records);

/// The containers that `word` names: by id or name, or, if there is none, by the beginning of the
/// id. More than one is an ambiguity.
[[nodiscard]] std::vector<ContainerRecord> matching(const std::vector<ContainerRecord>& records,
                                                    std::string_view word);

}  // namespace nvhook
