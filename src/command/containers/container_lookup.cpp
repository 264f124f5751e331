// SPDX-License-Identifier: Apache-2.0
// Searches the records of all engines, those of root and the caller before those of other users.
#include "command/containers/container_lookup.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "command/containers/lxc_container.hpp"
#include "command/containers/record_reader.hpp"
#include "command/engines/storage_conf.hpp"
#include "host/facts/proc_text.hpp"
#include "text/error.hpp"
#include "text/process_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 16UL << 20U;
constexpr std::size_t kMaxUserDatabase = 16UL << 20U;
constexpr std::size_t kMaxStat = 4096;
constexpr std::size_t kMostContainers = 4096;
constexpr std::size_t kShownId = 12;

/// Where containers of one user are recorded: /run and /var/lib, or directories of the user.
struct RecordStore {
  std::string run = {};
  StorageRoots storage = {};
  std::string user = {};  ///< as in ContainerRecord
};

bool is_alive(const RootDir& system, pid_t pid) {
  if (pid <= 0) return false;
  const auto stat = system.read("/proc/" + std::to_string(pid) + "/stat", kMaxStat);
  return stat && !is_dead(*stat);
}

/// Collects container records from places whose writers are trusted alike.
class Search {
 public:
  explicit Search(const RootDir& system) : system_(system) {}

  void look_at(const RecordStore& place) {
    RecordReader reader(system_, place.user.empty() ? Writer::trusted : Writer::stranger);
    std::vector<ContainerRecord> runtimes;
    const std::size_t first = engines_.size();
    read_storage(place.storage, reader);
    read_runtime(place.run + "/runc", "/state.json", parse_runc_state, reader, runtimes);
    read_runtime(place.run + "/crun", "/status", parse_crun_status, reader, runtimes);
    for (ContainerRecord& record : runtimes) record.user = place.user;
    for (std::size_t i = first; i < engines_.size(); ++i) engines_[i].user = place.user;
    runtimes_.insert(runtimes_.end(), runtimes.begin(), runtimes.end());
    if (denied_.empty()) denied_ = reader.denied();
  }

  /// Reads containerd's tasks by namespace. Docker's are in the namespace `moby`, also in a
  /// containerd that dockerd started for itself.
  void look_at_containerd() {
    RecordReader reader(system_, Writer::trusted);
    docker_root_ = parse_docker_data_root(reader.read("/etc/docker/daemon.json"));
    for (const char* state : {"/run/containerd", "/run/docker/containerd/daemon"}) {
      const std::string tasks = std::string(state) + "/io.containerd.runtime.v2.task";
      for (const std::string& space : reader.list(tasks)) {
        for (const std::string& id : reader.list(tasks + "/" + space)) {
          add_task(tasks + "/" + space + "/" + id, space, id, reader);
        }
      }
    }
    if (denied_.empty()) denied_ = reader.denied();
  }

  /// Reads Docker's own files, which know containers that do not run, too. With userns-remap they
  /// are in a directory that the mapped user and group name.
  void look_at_docker() {
    RecordReader reader(system_, Writer::trusted);
    for (const std::string& name : reader.list(docker_root_)) {
      if (is_owner(name)) read_docker(docker_root_ + "/" + name, reader);
    }
    read_docker(docker_root_, reader);
    if (denied_.empty()) denied_ = reader.denied();
  }

  /// Records of engines precede those of runtimes.
  [[nodiscard]] std::vector<ContainerRecord> records() const {
    std::vector<ContainerRecord> all = engines_;
    all.insert(all.end(), runtimes_.begin(), runtimes_.end());
    std::vector<ContainerRecord> result = merged(all);
    for (ContainerRecord& record : result) {
      if (!is_alive(system_, record.pid)) record.pid = 0;
    }
    return result;
  }

  /// A directory that could not be read for lack of permission; empty if there was none.
  [[nodiscard]] const std::string& denied() const { return denied_; }

 private:
  static void read_runtime(const std::string& directory, const std::string& file,
                           ContainerRecord (*parse)(std::string_view), RecordReader& reader,
                           std::vector<ContainerRecord>& records) {
    for (const std::string& id : reader.list(directory)) {
      const std::string text = reader.read(directory + "/" + id + file);
      if (text.empty()) continue;
      ContainerRecord record = parse(text);
      record.id = id;  // the id under which the runtime knows the container
      records.push_back(std::move(record));
    }
  }

  /// Whether `name` is of the form `100000.100000`.
  static bool is_owner(const std::string& name) {
    const std::vector<std::string_view> parts = split(name, '.');
    return parts.size() == 2 && parse_unsigned(parts[0]) && parse_unsigned(parts[1]);
  }

  void read_docker(const std::string& data, RecordReader& reader) {
    const std::string containers = data + "/containers";
    for (const std::string& id : reader.list(containers)) {
      const std::string files = containers + "/" + id;
      const std::string text = reader.read(files + "/config.v2.json");
      if (text.empty()) continue;
      engines_.push_back(
          {.engine = "Docker", .id = id, .name = parse_docker_name(text), .docker_files = files});
    }
  }

  void add_task(const std::string& directory, const std::string& space, const std::string& id,
                RecordReader& reader) {
    const bool is_docker = space == "moby";
    ContainerRecord record{.engine = is_docker ? "Docker" : "containerd",
                           .id = id,
                           .pid = parse_pid_file(reader.read(directory + "/init.pid")),
                           .bundle = directory};
    if (is_docker) {
      record.name =
          parse_docker_name(reader.read(docker_root_ + "/containers/" + id + "/config.v2.json"));
    }
    engines_.push_back(std::move(record));
  }

  /// Reads `<driver>-containers` of containers/storage; the driver is usually overlay.
  void read_storage(const StorageRoots& roots, RecordReader& reader) {
    for (const std::string& name : reader.list(roots.graph)) {
      if (name.ends_with("-containers")) read_containers(roots, name, reader);
    }
  }

  void read_containers(const StorageRoots& roots, const std::string& name, RecordReader& reader) {
    const std::string graph = roots.graph + "/" + name;
    auto records = parse_storage_containers(reader.read(graph + "/containers.json"));
    if (records.size() > kMostContainers) records.resize(kMostContainers);
    for (ContainerRecord& record : records) {
      if (record.id.find('/') != std::string::npos) continue;
      for (const std::string& top : {roots.run + "/" + name, graph}) {
        const std::string data = top + "/" + record.id + "/userdata";
        if (record.pid == 0) record.pid = parse_pid_file(reader.read(data + "/pidfile"));
        if (record.bundle.empty() && reader.exists(data + "/config.json")) record.bundle = data;
      }
      engines_.push_back(std::move(record));
    }
  }

  const RootDir& system_;
  std::vector<ContainerRecord> engines_ = {};
  std::vector<ContainerRecord> runtimes_ = {};
  std::string docker_root_ = {};
  std::string denied_ = {};
};

RecordStore place_of_root(const RootDir& system) {
  const std::string conf = system.read("/etc/containers/storage.conf", kMaxState).value_or("");
  return {.run = "/run",
          .storage = parse_storage_conf(
              conf, {.run = "/run/containers/storage", .graph = "/var/lib/containers/storage"})};
}

/// The directories of an unprivileged user whose XDG_RUNTIME_DIR is `run`.
RecordStore place_of_user(const std::string& run, const std::string& home,
                          const std::string& user) {
  return {
      .run = run,
      .storage = {.run = run + "/containers", .graph = home + "/.local/share/containers/storage"},
      .user = user};
}

/// The caller's own directories; nullopt for root, whose environment may be a user's that sudo
/// kept.
std::optional<RecordStore> place_of_caller(const CallerContext& caller) {
  const std::string& own = caller.runtime_directory;
  if (::geteuid() == 0 || !own.starts_with('/')) return std::nullopt;
  return place_of_user(own, caller.home, "");
}

/// The directories of all users who are logged in.
std::vector<RecordStore> places_of_users(const RootDir& system, const std::string& own) {
  constexpr const char* kUsers = "/run/user";
  std::vector<RecordStore> found;
  const std::string passwd = system.read("/etc/passwd", kMaxUserDatabase).value_or("");
  for (const std::string& uid : system.list(kUsers)) {
    const auto number = parse_unsigned(uid);
    const std::string run = std::string(kUsers) + "/" + uid;
    if (!number || run == own) continue;
    const auto home = home_of(passwd, *number);
    found.push_back(place_of_user(run, home.value_or("/nonexistent"), uid));
  }
  return found;
}

std::string ids_of(const std::vector<ContainerRecord>& records) {
  std::vector<std::string> names;
  names.reserve(records.size());
  for (const ContainerRecord& record : records) names.push_back(describe(record));
  return join(names, ", ");
}

[[noreturn]] void throw_unknown(const std::string& word, const std::string& denied) {
  std::string what =
      "no container or process `" + word +
      "`: looked for in what Docker, containerd, Podman, CRI-O, runc, crun and LXC know";
  if (denied.empty()) {
    throw Error(Code::container_not_found, what,
                "give its id, the beginning of that, its name, or the number of its first process "
                "(docker ps, podman ps, crictl ps, runc list)");
  }
  throw Error(Code::container_not_found, what + "; `" + denied + "` may not be read",
              "sudo oci-nvidia …, or call it as the user whose container it is");
}

/// Returns the record that `word` names or whose id it begins. Throws Error(container_not_found) if
/// there are several.
std::optional<ContainerRecord> choose(const std::vector<ContainerRecord>& records,
                                      const std::string& word) {
  const std::vector<ContainerRecord> found = matching(records, word);
  if (found.empty()) return std::nullopt;
  if (found.size() == 1) return found[0];
  throw Error(Code::container_not_found,
              "`" + word + "` could be any of " + std::to_string(found.size()) +
                  " containers: " + cut_text(ids_of(found), 1000),
              "give more of the id");
}

/// Records of other users count only if no trusted record matches: a user can record any name and
/// any process.
std::optional<ContainerRecord> choose_of_users(const std::vector<ContainerRecord>& records,
                                               const std::string& word) {
  const auto colon = word.find(':');
  if (colon == std::string::npos) return choose(records, word);
  std::vector<ContainerRecord> of_one;
  std::copy_if(records.begin(), records.end(), std::back_inserter(of_one),
               [&](const auto& record) { return record.user == word.substr(0, colon); });
  return choose(of_one, word.substr(colon + 1));
}

/// A process needs no record: any pid is valid. If a record knows it, that gives its name.
ContainerRecord of_process(pid_t pid, const std::vector<ContainerRecord>& trusted,
                           const std::vector<ContainerRecord>& of_users) {
  for (const auto* records : {&trusted, &of_users}) {
    const auto known = std::find_if(records->begin(), records->end(),
                                    [&](const auto& record) { return record.pid == pid; });
    if (known != records->end()) return *known;
  }
  return {.pid = pid};
}

Search search_trusted(const RootDir& system, const CallerContext& caller) {
  Search search(system);
  search.look_at_containerd();
  search.look_at(place_of_root(system));
  if (const auto own = place_of_caller(caller)) search.look_at(*own);
  return search;
}

Search search_users(const RootDir& system, const CallerContext& caller) {
  const auto own = place_of_caller(caller);
  Search search(system);
  for (const RecordStore& place : places_of_users(system, own ? own->run : "")) {
    search.look_at(place);
  }
  return search;
}

}  // namespace

ContainerRecord find_container(const std::string& word, const RootDir& system,
                               const CallerContext& caller) {
  Search search = search_trusted(system, caller);
  search.look_at_docker();
  const std::vector<ContainerRecord> trusted = search.records();
  const auto has_exactly = [&](const ContainerRecord& record) {
    return record.id == word || record.name == word;
  };
  const bool is_exact = std::count_if(trusted.begin(), trusted.end(), has_exactly) == 1;
  const pid_t pid = parse_pid_file(word);
  const bool is_process = !is_exact && is_alive(system, pid);
  if (!is_process) {
    if (const auto found = choose(trusted, word)) return *found;
  }
  const Search users = search_users(system, caller);
  const std::vector<ContainerRecord> of_users = users.records();
  if (is_process) return of_process(pid, trusted, of_users);
  if (const auto found = choose_of_users(of_users, word)) return *found;
  if (const auto found = find_lxc_container(word, system)) return *found;
  throw_unknown(word, search.denied());
}

SeenContainers seen_containers(const RootDir& system, const CallerContext& caller) {
  const Search trusted = search_trusted(system, caller);
  SeenContainers seen{.containers = trusted.records(), .denied = trusted.denied()};
  const std::vector<ContainerRecord> of_users = search_users(system, caller).records();
  seen.containers.insert(seen.containers.end(), of_users.begin(), of_users.end());
  std::erase_if(seen.containers, [](const ContainerRecord& record) { return record.pid == 0; });
  return seen;
}

ContainerRecord running_container(const std::string& word, const RootDir& system,
                                  const CallerContext& caller) {
  ContainerRecord record = find_container(word, system, caller);
  if (record.pid != 0) return record;
  throw Error(Code::container_gone, describe(record) + " does not run",
              "start it: the hook then gives it the devices that it asks for");
}

std::vector<ContainerRecord> running_containers(const RootDir& system,
                                                const CallerContext& caller) {
  SeenContainers seen = seen_containers(system, caller);
  if (!seen.denied.empty()) {
    throw Error(Code::container_not_found, "`" + seen.denied + "` may not be read",
                "sudo oci-nvidia …");
  }
  return std::move(seen.containers);
}

std::string word_of(const ContainerRecord& record) {
  const std::string user = record.user.empty() ? "" : record.user + ":";
  return user + (record.name.empty() ? record.id : record.name);
}

std::string describe(const ContainerRecord& record) {
  if (record.id.empty()) return "process " + std::to_string(record.pid);
  // Engines use hashes as ids; ids of runtimes are chosen by people.
  const bool is_hash = record.id.size() == 64 && !record.name.empty();
  const std::string id = is_hash ? record.id.substr(0, kShownId) : record.id;
  const std::string engine = record.engine + (record.user.empty() ? "" : " of user " + record.user);
  if (record.name.empty()) return "container " + id + " (" + engine + ")";
  return "container " + record.name + " (" + engine + ", " + id + ")";
}

}  // namespace nvhook
