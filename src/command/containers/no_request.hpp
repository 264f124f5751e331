// SPDX-License-Identifier: Apache-2.0
// Why a container gets no driver although people may expect it.
#pragma once

#include <string>

#include "config/config.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Returns why `request` holds no request, for example `NVIDIA_VISIBLE_DEVICES says \`void\``; with
/// the place of the setting if variables do not count. No full stop at the end.
[[nodiscard]] std::string why_no_request(const RequestResult& request, const ConfigResult& config);

}  // namespace nvhook
