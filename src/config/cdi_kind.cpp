// SPDX-License-Identifier: Apache-2.0
// Looks a kind up in tables of vendors and classes.
#include "config/cdi_kind.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nvhook {
namespace {

constexpr std::array<std::string_view, 3> kVendors{"nvidia.com", "runtime.nvidia.com",
                                                   "k8s.device-plugin.nvidia.com"};
constexpr std::array kClasses{
    std::pair{std::string_view("gpu"), NvidiaKind::gpu},
    std::pair{std::string_view("gds"), NvidiaKind::gds},
    std::pair{std::string_view("mofed"), NvidiaKind::mofed},
    std::pair{std::string_view("gdrcopy"), NvidiaKind::gdrcopy},
    std::pair{std::string_view("nvswitch"), NvidiaKind::nvswitch},
    std::pair{std::string_view("imex-channel"), NvidiaKind::imex_channel}};

}  // namespace

std::optional<QualifiedName> parse_qualified_name(std::string_view word) noexcept {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals + 1 == word.size()) return std::nullopt;
  const QualifiedName name{.kind = word.substr(0, equals), .device = word.substr(equals + 1)};
  const std::size_t slash = name.kind.find('/');
  const bool has_both = slash != 0 && slash != std::string_view::npos && slash + 1 < equals;
  return has_both ? std::optional(name) : std::nullopt;
}

std::optional<NvidiaKind> nvidia_kind(std::string_view kind) noexcept {
  if (kind == "management.nvidia.com/gpu") return NvidiaKind::management;
  const std::size_t slash = kind.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view vendor = kind.substr(0, slash);
  if (std::find(kVendors.begin(), kVendors.end(), vendor) == kVendors.end()) return std::nullopt;
  const auto* const found = std::find_if(kClasses.begin(), kClasses.end(), [&](const auto& row) {
    return row.first == kind.substr(slash + 1);
  });
  return found == kClasses.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace nvhook
