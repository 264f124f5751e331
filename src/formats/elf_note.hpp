// SPDX-License-Identifier: Apache-2.0
// Reads one note of an ELF file by the name of its section and its owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/elf.hpp"
#include "text/read_at.hpp"

namespace nvhook {

/// Returns the descriptor of the first note of `owner` in the SHT_NOTE section called `section` of
/// a little-endian ELF file. Returns nullopt if there is no such note, if the section is larger
/// than 64 KiB, or if a header, a name or the note itself is out of bounds: nothing is cut to fit.
/// Reads the section headers, their names and that section, never more than 64 KiB at once. Format:
/// System V gABI, "Note Section".
[[nodiscard]] std::optional<std::string> read_elf_note(const ReadAt& read_at,
                                                       std::string_view section,
                                                       std::string_view owner);

}  // namespace nvhook
