// SPDX-License-Identifier: Apache-2.0
// The table of programs, and their traces in the records of engines.
#include "command/node/node_programs.hpp"

#include <algorithm>
#include <array>

#include "os/process_setup.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxProgram = 64UL << 20U;
constexpr std::size_t kMaxOptions = 64UL << 10U;
constexpr mode_t kExecutable = 0755;

constexpr const char* kHook = "oci-nvidia-hook";
constexpr const char* kProbe = "oci-nvidia-probe";

/// containerd's own, k3s's and RKE2's, and that of microk8s.
constexpr std::array kTasks{
    "/run/containerd/io.containerd.runtime.v2.task",
    "/run/k3s/containerd/io.containerd.runtime.v2.task",
    "/var/snap/microk8s/common/run/containerd/io.containerd.runtime.v2.task"};

/// In an image all lie in one directory; packages have the probe elsewhere.
std::string read_program(const std::string& name) {
  const auto own = open_root("/");
  const std::string self = own ? own_executable(*own) : std::string();
  const std::string directory = self.substr(0, self.rfind('/') + 1);
  for (const std::string& path :
       {directory + name, directory + "../libexec/oci-nvidia-hook/" + name}) {
    if (auto bytes = own ? own->read(path, kMaxProgram) : std::nullopt) return *std::move(bytes);
  }
  throw Error(Code::internal, "read the program `" + directory + name + "`",
              "start the installer from an image that has it, such as scripts/image makes");
}

bool is_started_by(const std::string& prefix, const std::string& text, char end) {
  const auto words = split(text, end);
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return word.starts_with(prefix); });
}

bool is_number(std::string_view name) { return parse_unsigned(name).has_value(); }

}  // namespace

std::vector<NodeProgram> usual_programs() {
  std::vector<NodeProgram> programs;
  for (const char* name : {kHook, kProbe, "oci-nvidia"}) {
    programs.push_back({.name = name, .copy_of = name});
  }
  for (const char* name :
       {"nvidia-container-runtime", "nvidia-container-runtime.cdi",
        "nvidia-container-runtime.legacy", "nvidia-container-runtime-hook",
        "nvidia-container-toolkit", "nvidia-container-cli", "nvidia-ctk", "nvidia-cdi-hook"}) {
    programs.push_back({.name = name, .link_to = kHook});
  }
  return programs;
}

void put_programs(const std::vector<NodeProgram>& programs, const std::string& directory,
                  const NodeFiles& files) {
  for (const NodeProgram& program : programs) {
    const std::string path = directory + "/" + program.name;
    if (!program.link_to.empty()) {
      files.put_link(path, program.link_to);
    } else {
      files.put(path, program.text.empty() ? read_program(program.copy_of) : program.text,
                kExecutable);
    }
  }
}

std::size_t containers_started_by(const std::string& directory, const RootDir& root) {
  const std::string prefix = directory + "/";
  std::size_t count = 0;
  for (const std::string tasks : kTasks) {
    for (const std::string& space : root.list(tasks)) {
      for (const std::string& id : root.list(tasks + "/" + space)) {
        // JSON of the shim's options, with the program among them.
        const auto options =
            root.read(tasks + "/" + space + "/" + id + "/options.json", kMaxOptions);
        if (options && is_started_by(prefix, *options, '"')) ++count;
      }
    }
  }
  for (const std::string& process : root.list("/proc", is_number)) {
    const auto name = root.read("/proc/" + process + "/comm", kMaxOptions);
    if (!name || !name->starts_with("conmon")) continue;
    const auto line = root.read("/proc/" + process + "/cmdline", kMaxOptions);
    if (line && is_started_by(prefix, *line, '\0')) ++count;
  }
  return count;
}

}  // namespace nvhook
