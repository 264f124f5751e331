// SPDX-License-Identifier: Apache-2.0
// Checks which container engines are installed, and how each of them reaches the hook.
#include <algorithm>
#include <array>

#include "command/doctor/doctor_checks.hpp"
#include "command/engines/docker_gpus.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string program_words(const Program& program) {
  return program.path + (program.origin == Origin::ours ? "" : " (not ours)");
}

const EngineRuntime* first_runtime(const EngineReport& engine) {
  const auto found =
      std::find_if(engine.runtimes.begin(), engine.runtimes.end(),
                   [](const EngineRuntime& runtime) { return !runtime.program.path.empty(); });
  return found == engine.runtimes.end() ? nullptr : &*found;
}

const HookDefinition* first_definition(const HostReport& report, const EngineReport& engine) {
  for (const HookDirectory& directory : report.hook_directories) {
    const auto& its = engine.hook_directories;
    if (std::find(its.begin(), its.end(), directory.path) == its.end()) continue;
    for (const HookDefinition& definition : directory.definitions) {
      const bool counts = !definition.is_masked && !definition.fault;
      if (counts && definition.is_gpu_hook() && !definition.program.path.empty())
        return &definition;
    }
  }
  return nullptr;
}

/// Returns how the engine reaches a GPU hook; empty if it does not.
std::string way_of(const HostReport& report, const EngineReport& engine) {
  if (!engine.hook.path.empty()) return "--gpus: " + program_words(engine.hook);
  if (const HookDefinition* definition = first_definition(report, engine)) return definition->file;
  if (const EngineRuntime* runtime = first_runtime(engine)) {
    return "runtime " + runtime->name + ": " + program_words(runtime->program);
  }
  return engine.other_way;
}

/// An engine need not be installed unless the user asked about it.
Seen absent(const HostReport& report, const std::string& name) {
  if (report.engine != name) return {Verdict::skipped, "not installed"};
  return {Verdict::bad, name + " is not installed", "install " + name + ", or name another engine"};
}

Seen look_at_file(const HostReport& report, const std::string& name) {
  const EngineReport* engine = find_engine(report, name);
  if (engine == nullptr || engine->program.empty()) return {Verdict::skipped, "not installed"};
  if (engine->config_fault) {
    return {Verdict::bad, engine->config_fault->what, engine->config_fault->remedy};
  }
  for (const EngineRuntime& runtime : engine->runtimes) {
    if (!runtime.program.path.empty()) continue;
    return {Verdict::bad,
            "the runtime " + runtime.name + " is `" + runtime.command + "`, which is not there",
            "sudo oci-nvidia setup " + name + " --runtime"};
  }
  if (engine->config_warning) {
    return {Verdict::warning, engine->config_warning->what, engine->config_warning->remedy};
  }
  return {Verdict::good, "no contradictions"};
}

Seen look_at_way(const HostReport& report, const std::string& name) {
  const EngineReport* engine = find_engine(report, name);
  if (engine == nullptr || engine->program.empty()) return absent(report, name);
  const std::string way = way_of(report, *engine);
  if (!way.empty()) return {Verdict::good, way};
  return {report.engine == name ? Verdict::bad : Verdict::note,
          "does not know the hook: looked in " + (engine->hook_directories.empty()
                                                      ? std::string("its configuration")
                                                      : join(engine->hook_directories, ", ")),
          "sudo oci-nvidia setup " + name};
}

GpusFacts gpus_facts(const HostReport& report, const EngineReport& docker) {
  return {.has_hook = !docker.hook.path.empty(),
          .has_cdi_hook = !docker.cdi_hook.path.empty(),
          .reads_cdi = docker.cdi.value_or(true),
          .has_spec = find_gpu_spec(report) != nullptr};
}

/// Returns what Docker answers to `--gpus` without the hook: which words, depends on its version.
std::string gpus_error(const HostReport& report, const EngineReport& docker) {
  std::string old = "--gpus ends with `could not select device driver`";
  std::string by_cdi = old + " before Docker 29.2; later ones look for the GPUs by CDI";
  switch (way_of_gpus(DockerEra::since_29_3, gpus_facts(report, docker))) {
    case GpusWay::cdi:
      return by_cdi;
    case GpusWay::no_spec:
      return by_cdi + ", and there is no CDI spec";
    case GpusWay::not_amds:
      return old + ", from Docker 29.3 on with `AMD CDI spec not found`";
    case GpusWay::no_vendor:
      return old +
             ", from Docker 29.3 on with `failed to discover GPU vendor from CDI: no known GPU "
             "vendor found`";
    case GpusWay::hook:
    case GpusWay::no_driver:
      return old;
  }
  return old;
}

Seen look_at_docker(const HostReport& report) {
  const EngineReport* docker = find_engine(report, "docker");
  if (docker == nullptr || docker->program.empty()) return absent(report, "docker");
  if (docker->daemon && docker->daemon->is_snap) {
    return {Verdict::bad, "Docker is a snap, which does not see this host's programs",
            "sudo snap remove docker && sudo apt-get install docker.io"};
  }
  const std::string way = way_of(report, *docker);
  if (docker->daemon && !docker->daemon->search_path) {
    return {Verdict::note, "dockerd runs; only root may read which PATH it has",
            "sudo oci-nvidia doctor --engine docker"};
  }
  if (!docker->hook.path.empty()) {
    return {Verdict::good, way + (docker->daemon ? "" : "; dockerd does not run")};
  }
  if (!docker->daemon) {
    return {
        Verdict::bad,
        "nvidia-container-runtime-hook is not on the system's PATH: " + gpus_error(report, *docker),
        "sudo ln -s " + shell_word(report.hook.path) + " /usr/bin/nvidia-container-runtime-hook"};
  }
  const std::string first(split(*docker->daemon->search_path, ':').front());
  return {Verdict::bad,
          "nvidia-container-runtime-hook is not on dockerd's PATH `" +
              *docker->daemon->search_path + "`: " + gpus_error(report, *docker),
          "sudo ln -s " + shell_word(report.hook.path) + " " +
              shell_word((first.empty() ? "/usr/bin" : first) + "/nvidia-container-runtime-hook") +
              " && sudo systemctl restart docker"};
}

Seen look_at_docker_cdi(const HostReport& report) {
  const EngineReport* docker = find_engine(report, "docker");
  if (docker == nullptr || docker->program.empty()) return absent(report, "docker");
  const FoundCdiSpec* spec = find_gpu_spec(report);
  if (!docker->cdi.value_or(true)) {
    if (spec == nullptr)
      return {Verdict::good, "features.cdi is false in daemon.json, and no spec is there"};
    return {Verdict::note,
            "features.cdi is false in daemon.json: Docker does not read " + spec->file +
                ", and refuses --device nvidia.com/gpu=…",
            "sudoedit /etc/docker/daemon.json && sudo systemctl restart docker"};
  }
  const Program& hook = docker->cdi_hook;
  if (hook.path.empty()) return {Verdict::good, "--gpus does not mean CDI"};
  const bool is_ours = hook.origin == Origin::ours;
  const std::string remedy =
      is_ours ? "sudo apt-get remove oci-nvidia-cdi-hook && sudo systemctl restart docker"
              : "sudo rm " + shell_word(hook.path) +
                    " && sudo systemctl restart docker  # or first: sudo apt-get remove "
                    "nvidia-container-toolkit-base";
  if (way_of_gpus(DockerEra::since_29_3, gpus_facts(report, *docker)) != GpusWay::cdi) {
    return {Verdict::note,
            hook.path +
                " is there: Docker 29.2 and later try CDI first for --gpus, and take the "
                "hook only as long as there is no CDI spec of nvidia.com/gpu",
            is_ours ? "sudo systemctl start oci-nvidia-cdi.service  # or: " + remedy : remedy};
  }
  // Whoever installs our package has decided so.
  return {is_ours ? Verdict::note : Verdict::warning,
          hook.path + " and " + spec->file +
              " are there: Docker 29.2 and later take CDI for --gpus, and then drop its "
              "capabilities: containers get what the spec has",
          remedy};
}

Seen look_at_start(const HostReport& report) {
  const EngineReport* docker = find_engine(report, "docker");
  if (docker == nullptr || !docker->daemon || !docker->daemon->started) {
    return {Verdict::skipped, "dockerd does not run"};
  }
  if (*docker->daemon->started >= report.hook_changed) {
    return {Verdict::good, "dockerd was started after the hook was installed"};
  }
  return {
      Verdict::warning,
      "dockerd was started before the hook was installed or upgraded, and looks for it only when "
      "it starts",
      "sudo systemctl restart docker"};
}

Seen look_at_lxc(const HostReport& report) {
  const EngineReport* lxc = find_engine(report, "lxc");
  if (lxc == nullptr || lxc->program.empty()) return absent(report, "lxc");
  if (!lxc->other_way.empty()) return {Verdict::good, lxc->other_way};
  return {report.engine == "lxc" ? Verdict::bad : Verdict::note,
          "its hook for GPUs needs nvidia-container-cli on PATH, or is not there itself",
          "sudo oci-nvidia setup lxc"};
}

Seen look_for_any(const HostReport& report) {
  std::vector<std::string> with;
  std::vector<std::string> without;
  for (const EngineReport& engine : report.engines) {
    const bool is_asked_about = report.engine.empty() || report.engine == engine.name;
    if (engine.program.empty() || !is_asked_about) continue;
    (way_of(report, engine).empty() ? without : with).push_back(engine.name);
  }
  if (!with.empty()) return {Verdict::good, "GPUs with " + join(with, ", ")};
  if (without.empty()) {
    return {Verdict::note, "none found; runc, crun, enroot and Apptainer need no setup here"};
  }
  return {Verdict::bad, "no engine of this host knows the hook",
          "sudo oci-nvidia setup " + without.front()};
}

constexpr std::array kEngineChecks{
    Check{"docker-config", "Docker's daemon.json", "hook",
          [](const HostReport& report) { return look_at_file(report, "docker"); }, "docker"},
    Check{"docker", "Docker", "hook docker-config", look_at_docker, "docker"},
    Check{"docker-restart", "Docker's start", "docker", look_at_start, "docker"},
    Check{"docker-cdi", "CDI in Docker", "docker", look_at_docker_cdi, "docker"},
    Check{"podman-config", "Podman's containers.conf", "hook",
          [](const HostReport& report) { return look_at_file(report, "podman"); }, "podman"},
    Check{"podman", "Podman", "hook hooks-json hooks-program podman-config",
          [](const HostReport& report) { return look_at_way(report, "podman"); }, "podman"},
    Check{"crio-config", "CRI-O's crio.conf", "hook",
          [](const HostReport& report) { return look_at_file(report, "crio"); }, "crio"},
    Check{"crio", "CRI-O", "hook hooks-json hooks-program hooks-stage crio-config",
          [](const HostReport& report) { return look_at_way(report, "crio"); }, "crio"},
    Check{"containerd-config", "containerd's config.toml", "hook",
          [](const HostReport& report) { return look_at_file(report, "containerd"); },
          "containerd"},
    Check{"containerd", "containerd", "hook containerd-config",
          [](const HostReport& report) { return look_at_way(report, "containerd"); }, "containerd"},
    Check{"lxc", "LXC", "hook", look_at_lxc, "lxc"},
    Check{"engines", "an engine with GPUs", "hook docker podman crio containerd lxc", look_for_any},
};

}  // namespace

std::span<const Check> engine_checks() { return kEngineChecks; }

}  // namespace nvhook
