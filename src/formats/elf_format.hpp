// SPDX-License-Identifier: Apache-2.0
// Reads structures of <elf.h>; private to elf*.cpp.
#pragma once

#include <elf.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "text/read_at.hpp"

namespace nvhook::elf {

static_assert(std::endian::native == std::endian::little, "the structures are copied as is");

/// The most that is read at once.
inline constexpr std::size_t kMaxRead = 64 << 10;

struct Elf32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Section = Elf32_Shdr;
  using Dynamic = Elf32_Dyn;
};

struct Elf64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Section = Elf64_Shdr;
  using Dynamic = Elf64_Dyn;
};

/// Returns the `count` Ts at `offset`, or nullopt if the file ends before.
template <typename T>
std::optional<std::vector<T>> read_array(const ReadAt& read_at, std::uint64_t offset,
                                         std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::size_t size = count * sizeof(T);
  if (size > kMaxRead) {
    return std::nullopt;
  }
  const std::string bytes = read_at(offset, size);
  if (bytes.size() < size) {
    return std::nullopt;
  }
  std::vector<T> values(count);
  if (size > 0) {
    std::memcpy(values.data(), bytes.data(), size);
  }
  return values;
}

/// Returns ELFCLASS32 or ELFCLASS64 for a little-endian object, nullopt for any other file.
inline std::optional<unsigned char> read_class(const ReadAt& read_at) {
  const std::string ident = read_at(0, EI_NIDENT);
  if (ident.size() < EI_NIDENT || !std::string_view(ident).starts_with(ELFMAG) ||
      ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT) {
    return std::nullopt;
  }
  return static_cast<unsigned char>(ident[EI_CLASS]);
}

}  // namespace nvhook::elf
