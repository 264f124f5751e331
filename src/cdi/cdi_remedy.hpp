// SPDX-License-Identifier: Apache-2.0
// What to do about a CDI specification that no longer fits.
#pragma once

#include <string>
#include <vector>

#include "cdi/cdi_entries.hpp"
#include "cdi/cdi_findings.hpp"

namespace nvhook {

/// Returns the command that writes `spec` again to `file`, with the options that it shows:
/// discovery mode, kind, hook, names, roots. `own_hook` is where our hook is by default. A hook
/// that is gone
/// (`findings`) is looked for in /usr/bin instead.
[[nodiscard]] std::string cdi_generate_command(const CdiSpec& spec, const std::string& file,
                                               const std::vector<CdiFinding>& findings,
                                               const std::string& own_hook);

/// Returns what to do about `findings` in `file`, and about those of `entries` that are in it and
/// that engines do not take from there; empty if nothing is wrong. What others write anew by
/// themselves (NVIDIA's device plugin, the DRA driver) is left to them; a name that nobody asks for
/// is no remedy.
[[nodiscard]] std::string cdi_remedy(const CdiFile& file, const std::vector<CdiFinding>& findings,
                                     const std::vector<CdiEntry>& entries,
                                     const std::string& own_hook);

}  // namespace nvhook
