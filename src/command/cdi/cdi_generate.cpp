// SPDX-License-Identifier: Apache-2.0
// Builds a CDI specification from the host's driver and GPUs, and prints it or replaces a file with
// it.
#include "command/cdi/cdi_generate.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <ostream>

#include "cdi/cdi_plan.hpp"
#include "command/cdi/cdi_files.hpp"
#include "command/engines/host_config.hpp"
#include "host/host_facts.hpp"
#include "image/container_probe.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr mode_t kDirectoryMode = 0755;

CdiMode mode_of(const std::string& word) {
  if (word == "full") return CdiMode::full;
  if (word == "thin") return CdiMode::thin;
  throw UsageFault("--mode is full or thin, not `" + word + "`");
}

CdiNaming naming_of(const std::string& list) {
  CdiNaming naming{.by_index = false, .by_uuid = false};
  for (const std::string_view word : split_list(list, ',')) {
    if (word != "index" && word != "uuid") {
      throw UsageFault("--device-names lists index and uuid, not `" + std::string(word) + "`");
    }
    (word == "index" ? naming.by_index : naming.by_uuid) = true;
  }
  return naming;
}

CdiOptions options_of(const OptionValues& values, const CommandContext& context) {
  const auto text = [&](const char* name) { return values[name].as<std::string>(); };
  const auto capabilities = parse_capabilities(text("capabilities"));
  if (!capabilities) {
    throw UsageFault("--capabilities is all or some of " + to_string(CapabilitySet::all()) +
                     ", not `" + text("capabilities") + "`");
  }
  if (!is_cdi_kind(text("kind"))) {
    throw UsageFault("--kind is <vendor>/<class>, not `" + text("kind") + "`");
  }
  if (!text("hook").starts_with('/')) throw UsageFault("--hook is an absolute path");
  return {.mode = mode_of(text("mode")),
          .naming = naming_of(text("device-names")),
          .kind = text("kind"),
          .capabilities = *capabilities,
          .hook = text("hook"),
          .config_file = path_from_caller(context.config_file, context),
          .allow_in_builds = values["allow-in-builds"].as<bool>()};
}

/// Engines ignore files with other endings, so the name must end in `.json`.
std::string output_of(const OptionValues& values) {
  auto output = values["output"].as<std::string>();
  if (output != "-" && !output.ends_with(".json")) {
    throw UsageFault("--output is `-` or a file `….json`: engines read no other, not `" + output +
                     "`");
  }
  return output;
}

void tell(const Notes& notes, std::ostream& err) {
  for (const Note& note : notes) {
    if (note.level == Note::Level::warning) err << "warning: " << printable(note.text) << '\n';
  }
}

/// Asks the driver for the names of MIG devices, which only it knows. If it does not answer, the
/// devices get no names of their own and are only part of `all`.
void name_mig_devices(HostFacts& host, const Config& config, CommandContext& context) {
  if (host.inventory.mig_devices.empty()) return;
  const DriverDetails details = ask_about_gpus(host, config, context.log);
  for (const std::string& error : details.errors) {
    context.err << "warning: " << printable(error) << '\n';
  }
}

/// Opens the directory that contains `path`. Makes it if only its last component is missing:
/// /var/run is empty after boot.
UniqueFd open_parent(const std::string& path, const CommandContext& context) {
  const int from = context.caller.working_directory.get();
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd opened = sys::open_beneath(from, parent.c_str(), O_PATH | O_DIRECTORY, 0);
  if (opened || errno != ENOENT) return opened;
  if (::mkdirat(from, parent.c_str(), kDirectoryMode) != 0) return UniqueFd();
  return sys::open_beneath(from, parent.c_str(), O_PATH | O_DIRECTORY, 0);
}

void write_file(const std::string& path, const std::string& text, const CommandContext& context) {
  const UniqueFd directory = open_parent(path, context);
  const std::string name = path.substr(path.rfind('/') + 1);
  if (!directory || !replace_file(directory.get(), name, text, {.may_create = true})) {
    throw_errno(Code::spec_not_writable, "write `" + path + "`",
                "run it as root, or name another file with --output");
  }
}

}  // namespace

void add_cdi_generate_options(po::options_description& options) {
  const auto text = [](const char* name, const char* fallback) {
    return po::value<std::string>()->value_name(name)->default_value(fallback);
  };
  options.add_options()("mode", text("MODE", "full"), "full or thin")(
      "output,o", text("FILE", "-"), "write to this file, at once and with mode 0644; - prints")(
      "device-names", text("LIST", "index,uuid"), "index (0, MIG 0:1), uuid (GPU-…, MIG-…)")(
      "capabilities", text("LIST", "all"), "parts of the driver, as NVIDIA_DRIVER_CAPABILITIES")(
      "kind", text("VENDOR/CLASS", "nvidia.com/gpu"), "what stands before the = of the names")(
      "hook", text("PATH", OCI_NVIDIA_HOOK_PATH), "where engines find the hook")(
      "allow-in-builds", po::bool_switch(),
      "let every `docker build` use the devices by RUN --device");
}

Outcome run_cdi_generate(const OptionValues& values, CommandContext& context) {
  const CdiOptions options = options_of(values, context);
  const std::string output = output_of(values);
  const HostConfig config = read_host_config(context);
  const Config& written = config.as_written.config;
  Config reading = config.seen_from_here;
  // A specification names device nodes, so missing nodes are made, but only on this host.
  reading.load_kmods = written.load_kmods && config.is_ours;
  const Request request{.devices = AllDevices{}, .capabilities = options.capabilities};
  HostFacts host = read_host(request, reading, context.system, context.log);
  name_mig_devices(host, reading, context);
  // The host's own root file system stands for the images of its distribution.
  const ContainerFacts layout = probe_container(host.driver_root, {});
  const CdiSpec spec = to_cdi(host.inventory, layout, written, options);
  tell(host.inventory.notes, context.err);
  if (!look_at(context.system, {options.hook}).at(options.hook).executable) {
    context.err << "warning: there is no hook at " << printable(options.hook)
                << ", and containers will not start; --hook says where it is\n";
  }
  if (output == "-") {
    context.out << to_json(spec);
    return Outcome::good;
  }
  write_file(output, to_json(spec), context);
  context.err << "wrote " << printable(output) << ": " << spec.devices.size() << " devices of "
              << spec.kind << ", CDI " << spec.version << '\n';
  return Outcome::good;
}

}  // namespace nvhook
