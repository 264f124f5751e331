// SPDX-License-Identifier: Apache-2.0
// The ELF note by which a crash report, or whoever has nothing but the file, knows its package. The
// form: https://uapi-group.org/specifications/specs/package_metadata_for_executable_files/
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "build_info.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kText = OCI_NVIDIA_PACKAGE_NOTE;
constexpr std::size_t kAlignment = 4;
// With the byte that ends the text.
constexpr std::size_t kSize = (kText.size() + kAlignment) / kAlignment * kAlignment;

struct PackageNote {
  std::uint32_t owner_size = 4;
  std::uint32_t text_size = kSize;
  std::uint32_t type = 0xcafe1a7e;
  std::array<char, 4> owner = {'F', 'D', 'O', '\0'};
  std::array<char, kSize> text = {};
};

constexpr PackageNote make_note() {
  PackageNote note;
  std::copy(kText.begin(), kText.end(), note.text.begin());
  return note;
}

[[gnu::section(".note.package"),
  gnu::used]] alignas(kAlignment) constexpr PackageNote kNote = make_note();

}  // namespace
}  // namespace nvhook
