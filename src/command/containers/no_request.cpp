// SPDX-License-Identifier: Apache-2.0
// Words for each reason, with the setting that refuses variables.
#include "command/containers/no_request.hpp"

#include <string_view>

namespace nvhook {
namespace {

constexpr std::string_view kPolicy = "accept-nvidia-visible-devices-envvar-when-unprivileged";

/// Returns `/etc/…/config.toml:3:1` of the last file that sets `key`; empty if none does.
std::string where_set(const ConfigResult& config, std::string_view key) {
  std::string where;
  for (const Setting& setting : config.settings) {
    if (setting.key == key) where = setting.where;
  }
  return where;
}

}  // namespace

std::string why_no_request(const RequestResult& request, const ConfigResult& config) {
  const std::string& source = request.devices_source;
  switch (request.why_not) {
    case NoRequest::unset:
      return source + " is not set";
    case NoRequest::empty:
      return source + " is empty";
    case NoRequest::is_void:
      return source + " says `void`";
    case NoRequest::unprivileged: {
      const std::string where = where_set(config, kPolicy);
      return "the container has no CAP_SYS_ADMIN, and then " + source +
             " does not count: " + std::string(kPolicy) + " is false" +
             (where.empty() ? "" : " (" + where + ")");
    }
  }
  return {};
}

}  // namespace nvhook
