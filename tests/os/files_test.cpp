// SPDX-License-Identifier: Apache-2.0
// Tests that read_all returns the whole file, whatever size was expected.
#include "os/files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

#include "os/unique_fd.hpp"
#include "support/read_count.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kLimit = 3UL << 20U;

std::string text_of(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ",";
  text.resize(size);
  return text;
}

std::optional<std::string> read_file(const test::TemporaryDirectory& tree, std::size_t limit,
                                     std::size_t expected) {
  const UniqueFd file(::open((tree.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
  return read_all(file.get(), limit, expected);
}

TEST(ReadAll, GivesTheWholeFileWhateverWasExpected) {
  const test::TemporaryDirectory tree;
  for (const std::size_t size :
       {0UL, 1UL, 4095UL, 4096UL, 4097UL, 8192UL, 100'000UL, 2'500'000UL}) {
    const std::string text = text_of(size);
    tree.write("/file", text);
    for (const std::size_t expected :
         {0UL, 1UL, 4097UL, size - (size > 0), size, size + 1, 2 * size, ~0UL}) {
      EXPECT_EQ(read_file(tree, kLimit, expected), text) << size << ", expected " << expected;
    }
  }
}

TEST(ReadAll, RefusesMoreThanTheLimit) {
  const test::TemporaryDirectory tree;
  tree.write("/file", text_of(5000));
  for (const std::size_t expected : {0UL, 4999UL, 5000UL, 9000UL}) {
    EXPECT_TRUE(read_file(tree, 5000, expected)) << expected;
    EXPECT_FALSE(read_file(tree, 4999, expected)) << expected;
    EXPECT_EQ(errno, EFBIG) << expected;
  }
}

TEST(ReaderOf, ReadsTheHeadOnceAndTheRestWhereItIs) {
  const test::TemporaryDirectory tree;
  const std::string text = text_of(5000);
  tree.write("/file", text);
  const UniqueFd file(::open((tree.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<std::string> found;
  const long reads = test::reads_of([&] {
    const ReadAt read_at = reader_of(file.get());
    for (const std::size_t offset : {0U, 16U, 500U, 900U}) found.push_back(read_at(offset, 100));
  });
  EXPECT_EQ(found, (std::vector{text.substr(0, 100), text.substr(16, 100), text.substr(500, 100),
                                text.substr(900, 100)}));
  if (reads >= 0) {
    EXPECT_EQ(reads, 1);
  }
  const ReadAt read_at = reader_of(file.get());
  EXPECT_EQ(read_at(1000, 100), text.substr(1000, 100)) << "across the end of the head";
  EXPECT_EQ(read_at(4990, 100), text.substr(4990));
  EXPECT_EQ(read_at(6000, 1), "");
  EXPECT_EQ(read_at(~std::uint64_t{0}, 8), "");
}

TEST(ReaderOf, GivesLessOfAShortFile) {
  const test::TemporaryDirectory tree;
  tree.write("/file", "short");
  const UniqueFd file(::open((tree.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(reader_of(file.get())(2, 100), "ort");
}

}  // namespace
}  // namespace nvhook
