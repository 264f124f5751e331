// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia-hook remove-drop-ins`: removes the drop-ins and pinned
// device filters of systemd scopes that are gone. A timer
// starts it, so that no container start has to wait for this.
#include "cgroup/systemd/pinned_filter.hpp"
#include "cgroup/systemd/scope_drop_in.hpp"
#include "oci_hook/hook.hpp"
#include "print.hpp"

namespace nvhook {

void run_remove_drop_ins(HookContext& context) {
  for (const std::string& scope : remove_stale_drop_ins(context.system)) {
    static_cast<void>(
        print("removed " + (kTransientUnits + ("/" + scope)) + ".d/" + kDropIn + "\n"));
  }
  for (const std::string& name : remove_stale_pins(context.system)) {
    static_cast<void>(print("removed " + (kPinDirectory + ("/" + name)) + "\n"));
  }
}

}  // namespace nvhook
