// SPDX-License-Identifier: Apache-2.0
// What the hook left beside systemd scopes that are gone. No container's start waits for it.
#include "hook.hpp"
#include "print.hpp"
#include "system/scope_drop_in.hpp"

namespace nvhook {

void run_remove_drop_ins(HookContext& context) {
  for (const std::string& scope : remove_stale_drop_ins(context.system)) {
    static_cast<void>(
        print("removed " + (kTransientUnits + ("/" + scope)) + ".d/" + kDropIn + "\n"));
  }
}

}  // namespace nvhook
