// SPDX-License-Identifier: Apache-2.0
// Plans for Docker and LXC, each of which has one configuration file to edit.
#include "command/engines/docker_config.hpp"
#include "command/engines/lxc_config.hpp"
#include "command/setup/setup_plan.hpp"

namespace nvhook {
namespace {

constexpr const char* kPlaces = " is not in the directories in which services look (/usr/bin, …)";

void note_program(const RootDir& system, const std::string& name, const std::string& use,
                  SetupPlan& plan) {
  const std::string path = find_program(system, name);
  if (path.empty()) {
    plan.lacking.push_back(name + kPlaces + ", and " + use + ": install it there");
  } else {
    plan.found.push_back(path + ": " + use);
  }
}

std::string chosen(const SetupRequest& request, const std::string& own,
                   const std::string& of_user = {}) {
  if (!request.config_file.empty()) return request.config_file;
  return request.user_config.empty() || of_user.empty() ? own : request.user_config + of_user;
}

}  // namespace

std::string runtime_program(const SetupRequest& request, const RootDir& system, SetupPlan& plan) {
  if (!request.runtime_path.empty()) {
    if (!has_file(system, request.runtime_path)) {
      plan.lacking.push_back(request.runtime_path +
                             " is not there: install it, or leave "
                             "--runtime-path out");
    }
    return request.runtime_path;
  }
  std::string path = find_program(system, kRuntimeProgram);
  if (path.empty()) {
    path = std::string(OCI_NVIDIA_BINDIR) + "/" + kRuntimeProgram;
    plan.lacking.push_back(path + " is not there: install oci-nvidia-hook");
  }
  return path;
}

SetupPlan plan_docker(const SetupRequest& request, const RootDir& system) {
  SetupPlan plan;
  const std::string path = chosen(request, "/etc/docker/daemon.json", "/docker/daemon.json");
  FileChange change{.path = path, .before = read_engine_file(system, path)};
  change.after = change.before;
  // A name without directories is looked up by dockerd.
  const std::string program = request.runtime_path.empty() ? kRuntimeProgram : request.runtime_path;
  if (request.undo) change.after = without_docker_runtime(change.before, program, path);
  if (request.cdi) change.after = with_docker_cdi(change.before, path);
  const std::vector<std::string> systemctl = request.user_config.empty()
                                                 ? std::vector<std::string>{"systemctl"}
                                                 : std::vector<std::string>{"systemctl", "--user"};
  plan.activation = systemctl;
  if (request.undo || (request.runtime && !request.cdi)) {
    plan.activation.insert(plan.activation.end(), {"reload", "docker"});
  } else {
    // Docker looks for the hook and for CDI specifications only when it starts.
    plan.activation.insert(plan.activation.end(), {"restart", "docker"});
  }
  if (!request.undo) {
    note_program(system, "nvidia-container-runtime-hook", "dockerd takes it for `--gpus`", plan);
    plan.next.emplace_back("docker run --rm --gpus all debian nvidia-smi -L");
  }
  if (request.runtime && !request.undo) {
    if (request.runtime_path.empty()) {
      note_program(system, kRuntimeProgram, "dockerd starts it for `--runtime=nvidia`", plan);
    } else {
      static_cast<void>(runtime_program(request, system, plan));
    }
    change.after = with_docker_runtime(change.after, {program, request.set_default}, path);
    plan.next = {
        "docker run --rm --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=all debian nvidia-smi "
        "-L"};
  }
  if ((request.undo || request.runtime) && !change.is_needed()) plan.activation.clear();
  plan.changes.push_back(std::move(change));
  return plan;
}

SetupPlan plan_lxc(const SetupRequest& request, const RootDir& system) {
  SetupPlan plan;
  const std::string path = chosen(request, "/etc/lxc/default.conf", "/lxc/default.conf");
  FileChange change{.path = path, .before = read_engine_file(system, path)};
  if (request.undo) {
    change.after = without_lxc_hook(change.before, path);
  } else {
    note_program(system, "nvidia-container-cli", "LXC's hook starts it", plan);
    if (has_file(system, kLxcHook)) {
      plan.found.push_back(std::string(kLxcHook) + ": LXC's own hook");
    } else {
      plan.lacking.push_back(std::string(kLxcHook) + " is not there: install LXC");
    }
    // The default configuration must not request GPUs: each new container says in its own what it
    // wants.
    const bool is_container = !request.config_file.empty();
    change.after = with_lxc_hook(change.before, is_container);
    if (!is_container) {
      plan.next.emplace_back(
          "lxc.environment = NVIDIA_VISIBLE_DEVICES=all, in the configuration of a new container");
    }
    plan.next.emplace_back("unprivileged containers only: LXC's hook refuses others");
  }
  plan.changes.push_back(std::move(change));
  return plan;
}

}  // namespace nvhook
