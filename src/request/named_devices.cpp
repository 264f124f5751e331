// SPDX-License-Identifier: Apache-2.0
// Sorts the words of a list by their kinds.
#include "request/named_devices.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "config/cdi_kind.hpp"
#include "request/device_name.hpp"
#include "request/spelling.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kShown = 200;  // bytes; longer than any name of a device

[[noreturn]] void refuse(std::string_view word, const std::string& why, const std::string& remedy) {
  const std::string shown(word.substr(0, kShown));
  throw Error(Code::unknown_device,
              "`" + shown + (word.size() > kShown ? "…" : "") + "`: unknown device; " + why,
              remedy);
}

void require_all(std::string_view word, const QualifiedName& name) {
  if (name.device == "all") return;
  refuse(word, "this kind has only `all`", "write " + std::string(name.kind) + "=all");
}

}  // namespace

NamedDevices read_names(const DeviceWords& list) {
  NamedDevices named;
  std::vector<std::string_view> gpus;
  const auto add = [&](std::string_view word, const QualifiedName& name, NvidiaKind kind) {
    if (kind == NvidiaKind::gpu) return gpus.push_back(without_cdi_kind(word));
    if (kind == NvidiaKind::imex_channel && name.device != "all") {
      return named.imex_channels.push_back(parse_imex_channel(name.device, list.source));
    }
    require_all(word, name);
    named.is_management |= kind == NvidiaKind::management;
    named.features.gds |= kind == NvidiaKind::gds;
    named.features.mofed |= kind == NvidiaKind::mofed;
    named.features.gdrcopy |= kind == NvidiaKind::gdrcopy;
    named.features.nvswitch |= kind == NvidiaKind::nvswitch;
    named.all_imex_channels |= kind == NvidiaKind::imex_channel;
  };
  for (const std::string& word : list.words) {
    const auto name = parse_qualified_name(word);
    if (!name) {
      gpus.push_back(word);
    } else if (const auto kind = nvidia_kind(name->kind)) {
      add(word, *name, *kind);
    } else {
      refuse(word, "a name by CDI that is none of NVIDIA's", device_remedy(word));
    }
  }
  named.gpus = named.is_management ? WantedDevices{.devices = AllDevices{}}
                                   : read_wanted_devices(std::move(gpus), true);
  return named;
}

unsigned parse_imex_channel(std::string_view text, const std::string& source) {
  constexpr std::uint64_t kMaxChannels = 1U << 20U;
  const auto channel = parse_unsigned(text);
  if (channel && *channel < kMaxChannels) return static_cast<unsigned>(*channel);
  throw Error(
      Code::invalid_request,
      "error parsing IMEX info: `" + std::string(text) + "` in " + source + " is no channel",
      with_quotes_remedy(
          text, "name channels by their numbers, 0 to " + std::to_string(kMaxChannels - 1)));
}

}  // namespace nvhook
