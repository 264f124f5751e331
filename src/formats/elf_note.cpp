// SPDX-License-Identifier: Apache-2.0
// Finds the note by the section headers and checks every bound.
#include "formats/elf_note.hpp"

#include <cstdint>
#include <cstring>
#include <vector>

#include "formats/elf_format.hpp"
#include "text/read_at.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/// Whether the text at `offset` of the section `names` is `name`.
template <typename Section>
bool is_called(const ReadAt& read_at, const Section& names, std::uint64_t offset,
               std::string_view name) {
  const std::uint64_t size = name.size() + 1;
  const std::uint64_t start = names.sh_offset;
  const std::uint64_t available = names.sh_size;
  if (offset > available || available - offset < size || start > UINT64_MAX - available) {
    return false;
  }
  const std::string bytes = read_at(start + offset, static_cast<std::size_t>(size));
  return bytes.size() == size && bytes.back() == '\0' && std::string_view(bytes).starts_with(name);
}

/// Returns the descriptor of the first note of `owner`. `notes` is a whole section, at most
/// kMaxRead bytes, so that the sum of an offset in it and two 32-bit sizes does not overflow.
std::optional<std::string> find_note(std::string_view notes, std::uint64_t alignment,
                                     std::string_view owner) {
  std::uint64_t at = 0;
  while (at < notes.size() && notes.size() - at >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr header;
    std::memcpy(&header, notes.data() + at, sizeof(header));
    const std::uint64_t name_at = at + sizeof(header);
    const std::uint64_t descriptor_at = align_up(name_at + header.n_namesz, alignment);
    const std::uint64_t end = descriptor_at + header.n_descsz;
    if (end > notes.size()) {
      return std::nullopt;
    }
    std::string_view name = notes.substr(name_at, header.n_namesz);
    if (name.ends_with('\0')) {
      name.remove_suffix(1);
    }
    if (name == owner) {
      return std::string(notes.substr(descriptor_at, header.n_descsz));
    }
    // The padding of the last note may be missing.
    at = align_up(end, alignment);
  }
  return std::nullopt;
}

template <typename Elf>
std::optional<std::string> read_note(const ReadAt& read_at, std::string_view section,
                                     std::string_view owner) {
  using Section = typename Elf::Section;
  const auto header = elf::read_array<typename Elf::Header>(read_at, 0, 1);
  if (!header || header->front().e_shentsize != sizeof(Section)) {
    return std::nullopt;
  }
  const auto table =
      elf::read_array<Section>(read_at, header->front().e_shoff, header->front().e_shnum);
  if (!table || header->front().e_shstrndx >= table->size()) {
    return std::nullopt;
  }
  const Section& names = (*table)[header->front().e_shstrndx];
  for (const Section& row : *table) {
    if (row.sh_type != SHT_NOTE || !is_called(read_at, names, row.sh_name, section)) continue;
    if (row.sh_size > elf::kMaxRead) {
      return std::nullopt;
    }
    const std::string notes = read_at(row.sh_offset, static_cast<std::size_t>(row.sh_size));
    if (notes.size() < row.sh_size) {
      return std::nullopt;
    }
    return find_note(notes, row.sh_addralign == 8 ? 8 : 4, owner);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_elf_note(const ReadAt& read_at, std::string_view section,
                                         std::string_view owner) {
  const auto object_class = elf::read_class(read_at);
  if (!object_class) {
    return std::nullopt;
  }
  switch (*object_class) {
    case ELFCLASS32:
      return read_note<elf::Elf32>(read_at, section, owner);
    case ELFCLASS64:
      return read_note<elf::Elf64>(read_at, section, owner);
    default:
      return std::nullopt;
  }
}

}  // namespace nvhook
