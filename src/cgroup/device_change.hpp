// SPDX-License-Identifier: Apache-2.0
// What is to become of a container's access to devices.
#pragma once

namespace nvhook {

enum class DeviceChange { allow, deny };

}  // namespace nvhook
