// SPDX-License-Identifier: Apache-2.0
// The kernel itself says whether a guess is right: it has a digest of every program.
#include "cgroup/filter_reader.hpp"

#include <cerrno>
#include <optional>
#include <utility>

#include "cgroup/bpf.hpp"
#include "cgroup/device_filter.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

std::optional<BpfProgram> guess(const std::string& tag, const FilterGuesses& guesses,
                                const std::vector<DeviceNumber>& devices) {
  if (tag.empty() || !guesses.programs) return std::nullopt;
  std::vector<std::vector<DeviceNumber>> granted = {{}, devices};
  granted.insert(granted.end(), guesses.granted.begin(), guesses.granted.end());
  const std::vector<BpfProgram> programs = guesses.programs();
  for (const std::vector<DeviceNumber>& earlier : granted) {
    for (const BpfProgram& program : programs) {
      BpfProgram whole = prepend_device_rules(program, earlier);
      const bpf::Loaded loaded = bpf::load_device_filter(whole);
      if (loaded.program && bpf::tag_of(loaded.program.get()) == tag) return whole;
    }
  }
  return std::nullopt;
}

}  // namespace

FilterReading read_filter(int program, const FilterGuesses& guesses,
                          const std::vector<DeviceNumber>& devices) {
  auto shown = bpf::instructions_of(program);
  const int error = shown ? 0 : errno;
  if (shown && !shown->empty() && !has_blinded_constants(*shown)) {
    return {.instructions = *std::move(shown)};
  }
  if (auto guessed = guess(bpf::tag_of(program), guesses, devices)) {
    return {.instructions = *std::move(guessed), .is_guessed = true};
  }
  const std::string reason = error != 0
                                 ? "its instructions cannot be read: " + errno_text(error)
                                 : "the kernel hides its instructions (net.core.bpf_jit_harden)";
  return {.why_not = reason + ", and " + guesses.none_is_right};
}

}  // namespace nvhook
