// SPDX-License-Identifier: Apache-2.0
// A sample in Prometheus's text format, for the textfile collector of node_exporter.
#pragma once

#include <string>

#include "command/ps/sample.hpp"

namespace nvhook {

/// Returns one family of metrics after the other, each with HELP and TYPE; none has two lines with
/// the same labels. Names and labels are those of docs/ps.md.
[[nodiscard]] std::string prometheus_text(const Sample& sample);

}  // namespace nvhook
