// SPDX-License-Identifier: Apache-2.0
// Tests read_elf_note on objects made here, valid and hostile.
#include "formats/elf_note.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/elf_note_builder.hpp"

namespace nvhook::test {
namespace {

std::optional<std::string> note_of(const std::string& bytes) {
  return read_elf_note(read_from(bytes), kCompatNoteSection, kCompatNoteOwner);
}

ElfWithNote object_with(const NoteSpec& spec) { return with_note(build_elf({}).bytes, spec); }

std::string with_number(std::string bytes, std::size_t offset, std::uint64_t value,
                        std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes.at(offset + i) = static_cast<char>((value >> (8 * i)) & 0xff);
  }
  return bytes;
}

TEST(ElfNote, IsReadFromA64BitObject) {
  EXPECT_EQ(note_of(object_with({.descriptor = "{}"}).bytes), "{}");
}

TEST(ElfNote, IsReadFromA32BitObject) {
  const std::string object = build_elf({.is_64bit = false, .machine = 3, .address = 0x1000}).bytes;
  EXPECT_EQ(note_of(with_note(object, {.descriptor = "text"}).bytes), "text");
}

TEST(ElfNote, MayBeAlignedToEight) {
  EXPECT_EQ(note_of(object_with({.descriptor = "text", .alignment = 8}).bytes), "text");
}

TEST(ElfNote, MayLackThePaddingAtTheEnd) {
  EXPECT_EQ(note_of(object_with({.descriptor = "123456789", .end_padding = false}).bytes),
            "123456789");
}

TEST(ElfNote, IsFoundBehindOneOfAnotherOwner) {
  const std::string other = note_bytes({.descriptor = "other", .owner = "GNU"});
  EXPECT_EQ(note_of(object_with({.descriptor = "ours", .before = other}).bytes), "ours");
}

TEST(ElfNote, MayBeAsLongAsASectionMay) {
  const std::string longest((64UL << 10U) - 32, 'x');
  EXPECT_EQ(note_of(object_with({.descriptor = longest}).bytes), longest);
  EXPECT_EQ(note_of(object_with({.descriptor = longest + "y"}).bytes), std::nullopt);
}

constexpr std::size_t kSection = 64;  // size of a section header
constexpr std::size_t kNames = 1;
constexpr std::size_t kNote = 2;

struct NoNote {
  const char* name;
  std::string bytes;
};
std::ostream& operator<<(std::ostream& out, const NoNote& row) { return out << row.name; }

std::vector<NoNote> objects_without_note() {
  const ElfWithNote good = object_with({.descriptor = "text"});
  const auto section = [&](std::size_t index, std::size_t field, std::uint64_t value,
                           std::size_t size) {
    return with_number(good.bytes, good.sections_at + index * kSection + field, value, size);
  };
  const auto note = [&](std::size_t field, std::uint64_t value) {
    return with_number(good.bytes, good.note_at + field, value, 4);
  };
  return {
      {"no_object", "text"},
      {"without_sections", build_elf({}).bytes},
      {"section_of_another_name", object_with({.descriptor = "text", .section = ".note.x"}).bytes},
      {"section_whose_name_only_begins_so",
       object_with({.descriptor = "text", .section = std::string(kCompatNoteSection) + "2"}).bytes},
      {"section_of_another_type", object_with({.descriptor = "text", .section_type = 1}).bytes},
      {"other_owner", object_with({.descriptor = "text", .owner = "NVIDIA"}).bytes},
      {"table_beyond_the_file", with_number(good.bytes, 40, good.bytes.size(), 8)},
      {"table_at_the_end_of_the_address_space", with_number(good.bytes, 40, UINT64_MAX - 8, 8)},
      {"table_cut_short", good.bytes.substr(0, good.bytes.size() - 1)},
      {"too_many_sections", with_number(good.bytes, 60, 0xffff, 2)},
      {"no_sections", with_number(good.bytes, 60, 0, 2)},
      {"headers_of_another_size", with_number(good.bytes, 58, 40, 2)},
      {"names_in_no_section", with_number(good.bytes, 62, 3, 2)},
      {"names_beyond_the_file", section(kNames, 24, good.bytes.size(), 8)},
      {"names_that_overflow", section(kNames, 24, UINT64_MAX, 8)},
      {"names_too_short", section(kNames, 32, 11, 8)},
      {"name_outside_of_the_names", section(kNote, 0, UINT32_MAX, 4)},
      {"note_beyond_the_file", section(kNote, 24, good.bytes.size() - 8, 8)},
      {"note_that_overflows", section(kNote, 24, UINT64_MAX, 8)},
      {"section_larger_than_the_file", section(kNote, 32, good.bytes.size(), 8)},
      {"section_of_any_size", section(kNote, 32, UINT64_MAX, 8)},
      {"section_without_room_for_a_header", section(kNote, 32, 11, 8)},
      {"section_that_ends_in_the_name", section(kNote, 32, 20, 8)},
      {"padding_of_the_name_beyond_the_section", section(kNote, 32, 31, 8)},
      {"descriptor_beyond_the_section", section(kNote, 32, 35, 8)},
      {"empty_section", section(kNote, 32, 0, 8)},
      {"name_beyond_the_section", note(0, 64)},
      {"largest_name", note(0, UINT32_MAX)},
      {"no_name", note(0, 0)},
      {"descriptor_one_byte_longer_than_the_section", note(4, 5)},
      {"largest_descriptor", note(4, UINT32_MAX)},
      {"first_note_lies_about_its_size",
       object_with({.descriptor = "text",
                    .before = note_bytes(
                        {.descriptor = "x", .owner = "GNU", .descriptor_size = UINT32_MAX})})
           .bytes},
  };
}

class ObjectWithoutNote : public ::testing::TestWithParam<NoNote> {};
TEST_P(ObjectWithoutNote, HasNone) { EXPECT_EQ(note_of(GetParam().bytes), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(ElfNote, ObjectWithoutNote, ::testing::ValuesIn(objects_without_note()),
                         [](const auto& row) { return row.param.name; });

TEST(ElfNote, OfANoteWithoutTextIsEmpty) {
  const ElfWithNote good = object_with({.descriptor = ""});
  EXPECT_EQ(note_of(good.bytes), "");
}

TEST(ElfNote, SurvivesAnyByteBeingAnother) {
  const ElfWithNote good = object_with({.descriptor = "text"});
  std::mt19937 random(1);
  std::size_t found = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good.bytes;
    for (int change = 0; change < 3; ++change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto note = note_of(bytes);
    found += note ? 1 : 0;
    EXPECT_LE(note.value_or("").size(), bytes.size());
  }
  EXPECT_GT(found, 0U);
}

TEST(ElfNote, NeverReadsMoreThan64KiBAtOnce) {
  const ElfWithNote good = object_with({.descriptor = "text"});
  for (const std::size_t at :
       {std::size_t{60}, good.sections_at + 2 * kSection + 32, good.sections_at + kSection + 32}) {
    const std::string bytes = with_number(good.bytes, at, UINT16_MAX, 2);
    std::size_t largest = 0;
    static_cast<void>(read_elf_note(
        [&](std::uint64_t offset, std::size_t size) {
          largest = std::max(largest, size);
          return read_from(bytes)(offset, size);
        },
        kCompatNoteSection, kCompatNoteOwner));
    EXPECT_LE(largest, 64U << 10U);
  }
}

}  // namespace
}  // namespace nvhook::test
