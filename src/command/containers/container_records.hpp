// SPDX-License-Identifier: Apache-2.0
// What container engines record about their containers, and which record a word matches.
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
  std::string name = {};  ///< empty: the container has only an id
  /// First process; 0 if the container is not running or the process is not known.
  pid_t pid = 0;
  /// Directory of config.json on the host; empty if unknown.
  std::string bundle = {};
  /// Where Docker keeps what it makes the container of, whether it runs or not: config.v2.json and
  /// hostconfig.json; empty for other engines.
  std::string docker_files = {};
  /// Uid of the unprivileged user whose engine wrote this; empty for root's engines and for the
  /// caller's own.
  std::string user = {};

  friend bool operator==(const ContainerRecord&, const ContainerRecord&) = default;
};

// Each parser takes a text that another program wrote and ignores what it does not know. Fields
// that the text does not have stay empty.

/// state.json of runc 1.x: `init_process_pid`, and `bundle=` among the labels of `config`.
[[nodiscard]] ContainerRecord parse_runc_state(std::string_view json);
/// status of crun 1.x: `pid` and `bundle`.
[[nodiscard]] ContainerRecord parse_crun_status(std::string_view json);
/// A file that contains a number: containerd's init.pid, Podman's pidfile. Returns 0 if it does
/// not.
[[nodiscard]] pid_t parse_pid_file(std::string_view text);
/// The name in Docker's config.v2.json, without its leading slash.
[[nodiscard]] std::string parse_docker_name(std::string_view json);
/// Where Docker keeps its containers: `data-root` in its daemon.json, or the default.
[[nodiscard]] std::string parse_docker_data_root(std::string_view json);
/// containers.json of containers/storage, which Podman and CRI-O share: engine, id and first name.
[[nodiscard]] std::vector<ContainerRecord> parse_storage_containers(std::string_view json);

/// Merges records so that each id of a user occurs once: the first record counts, and later ones
/// only fill in what it lacks. Records of engines must therefore precede those of runtimes.
[[nodiscard]] std::vector<ContainerRecord> merged(const std::vector<ContainerRecord>& records);

/// Returns the containers that `word` names by id or name or, if there are none, those whose id
/// begins with it. More than one is an ambiguity.
[[nodiscard]] std::vector<ContainerRecord> matching(const std::vector<ContainerRecord>& records,
                                                    std::string_view word);

}  // namespace nvhook
