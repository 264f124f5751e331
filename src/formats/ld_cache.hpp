// SPDX-License-Identifier: Apache-2.0
// Reads and edits glibc's loader cache, /etc/ld.so.cache, without ldconfig.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// One library of a cache. `flags` is glibc's (elf/ldconfig.h): type in the low byte (0x01 ELF
/// libc5, 0x03 glibc), machine in the second.
struct LdCacheEntry {
  std::int32_t flags = 0;
  std::string name = {};  ///< the key that the loader looks up, usually the SONAME
  std::string path = {};
  std::uint32_t os_version = 0;
  std::uint64_t hwcap = 0;

  friend bool operator==(const LdCacheEntry&, const LdCacheEntry&) = default;
};

/// Flags of a glibc library of this machine's own ABI, and of its 32-bit ABI (x86-64: 0x0303 and
/// 0x0003).
[[nodiscard]] std::int32_t native_library_flags() noexcept;
[[nodiscard]] std::int32_t compat32_library_flags() noexcept;

/// Returns the entries of a cache image in file order, from the old (`ld.so-1.7.0`), combined or
/// new (`glibc-ld.so.cache1.1`) format. Every count, offset and terminator is checked against
/// `bytes`. Returns nullopt if the image is not a cache, is inconsistent, or has more entries
/// (65,536), longer names (255) or more text (16 MiB) than any real one. Format: glibc
/// sysdeps/generic/dl-cache.h.
[[nodiscard]] std::optional<std::vector<LdCacheEntry>> parse_ld_cache(std::string_view bytes);

struct LdCacheEdit {
  std::string bytes = {};
  /// False if `existing` could not be used, or would cost far more than anything that ldconfig
  /// writes; then the result contains only `additions`.
  bool kept_existing = true;
};

/// Returns a cache in the new format with the entries of `existing` (may be empty) and `additions`.
/// An addition replaces entries of the same name, flags and path; entries of its name with another
/// path stay, behind it. The result is sorted for the binary search of glibc's loader
/// (`_dl_cache_libcmp`, descending). hwcap and os_version are kept, and so are the extension
/// sections (generator, glibc-hwcaps, tunables).
///
/// Entries of `existing` with the name, flags and path of one of `removals` are left out first.
///
/// The additions win a lookup of their name; of two additions with the same name and flags, the
/// first does. Takes a few passes over `existing`, whatever it contains.
[[nodiscard]] LdCacheEdit edit_ld_cache(std::string_view existing,
                                        const std::vector<LdCacheEntry>& additions,
                                        const std::vector<LdCacheEntry>& removals = {});

}  // namespace nvhook
