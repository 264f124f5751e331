// SPDX-License-Identifier: Apache-2.0
// The little that is read of a shared object: its machine and its SONAME.
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

/// Header facts of a little-endian ELF shared object, or nothing if it is not one, is cut short, or
/// its headers point outside what `read_at` yields. Only program headers are used, as by the
/// loader; reads a few hundred bytes, never more than 64 KiB at once. A SONAME with a slash or
/// longer than 255 bytes makes the whole object invalid.
[[nodiscard]] std::optional<ElfInfo> read_elf(const ReadAt& read_at);

}  // namespace nvhook
