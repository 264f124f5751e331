// SPDX-License-Identifier: Apache-2.0
// Fuzzes the readers of ELF headers and of the note in CUDA compatibility libraries.
#include <algorithm>

#include "formats/elf.hpp"
#include "formats/elf_note.hpp"
#include "fuzz/fuzz.hpp"
#include "image/cuda_compat.hpp"
#include "text/read_at.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view bytes = fuzz::text_of(data, size);
  std::size_t reads = 0;
  const ReadAt read_at = [&](std::uint64_t offset, std::size_t length) {
    fuzz::require(length <= std::size_t{64} << 10U, "never more than 64 KiB at once");
    ++reads;
    return std::string(offset < bytes.size() ? bytes.substr(offset, length) : std::string_view());
  };
  if (const auto info = read_elf(read_at)) {
    fuzz::require(info->soname.size() <= 255, "a SONAME is a file name");
    fuzz::require(info->soname.find('/') == std::string::npos, "a SONAME has no slash");
    fuzz::require(info->soname.find('\0') == std::string::npos, "a SONAME ends at its NUL");
  }
  if (const auto note = read_elf_note(read_at, kCompatNoteSection, kCompatNoteOwner)) {
    fuzz::require(bytes.find(*note) != std::string_view::npos, "a note is what the file has");
    static_cast<void>(parse_compat_note(*note));
  }
  fuzz::require(reads < 1000, "a few reads are enough");
  return 0;
}
