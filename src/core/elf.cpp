// SPDX-License-Identifier: Apache-2.0
// The dynamic segment of an ELF file, found by its program headers alone, with every bound checked.
#include "core/elf.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/elf_format.hpp"

namespace nvhook {
namespace {

using elf::Elf32;
using elf::Elf64;
using elf::read_array;

constexpr std::uint16_t kSharedObject = 3;
constexpr std::uint32_t kLoad = 1;
constexpr std::uint32_t kDynamic = 2;
constexpr std::uint64_t kTagEnd = 0;
constexpr std::uint64_t kTagStringTable = 5;
constexpr std::uint64_t kTagStringTableSize = 10;
constexpr std::uint64_t kTagSoname = 14;

constexpr std::size_t kMaxSoname = 255;

/// A part of the file, and where it is in memory.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

struct Segments {
  std::vector<Range> loaded = {};
  std::optional<Range> dynamic = {};
};

/// What a dynamic segment says about names.
struct NameTags {
  std::optional<std::uint64_t> string_table = {};
  std::optional<std::uint64_t> string_table_size = {};
  std::optional<std::uint64_t> soname = {};
};

/// Nothing if not all is there that is mapped from the file: the process would die of SIGBUS later.
template <typename Elf>
std::optional<Segments> read_segments(const ReadAt& read_at, const typename Elf::Header& header) {
  const auto table =
      read_array<typename Elf::Segment>(read_at, header.segments_offset, header.segment_count);
  if (!table || header.segment_size != sizeof(typename Elf::Segment)) {
    return std::nullopt;
  }
  Segments segments;
  std::uint64_t last_byte = 0;
  for (const auto& segment : *table) {
    const Range range = {
        .offset = segment.offset, .address = segment.address, .size = segment.file_size};
    if (segment.type == kDynamic) {
      segments.dynamic = range;
    } else if (segment.type == kLoad && range.size > 0) {
      const std::uint64_t last = range.offset + range.size - 1;
      if (last < range.offset) {
        return std::nullopt;
      }
      last_byte = std::max(last_byte, last);
      segments.loaded.push_back(range);
    }
  }
  if (read_at(last_byte, 1).empty()) {
    return std::nullopt;
  }
  return segments;
}

/// The last of several equal tags counts, as for the loader. Nothing if the segment has no end
/// mark.
template <typename Elf>
std::optional<NameTags> read_name_tags(const ReadAt& read_at, const Range& dynamic) {
  using Dynamic = typename Elf::Dynamic;
  const auto entries = read_array<Dynamic>(read_at, dynamic.offset, dynamic.size / sizeof(Dynamic));
  if (!entries) {
    return std::nullopt;
  }
  NameTags tags;
  for (const Dynamic& entry : *entries) {
    switch (entry.tag) {
      case kTagEnd:
        return tags;
      case kTagStringTable:
        tags.string_table = entry.value;
        break;
      case kTagStringTableSize:
        tags.string_table_size = entry.value;
        break;
      case kTagSoname:
        tags.soname = entry.value;
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

bool is_usable_soname(std::string_view name) {
  return name.find('/') == std::string_view::npos && name != "." && name != "..";
}

/// The string at the virtual address of `tags`, within the loaded segment that has it.
std::optional<std::string> read_soname(const ReadAt& read_at, const std::vector<Range>& loaded,
                                       const NameTags& tags) {
  if (!tags.soname) {
    return std::string{};
  }
  if (!tags.string_table || *tags.soname >= tags.string_table_size.value_or(0)) {
    return std::nullopt;
  }
  const std::uint64_t address = *tags.string_table + *tags.soname;
  const auto segment = std::find_if(loaded.begin(), loaded.end(), [&](const Range& range) {
    return address >= range.address && address - range.address < range.size;
  });
  if (address < *tags.string_table || segment == loaded.end()) {
    return std::nullopt;
  }
  const std::uint64_t skipped = address - segment->address;
  const std::uint64_t room =
      std::min(segment->size - skipped, *tags.string_table_size - *tags.soname);
  const std::string bytes =
      read_at(segment->offset + skipped,
              static_cast<std::size_t>(std::min<std::uint64_t>(room, kMaxSoname + 1)));
  const std::size_t length = bytes.find('\0');
  if (length == std::string::npos) {
    return std::nullopt;
  }
  std::string name = bytes.substr(0, length);
  return is_usable_soname(name) ? std::optional(std::move(name)) : std::nullopt;
}

template <typename Elf>
std::optional<ElfInfo> read_object(const ReadAt& read_at) {
  const auto header = read_array<typename Elf::Header>(read_at, 0, 1);
  if (!header || header->front().type != kSharedObject) {
    return std::nullopt;
  }
  const auto segments = read_segments<Elf>(read_at, header->front());
  if (!segments || !segments->dynamic) {
    return std::nullopt;
  }
  const auto tags = read_name_tags<Elf>(read_at, *segments->dynamic);
  if (!tags) {
    return std::nullopt;
  }
  auto soname = read_soname(read_at, segments->loaded, *tags);
  if (!soname) {
    return std::nullopt;
  }
  return ElfInfo{.machine = header->front().machine,
                 .is_64bit = std::is_same_v<Elf, Elf64>,
                 .soname = std::move(*soname)};
}

}  // namespace

std::optional<ElfInfo> read_elf(const ReadAt& read_at) {
  const auto ident = elf::read_ident(read_at);
  if (!ident) {
    return std::nullopt;
  }
  switch (ident->file_class) {
    case elf::kClass32:
      return read_object<Elf32>(read_at);
    case elf::kClass64:
      return read_object<Elf64>(read_at);
    default:
      return std::nullopt;
  }
}

}  // namespace nvhook
