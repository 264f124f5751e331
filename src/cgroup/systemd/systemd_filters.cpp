// SPDX-License-Identifier: Apache-2.0
// systemd only allows: each rule jumps to the end, which lets the request through.
#include "cgroup/systemd/systemd_filters.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>

#include "cgroup/filter_writer.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

// Stands for the jump to the end until the length is known: `goto pass`.
constexpr std::size_t kPass = 4096;

struct Kind {
  std::string_view path = {};     // before the numbers
  std::string_view drivers = {};  // before the name of a driver
  std::string_view heading = {};  // in /proc/devices
  std::uint32_t type = 0;
};

constexpr Kind kKinds[] = {{"/dev/char/", "char-", "Character devices:", BPF_DEVCG_DEV_CHAR},
                           {"/dev/block/", "block-", "Block devices:", BPF_DEVCG_DEV_BLOCK}};

/// Returns the majors of the drivers in /proc/devices whose name matches the pattern `name`, in
/// their order.
std::vector<std::uint32_t> majors_of(const std::string& name, std::string_view heading,
                                     std::string_view devices) {
  std::vector<std::uint32_t> majors;
  bool is_inside = false;
  for (const std::string_view line : split_list(devices, '\n')) {
    if (line.ends_with(':')) is_inside = line == heading;
    const auto space = line.find(' ');
    if (!is_inside || space == std::string_view::npos) continue;
    const auto major = parse_unsigned_int(line.substr(0, space));
    const std::string driver(trim(line.substr(space)));
    if (major && ::fnmatch(name.c_str(), driver.c_str(), 0) == 0) majors.push_back(*major);
  }
  return majors;
}

std::optional<FilterMatch> numbers_in(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto major = parse_unsigned_int(text.substr(0, colon));
  const auto minor = parse_unsigned_int(text.substr(colon + 1));
  if (!major || !minor) return std::nullopt;
  return FilterMatch{.major = *major, .minor = *minor};
}

/// Returns the numbers that `driver`, the name of a driver, its major or `*`, stands for.
std::vector<FilterMatch> numbers_of_driver(const std::string& driver, const Kind& kind,
                                           std::string_view devices) {
  if (driver == "*") return {FilterMatch{}};
  if (const auto major = parse_unsigned_int(driver)) return {FilterMatch{.major = *major}};
  std::vector<FilterMatch> matches;
  for (const std::uint32_t major : majors_of(driver, kind.heading, devices)) {
    matches.push_back({.major = major});
  }
  return matches;
}

/// Returns the numbers that `name` in a DeviceAllow= stands for; nullopt if they are not known.
std::optional<std::vector<FilterMatch>> numbers_of(std::string_view name, const Kind& kind,
                                                   std::string_view devices) {
  if (name.starts_with(kind.drivers)) {
    return numbers_of_driver(std::string(name.substr(kind.drivers.size())), kind, devices);
  }
  const auto numbers = numbers_in(name.substr(kind.path.size()));
  return numbers ? std::optional(std::vector{*numbers}) : std::nullopt;
}

/// Returns what `value` of a DeviceAllow= lets through; nullopt if it is not known.
std::optional<std::vector<FilterMatch>> matches_of(std::string_view value,
                                                   std::string_view devices) {
  const auto space = std::min(value.find(' '), value.size());
  const std::string_view name = value.substr(0, space);
  const std::string_view access = trim(value.substr(space));
  const auto* const kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& one) {
    return name.starts_with(one.path) || name.starts_with(one.drivers);
  });
  if (kind == std::end(kKinds)) return std::nullopt;
  auto matches = numbers_of(name, *kind, devices);
  if (!matches) return std::nullopt;
  for (FilterMatch& match : *matches) {
    match.type = kind->type;
    match.access = access_to_match(access.empty() ? kAllAccess : access_bits(access));
  }
  return matches;
}

void append_pass(BpfProgram& program, const FilterMatch& match) {
  std::size_t left = (match.major ? 1U : 0U) + (match.minor ? 1U : 0U) + 2;
  if (match.access) append_access_check(program, *match.access, left);
  append_check(program, BPF_REG_2, match.type.value_or(0), left -= 1);
  if (match.major) append_check(program, BPF_REG_4, *match.major, left -= 1);
  if (match.minor) append_check(program, BPF_REG_5, *match.minor, left - 1);
  program.push_back(encode_bpf(BPF_JMP | BPF_JA, 0, 0, kPass, 0));
}

BpfProgram program_of(const std::vector<FilterMatch>& matches) {
  BpfProgram program;
  if (matches.empty()) {
    append_return(program, ResultWidth::wide, false);
    return program;
  }
  program = filter_head();
  for (const FilterMatch& match : matches) append_pass(program, match);
  program.push_back(encode_bpf(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
  program.push_back(encode_bpf(BPF_JMP | BPF_JA, 0, 0, 1, 0));
  const BpfInstruction pass = encode_bpf(BPF_JMP | BPF_JA, 0, 0, kPass, 0);
  for (std::size_t at = 0; at < program.size(); ++at) {
    if (program[at] != pass) continue;
    program[at] = encode_bpf(BPF_JMP | BPF_JA, 0, 0, program.size() - at - 1, 0);
  }
  append_return(program, ResultWidth::wide, true);
  return program;
}

}  // namespace

std::vector<BpfProgram> systemd_filters(std::string_view unit_text, std::string_view devices) {
  const DevicePolicy policy = device_policy(unit_text);
  if (policy.name != "strict") return {};
  std::vector<std::vector<FilterMatch>> entries;
  for (const std::string_view value : policy.allowed) {
    auto matches = matches_of(value, devices);
    if (!matches) return {};
    entries.push_back(*std::move(matches));
  }
  std::vector<BpfProgram> programs;
  for (int order = 0; order < 2; ++order) {
    std::vector<FilterMatch> all;
    for (const auto& entry : entries) all.insert(all.end(), entry.begin(), entry.end());
    programs.push_back(program_of(all));
    std::reverse(entries.begin(), entries.end());
  }
  return programs;
}

}  // namespace nvhook
