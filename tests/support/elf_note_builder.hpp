// SPDX-License-Identifier: Apache-2.0
// Adds section headers and one note section to an ELF object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "image/cuda_compat.hpp"
#include "support/elf_builder.hpp"

namespace nvhook::test {

struct NoteSpec {
  std::string descriptor = {};
  std::string section = std::string(kCompatNoteSection);
  std::string owner = std::string(kCompatNoteOwner);
  std::uint32_t section_type = 7;
  std::uint64_t alignment = 4;
  /// Size of the section; the true one if absent.
  std::optional<std::uint64_t> size = {};
  /// Sizes in the header of the note; the true ones if absent.
  std::optional<std::uint32_t> name_size = {};
  std::optional<std::uint32_t> descriptor_size = {};
  bool end_padding = true;
  /// Complete notes before this one.
  std::string before = {};
};

struct ElfWithNote {
  std::string bytes = {};
  std::size_t note_at = 0;
  std::size_t sections_at = 0;  ///< null, names, the note
};

inline std::string note_bytes(const NoteSpec& spec) {
  const std::size_t alignment = spec.alignment == 8 ? 8 : 4;
  const auto pad = [&](std::string& text) {
    while (text.size() % alignment != 0) text += '\0';
  };
  ElfWriter header(true);
  header.word(spec.name_size.value_or(static_cast<std::uint32_t>(spec.owner.size() + 1)));
  header.word(spec.descriptor_size.value_or(static_cast<std::uint32_t>(spec.descriptor.size())));
  header.word(1);
  std::string bytes = header.bytes() + spec.owner + '\0';
  pad(bytes);
  bytes += spec.descriptor;
  if (spec.end_padding) pad(bytes);
  return bytes;
}

inline ElfWithNote with_note(std::string object, const NoteSpec& spec) {
  const bool is_64bit = object.at(4) == 2;
  const std::string names = std::string(1, '\0') + ".shstrtab" + '\0' + spec.section + '\0';
  const std::string note = spec.before + note_bytes(spec);
  object.resize((object.size() + 15) / 16 * 16);
  const std::size_t note_at = object.size();
  const std::size_t names_at = note_at + note.size();
  object += note + names;
  ElfWithNote built{.note_at = note_at, .sections_at = object.size()};
  ElfWriter table(is_64bit);
  const auto section = [&](std::uint64_t name, std::uint64_t type, std::uint64_t offset,
                           std::uint64_t size, std::uint64_t alignment) {
    table.word(name);
    table.word(type);
    table.native(0);
    table.native(0);
    table.native(offset);
    table.native(size);
    table.word(0);
    table.word(0);
    table.native(alignment);
    table.native(0);
  };
  section(0, 0, 0, 0, 0);
  section(1, 3, names_at, names.size(), 1);
  section(11, spec.section_type, note_at, spec.size.value_or(note.size()), spec.alignment);
  object += table.bytes();
  ElfWriter fields(is_64bit);
  fields.native(built.sections_at);
  ElfWriter counts(is_64bit);
  counts.half(is_64bit ? 64 : 40);
  counts.half(3);
  counts.half(1);
  object.replace(is_64bit ? 40 : 32, fields.bytes().size(), fields.bytes());
  object.replace(is_64bit ? 58 : 46, counts.bytes().size(), counts.bytes());
  built.bytes = std::move(object);
  return built;
}

/// Returns a libcuda with the parts of that in NVIDIA's packages that are read.
inline std::string compat_libcuda(const std::string& note) {
  std::string object = build_elf({.soname = "libcuda.so.1"}).bytes;
  return note.empty() ? object : with_note(std::move(object), {.descriptor = note}).bytes;
}

}  // namespace nvhook::test
