// SPDX-License-Identifier: Apache-2.0
// Builds minimal ELF shared objects: headers, one loaded segment, one dynamic segment, strings.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/elf.hpp"
#include "support/machine.hpp"
#include "text/read_at.hpp"

namespace nvhook::test {

struct ElfSpec {
  bool is_64bit = true;
  std::uint16_t type = 3;
  std::uint16_t machine = kElfMachine;
  /// Address of the loaded segment, which begins at the start of the file.
  std::uint64_t address = 0x40000;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> extra_tags = {};
  bool has_soname = true;
  std::string soname = "libexample.so.1";
  bool has_end_tag = true;
};

struct BuiltElf {
  std::string bytes = {};
  std::size_t segments_at = 0;
  std::size_t dynamic_at = 0;
  std::size_t strings_at = 0;
};

class ElfWriter {
 public:
  explicit ElfWriter(bool is_64bit) : is_64bit_(is_64bit) {}

  void number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes_.push_back(static_cast<char>((value >> (8 * i)) & 0xff));
    }
  }
  void half(std::uint64_t value) { number(value, 2); }
  void word(std::uint64_t value) { number(value, 4); }
  void native(std::uint64_t value) { number(value, is_64bit_ ? 8 : 4); }
  void text(std::string_view value) { bytes_ += value; }

  void header(const ElfSpec& spec, std::size_t segments) {
    text("\x7f");
    text("ELF");
    text(is_64bit_ ? "\2" : "\1");
    text("\1\1");
    bytes_.resize(16);
    half(spec.type);
    half(spec.machine);
    word(1);
    native(0);
    native(is_64bit_ ? 64 : 52);
    native(0);
    word(0);
    half(is_64bit_ ? 64 : 52);
    half(is_64bit_ ? 56 : 32);
    half(segments);
    bytes_.resize(is_64bit_ ? 64 : 52);
  }
  void segment(std::uint32_t type, std::uint64_t offset, std::uint64_t address,
               std::uint64_t size) {
    word(type);
    if (is_64bit_) {
      word(4);
    }
    native(offset);
    native(address);
    native(address);
    native(size);
    native(size);
    if (!is_64bit_) {
      word(4);
    }
    native(1);
  }
  void tag(std::uint64_t tag, std::uint64_t value) {
    native(tag);
    native(value);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  bool is_64bit_;
  std::string bytes_ = {};
};

inline BuiltElf build_elf(const ElfSpec& spec) {
  const std::size_t header_size = spec.is_64bit ? 64 : 52;
  const std::size_t segment_size = spec.is_64bit ? 56 : 32;
  const std::size_t tag_size = spec.is_64bit ? 16 : 8;
  const std::size_t tags =
      2 + spec.extra_tags.size() + (spec.has_soname ? 1U : 0U) + (spec.has_end_tag ? 1U : 0U);
  const std::size_t dynamic_at = header_size + 2 * segment_size;
  const std::size_t strings_at = dynamic_at + tags * tag_size;
  const std::string strings = std::string(1, '\0') + spec.soname + '\0';
  ElfWriter elf(spec.is_64bit);
  elf.header(spec, 2);
  elf.segment(1, 0, spec.address, strings_at + strings.size());
  elf.segment(2, dynamic_at, spec.address + dynamic_at, tags * tag_size);
  elf.tag(5, spec.address + strings_at);
  elf.tag(10, strings.size());
  if (spec.has_soname) {
    elf.tag(14, 1);
  }
  for (const auto& [tag, value] : spec.extra_tags) {
    elf.tag(tag, value);
  }
  if (spec.has_end_tag) {
    elf.tag(0, 0);
  }
  elf.text(strings);
  return {.bytes = elf.bytes(),
          .segments_at = header_size,
          .dynamic_at = dynamic_at,
          .strings_at = strings_at};
}

/// Returns a reader of bytes in memory.
inline ReadAt read_from(std::string bytes) {
  return [bytes = std::move(bytes)](std::uint64_t offset, std::size_t size) {
    return offset < bytes.size() ? bytes.substr(static_cast<std::size_t>(offset), size)
                                 : std::string{};
  };
}

/// Returns a reader of a file; it finds no bytes if the file cannot be opened.
inline ReadAt read_from_file(const std::string& path) {
  const auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
  return [file](std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    file->clear();
    file->seekg(static_cast<std::streamoff>(offset));
    file->read(bytes.data(), static_cast<std::streamsize>(size));
    bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file->gcount(), 0)));
    return bytes;
  };
}

}  // namespace nvhook::test
