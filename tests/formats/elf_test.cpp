// SPDX-License-Identifier: Apache-2.0
// Tests read_elf on objects made here, valid and hostile, and on the libraries of this machine.
#include "formats/elf.hpp"

#include <elf.h>
#include <gtest/gtest.h>
#include <link.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "formats/ld_cache.hpp"
#include "support/elf_builder.hpp"
#include "text/read_at.hpp"

namespace nvhook::test {
namespace {

std::optional<ElfInfo> read_bytes(const std::string& bytes) { return read_elf(read_from(bytes)); }

std::string with_number(std::string bytes, std::size_t offset, std::uint64_t value,
                        std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    bytes.at(offset + i) = static_cast<char>((value >> (8 * i)) & 0xff);
  }
  return bytes;
}

TEST(Elf, ReadsA64BitObject) {
  const ElfInfo expected = {.machine = kElfMachine, .is_64bit = true, .soname = "libcuda.so.1"};
  EXPECT_EQ(read_bytes(build_elf({.soname = "libcuda.so.1"}).bytes), expected);
}

TEST(Elf, ReadsA32BitObject) {
  const ElfInfo expected = {.machine = 3, .is_64bit = false, .soname = "libcuda.so.1"};
  EXPECT_EQ(
      read_bytes(
          build_elf({.is_64bit = false, .machine = 3, .address = 0x1000, .soname = "libcuda.so.1"})
              .bytes),
      expected);
}

/// An ELF program of 64 bits with one segment, PT_INTERP.
std::string program_with(const std::string& text) {
  Elf64_Ehdr header{};
  std::copy_n("\177ELF\2\1\1", 7, static_cast<unsigned char*>(header.e_ident));
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_INTERP;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = text.size();
  const auto bytes_of = [](const auto& value) {
    return std::string(reinterpret_cast<const char*>(&value), sizeof value);
  };
  return bytes_of(header) + bytes_of(segment) + text;
}

TEST(Elf, TellsTheLoaderOfAProgram) {
  const auto loader_of = [](const std::string& bytes) {
    return read_interpreter(read_from(bytes));
  };
  using namespace std::string_literals;
  EXPECT_EQ(loader_of(program_with("/nix/store/1-glibc/lib/ld.so\0"s)),
            "/nix/store/1-glibc/lib/ld.so");
  EXPECT_EQ(loader_of(program_with("ld.so\0"s)), "") << "relative";
  EXPECT_EQ(loader_of(program_with("/ld\n.so\0"s)), "");
  EXPECT_EQ(loader_of(program_with("/ld.so")), "") << "no end";
  EXPECT_EQ(loader_of(program_with("/" + std::string(5000, 'x') + "\0"s)), "");
  EXPECT_EQ(loader_of(program_with("/ld.so\0"s).substr(0, 122)), "") << "truncated";
  EXPECT_EQ(loader_of(build_elf({}).bytes), "") << "a library";
  EXPECT_EQ(loader_of("#!/bin/sh\n"), "");
}

TEST(Elf, HasNoSonameWithoutItsTag) {
  const auto info = read_bytes(build_elf({.has_soname = false}).bytes);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->soname, "");
}

TEST(Elf, UsesTheLastOfTwoSonameTags) {
  const auto info =
      read_bytes(build_elf({.extra_tags = {{14, 4}}, .soname = "libsecond.so"}).bytes);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->soname, "second.so");
}

TEST(Elf, AcceptsASonameOf255Bytes) {
  const std::string longest(255, 'x');
  const auto info = read_bytes(build_elf({.soname = longest}).bytes);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->soname, longest);
}

TEST(Elf, NeedsNoSectionHeaders) {
  const BuiltElf elf = build_elf({});
  EXPECT_TRUE(read_bytes(with_number(elf.bytes, 40, UINT64_MAX, 8)).has_value());
}

struct RejectedElf {
  std::string name;
  std::string bytes;
};

std::ostream& operator<<(std::ostream& out, const RejectedElf& elf) { return out << elf.name; }

class Rejected : public testing::TestWithParam<RejectedElf> {};

TEST_P(Rejected, IsNotAnObject) { EXPECT_EQ(read_bytes(GetParam().bytes), std::nullopt); }

// Offsets in a 64-bit file: segment table at 64 (type 0, offset 8, address 16, file size 32), the
// loaded segment first, then the dynamic one.

/// The loaded segment begins 16 bytes before 2^64 and, if the sum may wrap, ends at the end of the
/// file.
std::string wrapped_segment() {
  const BuiltElf elf = build_elf({.address = 0x40000, .soname = "l.so"});
  const std::string bytes = with_number(elf.bytes, elf.segments_at + 8, UINT64_MAX - 15, 8);
  return with_number(with_number(bytes, elf.segments_at + 16, 0x40000 - 16, 8),
                     elf.segments_at + 32, elf.bytes.size() + 16, 8);
}

std::vector<RejectedElf> rejected_objects() {
  const BuiltElf elf = build_elf({});
  const std::size_t dynamic_segment = elf.segments_at + 56;
  const std::string small = build_elf({.is_64bit = false}).bytes;
  return {
      {"Nothing", ""},
      {"Text", "#!/bin/sh\nexec true\n# longer than the header of an ELF file is, by some bytes\n"},
      {"OnlyTheMagic", elf.bytes.substr(0, 4)},
      {"UnknownClass", with_number(elf.bytes, 4, 3, 1)},
      {"BigEndian", with_number(elf.bytes, 5, 2, 1)},
      {"UnknownVersion", with_number(elf.bytes, 6, 2, 1)},
      {"Executable", build_elf({.type = 2}).bytes},
      {"CoreDump", build_elf({.type = 4}).bytes},
      {"SegmentTablePastTheEnd", with_number(elf.bytes, 32, elf.bytes.size(), 8)},
      {"SegmentTableAtTheEndOfNumbers", with_number(elf.bytes, 32, UINT64_MAX, 8)},
      {"SegmentsOfAnotherSize", with_number(elf.bytes, 54, 57, 2)},
      {"MostSegments", with_number(elf.bytes, 56, 0xffff, 2)},
      {"NoSegments", with_number(elf.bytes, 56, 0, 2)},
      {"NoDynamicSegment", with_number(elf.bytes, dynamic_segment, 4, 4)},
      {"NoLoadedSegment", with_number(elf.bytes, elf.segments_at, 4, 4)},
      {"LoadedSegmentIsCutShort",
       with_number(elf.bytes, elf.segments_at + 32, elf.bytes.size() + 1, 8)},
      {"LoadedSegmentWraps", wrapped_segment()},
      {"DynamicSegmentPastTheEnd", with_number(elf.bytes, dynamic_segment + 8, 1 << 20, 8)},
      {"DynamicSegmentIsHuge", with_number(elf.bytes, dynamic_segment + 32, UINT64_MAX, 8)},
      {"DynamicSegmentHasNoEnd", build_elf({.has_end_tag = false}).bytes},
      {"StringTableElsewhere", with_number(elf.bytes, elf.dynamic_at + 8, 0x10, 8)},
      {"StringTableWraps",
       with_number(build_elf({.address = 0}).bytes, elf.dynamic_at + 8, UINT64_MAX, 8)},
      {"NoStringTable", with_number(elf.bytes, elf.dynamic_at, 0x70000000, 8)},
      {"NoStringTableSize", with_number(elf.bytes, elf.dynamic_at + 16, 0x70000000, 8)},
      {"SonameBehindTheStringTable", with_number(elf.bytes, elf.dynamic_at + 24, 0, 8)},
      {"SonameLongerThanTheStringTable", with_number(elf.bytes, elf.dynamic_at + 24, 5, 8)},
      {"SonameBehindTheSegment", with_number(elf.bytes, elf.segments_at + 32, elf.strings_at, 8)},
      {"SonameWithoutTerminator", with_number(elf.bytes, elf.bytes.size() - 1, 'x', 1)},
      {"SonameWithASlash", build_elf({.soname = "../libc.so.6"}).bytes},
      {"SonameOf256Bytes", build_elf({.soname = std::string(256, 'x')}).bytes},
      {"SonameIsADirectory", build_elf({.soname = ".."}).bytes},
      {"CutShortWith32Bits", small.substr(0, small.size() - 1)},
  };
}

INSTANTIATE_TEST_SUITE_P(Elf, Rejected, testing::ValuesIn(rejected_objects()),
                         [](const auto& row) { return row.param.name; });

TEST(Elf, IsNothingWhenCutShortAnywhere) {
  for (const bool is_64bit : {false, true}) {
    const std::string bytes = build_elf({.is_64bit = is_64bit}).bytes;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(read_bytes(bytes.substr(0, size)), std::nullopt) << size;
    }
  }
}

TEST(Elf, SurvivesFlippedBits) {
  std::mt19937 random(20261);
  for (const bool is_64bit : {false, true}) {
    const std::string bytes = build_elf({.is_64bit = is_64bit}).bytes;
    for (int round = 0; round < 20000; ++round) {
      std::string damaged = bytes;
      for (std::uint64_t flips = 1 + random() % 4; flips > 0; --flips) {
        char& byte = damaged.at(random() % damaged.size());
        byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << (random() % 8)));
      }
      const auto info = read_bytes(damaged);
      if (info) {
        EXPECT_LE(info->soname.size(), 255U);
        EXPECT_EQ(info->soname.find('/'), std::string::npos);
      }
    }
  }
}

TEST(Elf, NeverReadsMoreThan64KiBAtOnce) {
  const BuiltElf elf = build_elf({});
  for (const std::string& bytes : {elf.bytes, with_number(elf.bytes, 56, 0xffff, 2),
                                   with_number(elf.bytes, elf.segments_at + 56 + 32, 1 << 30, 8)}) {
    std::size_t most = 0;
    const ReadAt read_at = read_from(bytes);
    const auto info = read_elf([&](std::uint64_t offset, std::size_t size) {
      most = std::max(most, size);
      return read_at(offset, size);
    });
    EXPECT_EQ(info.has_value(), bytes == elf.bytes);
    EXPECT_LE(most, std::size_t{64} << 10);
  }
}

TEST(Elf, ReadsLittleOfALargeObject) {
  std::size_t total = 0;
  const ReadAt read_at = read_from(build_elf({}).bytes + std::string(1 << 20, 'x'));
  const auto info = read_elf([&](std::uint64_t offset, std::size_t size) {
    std::string bytes = read_at(offset, size);
    total += bytes.size();
    return bytes;
  });
  EXPECT_TRUE(info.has_value());
  EXPECT_LT(total, 1024U);
}

std::vector<std::string> loaded_libraries() {
  std::vector<std::string> paths;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* data) {
        const std::string path = info->dlpi_name;
        if (path.starts_with('/')) {
          static_cast<std::vector<std::string>*>(data)->push_back(path);
        }
        return 0;
      },
      &paths);
  return paths;
}

TEST(Elf, KnowsTheLibrariesOfThisProcess) {
  const std::vector<std::string> paths = loaded_libraries();
  if (paths.empty()) {
    GTEST_SKIP() << "this test is linked statically";
  }
  for (const std::string& path : paths) {
    const auto info = read_elf(read_from_file(path));
    ASSERT_TRUE(info.has_value()) << path;
    EXPECT_EQ(info->soname, std::filesystem::path(path).filename()) << path;
    EXPECT_EQ(info->is_64bit, sizeof(void*) == 8) << path;
  }
}

// ldconfig names an entry after the SONAME, or after the file if there is no SONAME or the file is
// the link for compilers (libz.so).
TEST(Elf, AgreesWithLdconfigOnEveryCachedLibrary) {
  std::ifstream file("/etc/ld.so.cache", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto entries = parse_ld_cache(bytes);
  if (!entries) {
    GTEST_SKIP() << "this machine has no /etc/ld.so.cache";
  }
  for (const LdCacheEntry& entry : *entries) {
    if (!std::filesystem::exists(entry.path)) {
      continue;
    }
    const auto info = read_elf(read_from_file(entry.path));
    ASSERT_TRUE(info.has_value()) << entry.path;
    const std::string file_name = std::filesystem::path(entry.path).filename();
    const bool named_by_file = info->soname.empty() || file_name.ends_with(".so");
    EXPECT_EQ(named_by_file ? file_name : info->soname, entry.name);
  }
}

}  // namespace
}  // namespace nvhook::test
