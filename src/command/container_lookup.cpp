// SPDX-License-Identifier: Apache-2.0
// Reads what container engines write down.
#include "command/container_lookup.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "command/storage_conf.hpp"
#include "core/error.hpp"
#include "core/proc_text.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 16UL << 20U;
constexpr std::size_t kMaxUserDatabase = 16UL << 20U;
constexpr std::size_t kMaxStat = 4096;
constexpr std::size_t kShownId = 12;

/// Where one user's containers are written down: /run and /var/lib, or directories of their own.
struct Place {
  std::string run = {};
  StorageRoots storage = {};
};

class Search {
 public:
  explicit Search(const RootDir& system) : system_(system) {}

  void look_at(const Place& place) {
    read_storage(place.storage);
    read_runtime(place.run + "/runc", "/state.json", parse_runc_state);
    read_runtime(place.run + "/crun", "/status", parse_crun_status);
  }

  /// containerd's tasks, by namespace; Docker's are in one called moby, and so are those of a
  /// containerd that dockerd started for itself.
  void look_at_containerd() {
    docker_root_ = parse_docker_data_root(read("/etc/docker/daemon.json"));
    for (const char* state : {"/run/containerd", "/run/docker/containerd/daemon"}) {
      const std::string tasks = std::string(state) + "/io.containerd.runtime.v2.task";
      for (const std::string& space : list(tasks)) {
        for (const std::string& id : list(tasks + "/" + space)) {
          add_task(tasks + "/" + space + "/" + id, space, id);
        }
      }
    }
  }

  /// Engines first.
  [[nodiscard]] std::vector<ContainerRecord> records() const {
    std::vector<ContainerRecord> all = engines_;
    all.insert(all.end(), runtimes_.begin(), runtimes_.end());
    std::vector<ContainerRecord> result = merged(all);
    for (ContainerRecord& record : result) {
      if (!is_alive(record.pid)) record.pid = 0;
    }
    return result;
  }

  [[nodiscard]] bool is_alive(pid_t pid) const {
    if (pid <= 0) return false;
    const auto stat = system_.read("/proc/" + std::to_string(pid) + "/stat", kMaxStat);
    return stat && !is_dead(*stat);
  }

  /// A directory that may not be read; empty if there is none.
  [[nodiscard]] const std::string& denied() const { return denied_; }

 private:
  std::vector<std::string> list(const std::string& directory) {
    if (!system_.open(directory, O_RDONLY | O_DIRECTORY)) {
      if (errno == EACCES && denied_.empty()) denied_ = directory;
      return {};
    }
    return system_.list(directory);
  }

  [[nodiscard]] std::string read(const std::string& path) const {
    return system_.read(path, kMaxState).value_or("");
  }

  [[nodiscard]] bool exists(const std::string& path) const {
    return static_cast<bool>(system_.open(path, O_PATH));
  }

  void read_runtime(const std::string& directory, const std::string& file,
                    ContainerRecord (*parse)(std::string_view)) {
    for (const std::string& id : list(directory)) {
      const std::string text = read(directory + "/" + id + file);
      if (text.empty()) continue;
      ContainerRecord record = parse(text);
      record.id = id;  // by which the runtime knows it
      runtimes_.push_back(std::move(record));
    }
  }

  void add_task(const std::string& directory, const std::string& space, const std::string& id) {
    const bool is_docker = space == "moby";
    ContainerRecord record{.engine = is_docker ? "Docker" : "containerd",
                           .id = id,
                           .pid = parse_pid_file(read(directory + "/init.pid")),
                           .bundle = directory};
    if (is_docker) {
      record.name = parse_docker_name(read(docker_root_ + "/containers/" + id + "/config.v2.json"));
    }
    engines_.push_back(std::move(record));
  }

  /// `<driver>-containers` of containers/storage, overlay as a rule.
  void read_storage(const StorageRoots& roots) {
    for (const std::string& name : list(roots.graph)) {
      if (!name.ends_with("-containers")) continue;
      const std::string graph = roots.graph + "/" + name;
      for (ContainerRecord& record : parse_storage_containers(read(graph + "/containers.json"))) {
        if (record.id.find('/') != std::string::npos) continue;
        for (const std::string& top : {roots.run + "/" + name, graph}) {
          const std::string data = top + "/" + record.id + "/userdata";
          if (record.pid == 0) record.pid = parse_pid_file(read(data + "/pidfile"));
          if (record.bundle.empty() && exists(data + "/config.json")) record.bundle = data;
        }
        engines_.push_back(std::move(record));
      }
    }
  }

  const RootDir& system_;
  std::vector<ContainerRecord> engines_ = {};
  std::vector<ContainerRecord> runtimes_ = {};
  std::string docker_root_ = {};
  std::string denied_ = {};
};

Place place_of_root(const RootDir& system) {
  const std::string conf = system.read("/etc/containers/storage.conf", kMaxState).value_or("");
  return {.run = "/run",
          .storage = parse_storage_conf(
              conf, {.run = "/run/containers/storage", .graph = "/var/lib/containers/storage"})};
}

/// A user without privileges, whose XDG_RUNTIME_DIR is `run`.
Place place_of_user(const std::string& run, const std::string& home) {
  return {
      .run = run,
      .storage = {.run = run + "/containers", .graph = home + "/.local/share/containers/storage"}};
}

std::vector<Place> places(const RootDir& system, const CallerContext& caller) {
  constexpr const char* kUsers = "/run/user";
  std::vector<Place> found{place_of_root(system)};
  const std::string passwd = system.read("/etc/passwd", kMaxUserDatabase).value_or("");
  for (const std::string& uid : system.list(kUsers)) {
    const auto number = parse_unsigned(uid);
    const auto home = number ? home_of(passwd, *number) : std::nullopt;
    found.push_back(place_of_user(std::string(kUsers) + "/" + uid, home.value_or("/nonexistent")));
  }
  const std::string& own = caller.runtime_directory;
  const bool is_known =
      std::any_of(found.begin(), found.end(), [&](const Place& place) { return place.run == own; });
  if (own.starts_with('/') && !is_known) found.push_back(place_of_user(own, caller.home));
  return found;
}

std::string ids_of(const std::vector<ContainerRecord>& records) {
  std::vector<std::string> names;
  names.reserve(records.size());
  for (const ContainerRecord& record : records) names.push_back(describe(record));
  return join(names, ", ");
}

[[noreturn]] void throw_unknown(const std::string& word, const std::string& denied) {
  std::string what = "no container or process `" + word +
                     "`: looked for in what Docker, containerd, Podman, CRI-O, runc and crun know";
  if (denied.empty()) {
    throw Error(Code::container_not_found, what,
                "give its id, the beginning of that, its name, or the number of its first process "
                "(docker ps, podman ps, crictl ps, runc list)");
  }
  throw Error(Code::container_not_found, what + "; `" + denied + "` may not be read",
              "sudo oci-nvidia …, or call it as the user whose container it is");
}

}  // namespace

ContainerRecord find_container(const std::string& word, const RootDir& system,
                               const CallerContext& caller) {
  Search search(system);
  search.look_at_containerd();
  for (const Place& place : places(system, caller)) search.look_at(place);
  const std::vector<ContainerRecord> records = search.records();
  const std::vector<ContainerRecord> found = matching(records, word);
  const bool is_exact = found.size() == 1 && (found[0].id == word || found[0].name == word);
  const pid_t pid = parse_pid_file(word);
  if (!is_exact && search.is_alive(pid)) {
    const auto known = std::find_if(records.begin(), records.end(),
                                    [&](const auto& record) { return record.pid == pid; });
    return known == records.end() ? ContainerRecord{.pid = pid} : *known;
  }
  if (found.size() == 1) return found[0];
  if (found.empty()) throw_unknown(word, search.denied());
  throw Error(Code::container_not_found,
              "`" + word + "` could be any of " + std::to_string(found.size()) +
                  " containers: " + cut_text(ids_of(found), 1000),
              "give more of the id");
}

std::string describe(const ContainerRecord& record) {
  if (record.id.empty()) return "process " + std::to_string(record.pid);
  // Ids of engines are hashes, those of runtimes are chosen by people.
  const bool is_hash = record.id.size() == 64 && !record.name.empty();
  const std::string id = is_hash ? record.id.substr(0, kShownId) : record.id;
  if (record.name.empty()) return "container " + id + " (" + record.engine + ")";
  return "container " + record.name + " (" + record.engine + ", " + id + ")";
}

}  // namespace nvhook
