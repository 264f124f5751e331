// SPDX-License-Identifier: Apache-2.0
// A table maps our error codes to the classes and words of libnvidia-container.
#include "nvidia_cli/cli_error.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLine = 4096 - 64;  // the caller puts the program's name before it

/// How errors with this code, and with `needle` in their message, are printed.
struct Row {
  Code code;
  std::string_view needle;
  std::string_view prefix;  ///< `<class> error: `
  std::string_view words;   ///< libnvidia-container's; empty: our own
};

using enum Code;
constexpr std::string_view kInput = "input error: ";
constexpr std::string_view kInit = "initialization error: ";
constexpr std::string_view kContainer = "container error: ";
constexpr std::string_view kMount = "mount error: ";
constexpr std::string_view kRequirement = "requirement error: ";
constexpr std::string_view kNoLibrary =
    "load library failed: libnvidia-ml.so.1: cannot open shared object file: no such file or "
    "directory";
constexpr std::string_view kMismatch = "nvml error: driver/library version mismatch";
constexpr std::string_view kRules = "failed to add device rules";

// The first matching row counts.
constexpr std::array kRows{
    Row{config_unreadable, "", kInput, ""},
    Row{config_invalid, "", kInput, ""},
    Row{privilege_required, "", "permission error: ", ""},
    Row{unknown_device, "", "device error: ", ""},
    Row{invalid_request, "mig-config", "mig-config error: ", ""},
    Row{invalid_request, "mig-monitor", "mig-monitor error: ", ""},
    Row{invalid_request, "cuda-compat-mode", kContainer, ""},
    Row{invalid_request, "error parsing IMEX info", "", ""},
    Row{requirement_malformed, "", kRequirement, "invalid expression"},
    Row{requirement_unsatisfied, "", kRequirement, ""},
    Row{requirement_unknown, "", kRequirement, ""},
    Row{driver_not_loaded, "", kInit, "nvml error: driver not loaded"},
    Row{driver_files_missing, "libnvidia-ml", kInit, kNoLibrary},
    Row{driver_files_missing, "", "detection error: ", ""},
    Row{driver_version_mismatch, "", kInit, kMismatch},
    Row{device_node_missing, "", kMount, ""},
    Row{device_node_wrong, "", kMount, "invalid device node"},
    Row{driver_root_invalid, "", kInit, "change root failed"},
    Row{driver_file_unsafe, "", "detection error: ", ""},
    Row{probe_failed, "version mismatch", kInit, kMismatch},
    Row{probe_failed, "Driver Not Loaded", kInit, "nvml error: driver not loaded"},
    Row{probe_failed, "Insufficient Permissions", kInit, "nvml error: insufficient permissions"},
    Row{probe_failed, "no answer within", kInit, "driver rpc error: timed out"},
    Row{probe_failed, "change root", kInit, "change root failed"},
    Row{probe_failed, "", kInit, "driver rpc error: failed to process request"},
    Row{container_gone, "", kContainer, ""},
    Row{container_shares_namespace, "", kContainer, ""},
    Row{rootfs_invalid, "", kContainer, ""},
    Row{namespace_denied, "", "permission error: ", ""},
    Row{target_unusable, "", kMount, ""},
    Row{target_read_only, "", kMount, ""},
    Row{mount_failed, "", kMount, ""},
    Row{loader_cache_failed, "", "ldcache error: ", ""},
    Row{cgroup_not_found, "", kMount, kRules},
    Row{cgroup_denied, "", kMount, kRules},
    Row{device_filter_failed, "", kMount, kRules},
    Row{internal, "", "internal error: ", ""},
};

Row row_of(const Error& error) {
  const std::string_view what = error.what();
  const auto* const found = std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) {
    return row.code == error.code() && what.find(row.needle) != std::string_view::npos;
  });
  return found == kRows.end() ? Row{error.code(), "", kInput, ""} : *found;
}

/// The first part of the line, and the part in parentheses.
struct Told {
  std::string words = {};
  std::string details = {};
};

/// Splits off what the host has: `7: unknown device` remains.
Told tell_unknown_device(std::string what) {
  std::erase(what, '`');
  constexpr std::string_view kEnd = "unknown device; ";
  const auto at = what.find(kEnd);
  if (at == std::string::npos) return {.words = std::move(what)};
  return {.words = what.substr(0, at + kEnd.size() - 2), .details = what.substr(at + kEnd.size())};
}

/// libnvidia-container names the condition, and for CUDA the remedy.
Told tell_unsatisfied(const std::string& what) {
  constexpr std::string_view kPhrase = "unsatisfied condition: ";
  const auto at = what.find(kPhrase);
  if (at == std::string::npos) return {.words = what};
  Told told{.words = what.substr(at, what.find(';', at) - at), .details = what};
  if (std::string_view(told.words).substr(kPhrase.size()).starts_with("cuda>=")) {
    told.words +=
        ", please update your driver to a newer version, or use an earlier cuda container";
  }
  return told;
}

Told tell(const Error& error, const Row& row) {
  const std::string what = error.what();
  if (!row.words.empty()) return {.words = std::string(row.words), .details = what};
  if (error.code() == unknown_device) return tell_unknown_device(what);
  if (error.code() == requirement_unsatisfied) return tell_unsatisfied(what);
  return {.words = what};
}

}  // namespace

std::string to_cli_line(const Error& error) {
  const Row row = row_of(error);
  const Told told = tell(error, row);
  const std::string code = to_string(error.code());
  std::string remedy = cut_text(error.remedy(), kMaxLine / 4);
  if (!remedy.empty()) remedy = " Try: " + remedy + ".";
  const std::string words = std::string(row.prefix) + cut_text(told.words, kMaxLine / 4);
  const std::string details = told.details.empty() ? "" : ": " + told.details;
  return words + " (" + code + cut_text(details, kMaxLine / 4) + ")." + remedy;
}

}  // namespace nvhook
