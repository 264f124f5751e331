// SPDX-License-Identifier: Apache-2.0
// What differs between the architectures of a host, and how the tests, which are written for
// x86-64, are those of this build's architecture.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace nvhook::test {

#if defined(__x86_64__)
inline constexpr std::uint16_t kElfMachine = 62;   // EM_X86_64
inline constexpr std::uint16_t kElfMachine32 = 3;  // EM_386
#else
inline constexpr std::uint16_t kElfMachine = 183;   // EM_AARCH64
inline constexpr std::uint16_t kElfMachine32 = 40;  // EM_ARM
#endif

/// Returns `text` with this architecture's names in place of those of x86-64 and i386.
inline std::string for_this_machine(std::string text) {
#if defined(__aarch64__)
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kNames = {
      {{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"},
       {"x86_64", "aarch64"},
       {"i386-linux-gnu", "arm-linux-gnueabihf"},
       {"i686", "armv7"}}};
  for (const auto& [theirs, ours] : kNames) {
    for (std::size_t at = 0; (at = text.find(theirs, at)) != std::string::npos; at += ours.size()) {
      text.replace(at, theirs.size(), ours);
    }
  }
#endif
  return text;
}

/// Returns the plan that a golden case's folder expects: that for this architecture alone, or the
/// common one. Files in one directory are read in the order of their names, which the architecture
/// is part of.
inline std::string expected_plan(const std::filesystem::path& folder) {
  const std::filesystem::path own = folder / for_this_machine("expected-plan.x86_64.json");
  std::ifstream file(std::filesystem::exists(own) ? own : folder / "expected-plan.json",
                     std::ios::binary);
  return for_this_machine({std::istreambuf_iterator<char>(file), {}});
}

}  // namespace nvhook::test
