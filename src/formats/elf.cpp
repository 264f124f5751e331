// SPDX-License-Identifier: Apache-2.0
// Finds the dynamic segment by the program headers alone and checks every bound.
#include "formats/elf.hpp"

#include <algorithm>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "formats/elf_format.hpp"

namespace nvhook {
namespace {

using elf::Elf32;
using elf::Elf64;
using elf::read_array;

constexpr std::size_t kMaxSoname = 255;
constexpr std::size_t kMaxInterpreter = 4096;

/// A part of the file, and its address in memory.
struct Range {
  std::uint64_t offset = 0;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

struct Segments {
  std::vector<Range> loaded = {};
  std::optional<Range> dynamic = {};
};

/// The entries of a dynamic segment that lead to names.
struct NameTags {
  std::optional<std::uint64_t> string_table = {};
  std::optional<std::uint64_t> string_table_size = {};
  std::optional<std::uint64_t> soname = {};
};

/// Returns nullopt if the file is shorter than what is mapped from it: a process that uses it would
/// die of SIGBUS later.
template <typename Elf>
std::optional<Segments> read_segments(const ReadAt& read_at, const typename Elf::Header& header) {
  const auto table = read_array<typename Elf::Segment>(read_at, header.e_phoff, header.e_phnum);
  if (!table || header.e_phentsize != sizeof(typename Elf::Segment)) {
    return std::nullopt;
  }
  Segments segments;
  std::uint64_t last_byte = 0;
  for (const auto& segment : *table) {
    const Range range = {
        .offset = segment.p_offset, .address = segment.p_vaddr, .size = segment.p_filesz};
    if (segment.p_type == PT_DYNAMIC) {
      segments.dynamic = range;
    } else if (segment.p_type == PT_LOAD && range.size > 0) {
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

/// The last of several equal tags counts, as in the loader. Returns nullopt if the segment has no
/// end mark.
template <typename Elf>
std::optional<NameTags> read_name_tags(const ReadAt& read_at, const Range& dynamic) {
  using Dynamic = typename Elf::Dynamic;
  const auto entries = read_array<Dynamic>(read_at, dynamic.offset, dynamic.size / sizeof(Dynamic));
  if (!entries) {
    return std::nullopt;
  }
  NameTags tags;
  for (const Dynamic& entry : *entries) {
    switch (entry.d_tag) {
      case DT_NULL:
        return tags;
      case DT_STRTAB:
        tags.string_table = entry.d_un.d_val;
        break;
      case DT_STRSZ:
        tags.string_table_size = entry.d_un.d_val;
        break;
      case DT_SONAME:
        tags.soname = entry.d_un.d_val;
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

/// Reads the string at the virtual address of `tags`, within the loaded segment that contains it.
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
  if (!header || header->front().e_type != ET_DYN) {
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
  return ElfInfo{.machine = header->front().e_machine,
                 .is_64bit = std::is_same_v<Elf, Elf64>,
                 .soname = std::move(*soname)};
}

bool is_usable_interpreter(std::string_view path) {
  return path.starts_with('/') && std::none_of(path.begin(), path.end(), [](char letter) {
           return static_cast<unsigned char>(letter) < ' ';
         });
}

template <typename Elf>
std::string interpreter_of(const ReadAt& read_at) {
  const auto header = read_array<typename Elf::Header>(read_at, 0, 1);
  if (!header || header->front().e_phentsize != sizeof(typename Elf::Segment)) return {};
  const auto table =
      read_array<typename Elf::Segment>(read_at, header->front().e_phoff, header->front().e_phnum);
  if (!table) return {};
  for (const auto& segment : *table) {
    if (segment.p_type != PT_INTERP) continue;
    // As the kernel: the text ends with NUL, and is no longer than PATH_MAX.
    if (segment.p_filesz > kMaxInterpreter) return {};
    std::string path = read_at(segment.p_offset, static_cast<std::size_t>(segment.p_filesz));
    const std::size_t length = path.find('\0');
    if (length == std::string::npos) return {};
    path.resize(length);
    return is_usable_interpreter(path) ? path : std::string();
  }
  return {};
}

}  // namespace

std::string read_interpreter(const ReadAt& read_at) {
  const auto object_class = elf::read_class(read_at);
  if (!object_class) return {};
  return *object_class == ELFCLASS64 ? interpreter_of<Elf64>(read_at)
                                     : interpreter_of<Elf32>(read_at);
}

std::optional<ElfInfo> read_elf(const ReadAt& read_at) {
  const auto object_class = elf::read_class(read_at);
  if (!object_class) {
    return std::nullopt;
  }
  switch (*object_class) {
    case ELFCLASS32:
      return read_object<Elf32>(read_at);
    case ELFCLASS64:
      return read_object<Elf64>(read_at);
    default:
      return std::nullopt;
  }
}

}  // namespace nvhook
