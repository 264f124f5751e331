// SPDX-License-Identifier: Apache-2.0
// Reads the machine and the SONAME of a shared object, and the loader of a program.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "text/read_at.hpp"

namespace nvhook {

struct ElfInfo {
  /// e_machine: 62 x86-64, 183 AArch64, 3 i386, 40 ARM.
  std::uint16_t machine = 0;
  bool is_64bit = false;
  /// DT_SONAME; empty if the object has none.
  std::string soname = {};

  friend bool operator==(const ElfInfo&, const ElfInfo&) = default;
};

/// Returns facts from the headers of a little-endian ELF shared object; nullopt if the file is
/// something else or truncated, or if its headers point outside what `read_at` yields. Uses only
/// the program headers, as the loader does. Reads a few hundred bytes, never more than 64 KiB at
/// once. A SONAME that has a slash or more than 255 bytes makes the whole object invalid.
[[nodiscard]] std::optional<ElfInfo> read_elf(const ReadAt& read_at);

/// Returns the loader that the kernel starts for a little-endian ELF program (PT_INTERP): an
/// absolute path of at most 4095 bytes without control characters. Empty if the program needs none,
/// and for any other file.
[[nodiscard]] std::string read_interpreter(const ReadAt& read_at);

}  // namespace nvhook
