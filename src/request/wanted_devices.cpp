// SPDX-License-Identifier: Apache-2.0
// `any` stands alone; everything else is a list of names.
#include "request/wanted_devices.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include "request/device_name.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kAny = "any";
constexpr std::string_view kExclusive = "exclusive:";
constexpr std::size_t kMostRanges = 64;
constexpr std::size_t kShownOfWanted = 60;  // bytes of a word in a message

[[noreturn]] void refuse_wanted(std::string_view word, const std::string& why,
                                const std::string& remedy) {
  const std::string shown(word.substr(0, kShownOfWanted));
  throw Error(Code::invalid_request,
              "`" + shown + (word.size() > kShownOfWanted ? "…" : "") + "`: " + why, remedy);
}

bool is_any(std::string_view word) {
  return equals_ignoring_case(word, kAny) || starts_with_ignoring_case(word, "any:");
}

unsigned count_in(std::string_view any) {
  if (any.size() == kAny.size()) return 1;
  const auto count = parse_numbered(any.substr(kAny.size() + 1), "");
  if (!count || *count == 0) {
    refuse_wanted(any, "no number of GPUs", "write `any:2` for two free GPUs");
  }
  return *count;
}

/// Removes `exclusive:` from the words; returns whether it was there.
bool take_exclusive(std::vector<std::string_view>& words) {
  bool is_exclusive = false;
  for (std::string_view& word : words) {
    if (!starts_with_ignoring_case(word, kExclusive)) continue;
    if (!is_exclusive && &word != &words.front()) {
      refuse_wanted(word, "not the first word of its list",
                    "write it first, for all devices of the list: exclusive:0,1");
    }
    is_exclusive = true;
    word.remove_prefix(kExclusive.size());
    if (word.empty()) refuse_wanted(kExclusive, "names no device", "write exclusive:0 for GPU 0");
    if (is_any(word)) refuse_wanted(word, "exclusive already", "leave out `exclusive:`");
  }
  return is_exclusive;
}

/// Collects names, each once. Lists of an image can be as long as config.json.
class Names {
 public:
  void add(std::string name) {
    const auto [known, is_new] = seen_.insert(std::move(name));
    if (is_new) names_.push_back(*known);
  }
  [[nodiscard]] DeviceSelection take() {
    if (names_.empty()) return NoDevices{};
    return std::move(names_);
  }

 private:
  DeviceNames names_ = {};
  std::unordered_set<std::string> seen_ = {};
};

DeviceSelection select(const std::vector<std::string_view>& words, bool has_none) {
  Names names;
  std::size_t ranges = 0;
  for (const std::string_view word : words) {
    if (equals_ignoring_case(word, "all")) return AllDevices{};
    if (has_none && word == "none") return NoDevices{};
    const auto range = ranges < kMostRanges ? parse_index_range(word) : std::nullopt;
    if (!range) {
      names.add(std::string(word));
      continue;
    }
    ++ranges;
    for (std::uint64_t index = range->first; index <= range->last; ++index) {
      names.add(std::to_string(index));
    }
  }
  return names.take();
}

}  // namespace

WantedDevices read_wanted_devices(std::vector<std::string_view> words, bool has_none) {
  WantedDevices list{.is_exclusive = take_exclusive(words)};
  const auto any = std::find_if(words.begin(), words.end(), is_any);
  if (any == words.end()) {
    list.devices = select(words, has_none);
    return list;
  }
  if (words.size() != 1) {
    refuse_wanted(*any, "beside other devices",
                  "let it be the whole list: `any:2` for two free GPUs");
  }
  return {.free_gpus = count_in(*any), .is_exclusive = true};
}

unsigned count_asked_for(const DeviceSelection& devices) {
  const auto* const names = std::get_if<DeviceNames>(&devices);
  if (names == nullptr) return 0;
  for (std::size_t i = 0; i < names->size(); ++i) {
    if ((*names)[i] != std::to_string(i)) return 0;
  }
  return static_cast<unsigned>(names->size());
}

}  // namespace nvhook
