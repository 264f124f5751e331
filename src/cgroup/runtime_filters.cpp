// SPDX-License-Identifier: Apache-2.0
// runc sorts the rules that are left when later ones have replaced earlier ones; crun writes all,
// the last one first. Both add rules of their own.
#include "cgroup/runtime_filters.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>

#include "cgroup/filter_writer.hpp"

namespace nvhook {
namespace {

constexpr std::int64_t kAny = FilterRule::kAny;

/// A device that every container gets.
struct DefaultDevice {
  char type = 0;
  std::int64_t major = kAny;
  std::int64_t minor = kAny;
  std::string_view access = {};
  std::string_view node = {};  ///< in runc's containers; no rule if config.json has such a node
};

constexpr DefaultDevice kTun{'c', 10, 200, "rwm"};
constexpr std::array<DefaultDevice, 10> kOfRunc{{{'c', kAny, kAny, "m"},
                                                 {'b', kAny, kAny, "m"},
                                                 {'c', 1, 3, "rwm", "/dev/null"},
                                                 {'c', 1, 8, "rwm", "/dev/random"},
                                                 {'c', 1, 7, "rwm", "/dev/full"},
                                                 {'c', 5, 0, "rwm", "/dev/tty"},
                                                 {'c', 1, 5, "rwm", "/dev/zero"},
                                                 {'c', 1, 9, "rwm", "/dev/urandom"},
                                                 {'c', 136, kAny, "rwm"},
                                                 {'c', 5, 2, "rwm"}}};
constexpr std::array<DefaultDevice, 11> kOfCrun{{{'c', kAny, kAny, "m"},
                                                 {'b', kAny, kAny, "m"},
                                                 {'c', 1, 3, "rwm"},
                                                 {'c', 1, 8, "rwm"},
                                                 {'c', 1, 7, "rwm"},
                                                 {'c', 5, 0, "rwm"},
                                                 {'c', 1, 5, "rwm"},
                                                 {'c', 1, 9, "rwm"},
                                                 {'c', 5, 1, "rwm"},
                                                 {'c', 136, kAny, "rwm"},
                                                 {'c', 5, 2, "rwm"}}};

std::optional<std::uint32_t> number_to_match(std::int64_t number) {
  return number < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(number));
}

std::uint32_t kind_of(char type) { return type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR; }

/// What runc makes of rules: as the kernel's cgroup v1, it keeps exceptions from a default.
class RuncFilter {
 public:
  explicit RuncFilter(const FilterRules& rules) {
    for (const FilterRule& rule : rules.rules) {
      const char type = type_of(rule);
      is_valid_ = is_valid_ && type != 0 && !rule.access.empty();
      apply(type, rule.major, rule.minor, access_bits(rule.access), rule.allow);
    }
  }

  void allow(const DefaultDevice& device) {
    apply(device.type, device.major, device.minor, access_bits(device.access), true);
  }

  /// nullopt if runc refuses the rules.
  [[nodiscard]] std::optional<BpfProgram> program() const {
    if (!is_valid_) return std::nullopt;
    BpfProgram program = filter_head();
    for (const auto& [device, access] : exceptions_) {
      const auto& [major, minor, type] = device;
      if (access == 0) continue;
      append_rule(program,
                  {.type = kind_of(type),
                   .access = access_to_match(access),
                   .major = number_to_match(major),
                   .minor = number_to_match(minor)},
                  ResultWidth::narrow, !allows_by_default_);
    }
    append_return(program, ResultWidth::narrow, allows_by_default_);
    return program;
  }

 private:
  /// In the order in which runc writes them.
  using Device = std::tuple<std::int64_t, std::int64_t, char>;

  /// 0 for a type that runc refuses.
  static char type_of(const FilterRule& rule) {
    const std::string_view type = rule.type ? std::string_view(*rule.type) : "";
    if (type.empty() || type == "a") return 'a';
    return type == "b" || type == "c" ? type.front() : '\0';
  }

  void apply(char type, std::int64_t major, std::int64_t minor, std::uint32_t access, bool allow) {
    if (type == 'a') {  // whatever its numbers and its access
      allows_by_default_ = allow;
      exceptions_.clear();
    } else if (allow == allows_by_default_) {
      remove({major, minor, type}, access);
    } else {
      exceptions_[{major, minor, type}] |= access;
    }
  }

  void remove(const Device& device, std::uint32_t access) {
    const auto& [major, minor, type] = device;
    for (const Device& wider :
         {Device{kAny, minor, type}, Device{major, kAny, type}, Device{kAny, kAny, type}}) {
      const auto found = exceptions_.find(wider);
      // runc does not start a container whose rules make a hole in a wider one.
      if (wider != device && found != exceptions_.end() && (found->second & access) != 0) {
        is_valid_ = false;
      }
    }
    if (const auto found = exceptions_.find(device); found != exceptions_.end()) {
      found->second &= ~access;
    }
  }

  std::map<Device, std::uint32_t> exceptions_ = {};
  bool allows_by_default_ = false;
  bool is_valid_ = true;
};

enum class Tun { left_out, included };  // older versions let every container use it

std::optional<BpfProgram> filter_of_runc(const FilterRules& rules, Tun tun) {
  RuncFilter filter(rules);
  for (const DefaultDevice& device : kOfRunc) {
    if (!rules.nodes.contains(std::string(device.node))) filter.allow(device);
  }
  if (tun == Tun::included) filter.allow(kTun);
  return filter.program();
}

/// Whether the list of default devices has an end mark, of which crun makes a rule, too: newer
/// versions.
enum class EndMark { left_out, included };

class CrunFilter {
 public:
  void append(char type, std::int64_t major, std::int64_t minor, std::string_view access,
              bool allow) {
    if (is_complete_) return;
    const FilterMatch match{.type = type == 'a' ? std::nullopt : std::optional(kind_of(type)),
                            .access = access_to_match(access_bits(access)),
                            // crun keeps them in an int.
                            .major = number_to_match(static_cast<std::int32_t>(major)),
                            .minor = number_to_match(static_cast<std::int32_t>(minor))};
    append_rule(program_, match, ResultWidth::wide, allow);
    is_complete_ = !match.type && !match.access && !match.major && !match.minor;
  }

  [[nodiscard]] BpfProgram program() && {
    if (!is_complete_) append_return(program_, ResultWidth::wide, false);
    return std::move(program_);
  }

 private:
  BpfProgram program_ = filter_head();
  bool is_complete_ = false;  // by a rule that matches everything
};

BpfProgram filter_of_crun(const FilterRules& rules, Tun tun, EndMark end_mark) {
  CrunFilter filter;
  if (end_mark == EndMark::included) filter.append('\0', 0, 0, "", true);
  if (tun == Tun::included) filter.append(kTun.type, kTun.major, kTun.minor, kTun.access, true);
  std::for_each(kOfCrun.rbegin(), kOfCrun.rend(), [&](const DefaultDevice& device) {
    filter.append(device.type, device.major, device.minor, device.access, true);
  });
  std::for_each(rules.rules.rbegin(), rules.rules.rend(), [&](const FilterRule& rule) {
    const char type = !rule.type ? 'a' : rule.type->empty() ? '\0' : rule.type->front();
    filter.append(type, rule.major, rule.minor, rule.access, rule.allow);
  });
  return std::move(filter).program();
}

}  // namespace

std::vector<BpfProgram> runtime_filters(const FilterRules& rules) {
  std::vector<BpfProgram> programs;
  for (const Tun tun : {Tun::left_out, Tun::included}) {
    if (auto program = filter_of_runc(rules, tun)) programs.push_back(*std::move(program));
    for (const EndMark end_mark : {EndMark::included, EndMark::left_out}) {
      programs.push_back(filter_of_crun(rules, tun, end_mark));
    }
  }
  return programs;
}

}  // namespace nvhook
