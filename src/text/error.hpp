// SPDX-License-Identifier: Apache-2.0
// The one exception type: a stable code, what failed and why, and what to do about it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace nvhook {

/// Stable error codes, shown as `NVH-nnnn` and listed in docs/errors.md. The hundreds are the
/// class, and the class is the exit code of the process (see exit_status), because crun shows its
/// user nothing else.
enum class Code : std::uint16_t {
  // 01xx input: configuration, container state, config.json
  config_unreadable = 101,
  config_invalid = 102,
  state_unreadable = 103,
  state_invalid = 104,
  spec_unreadable = 105,
  spec_invalid = 106,
  wrong_stage = 107,
  runtime_not_found = 108,
  spec_not_writable = 109,
  engine_config_not_writable = 110,
  engine_restart_failed = 111,
  lease_registry_unusable = 112,
  node_not_writable = 113,
  node_taken = 114,
  // 02xx request: what the container asks for
  unknown_capability = 201,
  unknown_device = 202,
  privilege_required = 203,
  invalid_request = 204,
  leases_off = 205,
  device_taken = 206,
  no_free_device = 207,
  // 03xx requirement: NVIDIA_REQUIRE_*
  requirement_malformed = 301,
  requirement_unsatisfied = 302,
  requirement_unknown = 303,
  // 04xx driver: what the host offers
  driver_not_loaded = 401,
  driver_files_missing = 402,
  driver_version_mismatch = 403,
  device_node_missing = 404,
  device_node_wrong = 405,
  driver_root_invalid = 406,
  driver_file_unsafe = 407,
  probe_failed = 408,
  // 05xx container: its process, namespaces and root file system
  container_gone = 501,
  container_shares_namespace = 502,
  rootfs_invalid = 503,
  target_unusable = 504,
  target_read_only = 505,
  mount_failed = 506,
  loader_cache_failed = 507,
  namespace_denied = 508,
  container_not_found = 509,
  target_on_volume = 510,
  container_paused = 511,
  device_in_use = 512,
  // 06xx permission: the device cgroup
  cgroup_not_found = 601,
  cgroup_denied = 602,
  device_filter_failed = 603,
  // 09xx internal
  internal = 901,
};

/// Exit status of a process that failed with `code`: 10 + class, so 11 input … 16 permission, 19
/// internal. 0 is success and 2 is a usage error.
[[nodiscard]] constexpr int exit_status(Code code) noexcept {
  return 10 + static_cast<int>(code) / 100;
}

/// Returns the code as it is shown: `NVH-0302`.
[[nodiscard]] std::string to_string(Code code);

/// An error for the user. what() says what failed, on which value and why, in lower case and
/// without a full stop. remedy() says what to do, as the part of a sentence that follows "Try: ";
/// it may be empty. Parts of both come from the image, so the constructor replaces control
/// characters and bytes that are not UTF-8 by `\xNN`. A NUL would end what().
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message, const std::string& remedy = {});

  [[nodiscard]] Code code() const noexcept { return code_; }
  [[nodiscard]] const std::string& remedy() const noexcept { return remedy_; }

 private:
  Code code_;
  std::string remedy_;
};

/// Returns the one line that users see: `NVH-0302: <what>. Try: <remedy>.` It is cut at 4 KiB,
/// because parts of it come from the image. The end of a long message is cut, the remedy stays.
[[nodiscard]] std::string to_line(const Error& error);

}  // namespace nvhook
