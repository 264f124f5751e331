// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia-hook create-device-nodes`: loads kernel modules and makes the host's device nodes
// before any container starts, for example for rootless containers, which cannot make them.
#include "config/capability.hpp"
#include "host/host_facts.hpp"
#include "host/nodes/device_nodes.hpp"
#include "mains.hpp"
#include "oci_hook/hook.hpp"
#include "os/user_namespace.hpp"
#include "print.hpp"
#include "report.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

void require_root() {
  if (is_real_root()) return;
  throw Error(Code::device_node_missing, "make device nodes: this is not the host's root",
              "run `oci-nvidia-hook create-device-nodes` as root, outside of containers");
}

void require_driver(const Config& config, const RootDir& system) {
  if (config.load_kmods || is_driver_loaded(system)) return;
  throw Error(Code::driver_not_loaded,
              "driver not loaded, and `load-kmods = false` in the configuration forbids loading it",
              "run `modprobe nvidia`");
}

}  // namespace

int run_create_device_nodes(const Options& options, HookContext& context) {
  if (options.debug) context.log.use_stderr();
  require_root();
  const Config config = read_config(options, context);
  require_driver(config, context.system);
  const RootDir driver_root = open_driver_root(config);
  const Notes notes = provide_devices({.system = context.system, .driver = driver_root},
                                      {.capabilities = CapabilitySet::all()},
                                      {.load_modules = config.load_kmods, .link_all = true});
  context.log.notes(notes);
  int status = 0;
  for (const Note& note : notes) {
    if (note.level == Note::Level::info) {
      static_cast<void>(print(note.text + "\n"));
    } else {
      const Error error(Code::device_node_missing, note.text);
      complain(failure_line(error) + "\n");
      status = exit_status(error.code());
    }
  }
  return status;
}

}  // namespace nvhook
