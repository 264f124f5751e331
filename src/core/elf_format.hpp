// SPDX-License-Identifier: Apache-2.0
// The System V ABI's object file structures and how they are read; private to elf*.cpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/elf.hpp"

namespace nvhook::elf {

static_assert(std::endian::native == std::endian::little, "the structures below are copied as is");

inline constexpr std::string_view kMagic =
    "\x7f"
    "ELF";
inline constexpr char kClass32 = 1;
inline constexpr char kClass64 = 2;
inline constexpr char kLittleEndian = 1;
inline constexpr char kCurrentVersion = 1;
/// Nothing larger is read at once.
inline constexpr std::size_t kMaxRead = 64 << 10;

// The System V ABI's structures, as far as they are used.
struct Ident {
  std::array<char, 4> magic = {};
  char file_class = 0;
  char byte_order = 0;
  char version = 0;
  std::array<char, 9> rest = {};
};

struct Elf32 {
  struct Header {
    Ident ident = {};
    std::uint16_t type = 0;
    std::uint16_t machine = 0;
    std::uint32_t version = 0;
    std::uint32_t entry = 0;
    std::uint32_t segments_offset = 0;
    std::uint32_t sections_offset = 0;
    std::uint32_t flags = 0;
    std::uint16_t header_size = 0;
    std::uint16_t segment_size = 0;
    std::uint16_t segment_count = 0;
    std::uint16_t section_size = 0;
    std::uint16_t section_count = 0;
    std::uint16_t names_section = 0;
  };
  struct Segment {
    std::uint32_t type = 0;
    std::uint32_t offset = 0;
    std::uint32_t address = 0;
    std::uint32_t physical_address = 0;
    std::uint32_t file_size = 0;
    std::uint32_t memory_size = 0;
    std::uint32_t flags = 0;
    std::uint32_t alignment = 0;
  };
  struct Section {
    std::uint32_t name = 0;
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::uint32_t address = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    std::uint32_t link = 0;
    std::uint32_t info = 0;
    std::uint32_t alignment = 0;
    std::uint32_t entry_size = 0;
  };
  struct Dynamic {
    std::uint32_t tag = 0;
    std::uint32_t value = 0;
  };
};
static_assert(sizeof(Elf32::Header) == 52 && sizeof(Elf32::Segment) == 32);
static_assert(sizeof(Elf32::Section) == 40);

struct Elf64 {
  struct Header {
    Ident ident = {};
    std::uint16_t type = 0;
    std::uint16_t machine = 0;
    std::uint32_t version = 0;
    std::uint64_t entry = 0;
    std::uint64_t segments_offset = 0;
    std::uint64_t sections_offset = 0;
    std::uint32_t flags = 0;
    std::uint16_t header_size = 0;
    std::uint16_t segment_size = 0;
    std::uint16_t segment_count = 0;
    std::uint16_t section_size = 0;
    std::uint16_t section_count = 0;
    std::uint16_t names_section = 0;
  };
  struct Segment {
    std::uint32_t type = 0;
    std::uint32_t flags = 0;
    std::uint64_t offset = 0;
    std::uint64_t address = 0;
    std::uint64_t physical_address = 0;
    std::uint64_t file_size = 0;
    std::uint64_t memory_size = 0;
    std::uint64_t alignment = 0;
  };
  struct Section {
    std::uint32_t name = 0;
    std::uint32_t type = 0;
    std::uint64_t flags = 0;
    std::uint64_t address = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint32_t link = 0;
    std::uint32_t info = 0;
    std::uint64_t alignment = 0;
    std::uint64_t entry_size = 0;
  };
  struct Dynamic {
    std::uint64_t tag = 0;
    std::uint64_t value = 0;
  };
};
static_assert(sizeof(Elf64::Header) == 64 && sizeof(Elf64::Segment) == 56);
static_assert(sizeof(Elf64::Section) == 64);

/// The `count` Ts at `offset`, or nothing if they are not all there.
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

/// The identification of a little-endian object, or nothing for any other file.
inline std::optional<Ident> read_ident(const ReadAt& read_at) {
  const auto idents = read_array<Ident>(read_at, 0, 1);
  if (!idents) {
    return std::nullopt;
  }
  const Ident& ident = idents->front();
  if (std::string_view(ident.magic.data(), ident.magic.size()) != kMagic ||
      ident.byte_order != kLittleEndian || ident.version != kCurrentVersion) {
    return std::nullopt;
  }
  return ident;
}

}  // namespace nvhook::elf
