// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia-hook precreate`, Podman's precreate stage: edits the config.json on standard input
// before the container exists.
#include <unistd.h>

#include "oci/bundle.hpp"
#include "oci_hook/hook.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "runtime_shim/spec_filter.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::chrono::milliseconds kSpecDeadline{10'000};

}  // namespace

void run_precreate(const Options& options, HookContext& context) {
  if (options.debug) context.log.use_stderr();
  const auto text = read_document(STDIN_FILENO, kMaxSpec, kSpecDeadline);
  if (!text) {
    throw_errno(Code::spec_unreadable, "could not decode OCI spec: read standard input",
                "let Podman start this as a precreate hook, or pipe a config.json into it");
  }
  Config config = read_config(options, context);
  config.load_kmods = config.load_kmods && !options.dry_run;
  context.audit.set_caller("precreate");
  const auto edited = edit_container_spec(*text, "",
                                          {.caller = context.caller,
                                           .system = context.system,
                                           .config = config,
                                           .config_file = options.config_file,
                                           .log = context.log,
                                           .audit = context.audit});
  // One write at the end, so that a run that fails prints nothing.
  if (!write_all(STDOUT_FILENO, edited ? *edited : *text)) {
    throw_errno(Code::internal, "write config.json to standard output",
                "look why its reader does not read to the end");
  }
}

}  // namespace nvhook
