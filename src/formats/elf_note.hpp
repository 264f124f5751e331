// SPDX-License-Identifier: Apache-2.0
// One note of an ELF file, found by the name of its section and by its owner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/elf.hpp"
#include "text/read_at.hpp"

namespace nvhook {

/// The descriptor of the first note of `owner` in the SHT_NOTE section called `section` of a
/// little-endian ELF file. Nothing if there is none, or if a header, a name or the note itself lies
/// outside of where it belongs: nothing is cut to fit. Sections of more than 64 KiB are none of
/// ours. Reads the section headers, their names and that section, never more than 64 KiB at once.
/// Format: System V gABI, "Note Section".
[[nodiscard]] std::optional<std::string> read_elf_note(const ReadAt& read_at,
                                                       std::string_view section,
                                                       std::string_view owner);

}  // namespace nvhook
