// SPDX-License-Identifier: Apache-2.0
// glibc's loader cache, /etc/ld.so.cache: read, edited and written without ldconfig.
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
  std::string name = {};  ///< the key that the loader looks up, as a rule the SONAME
  std::string path = {};
  std::uint32_t os_version = 0;
  std::uint64_t hwcap = 0;

  friend bool operator==(const LdCacheEntry&, const LdCacheEntry&) = default;
};

/// Flags of a glibc library of this machine's own ABI and of its 32-bit companion (x86-64: 0x0303
/// and 0x0003).
[[nodiscard]] std::int32_t native_library_flags() noexcept;
[[nodiscard]] std::int32_t compat32_library_flags() noexcept;

/// The entries of a cache image in file order. Old (`ld.so-1.7.0`), combined and new
/// (`glibc-ld.so.cache1.1`) formats; every count, offset and terminator is checked against `bytes`.
/// Nothing if it is not a cache, lies about itself or has more entries (65,536), longer names (255)
/// or more text (16 MiB) than any real one. Format: glibc sysdeps/generic/dl-cache.h.
[[nodiscard]] std::optional<std::vector<LdCacheEntry>> parse_ld_cache(std::string_view bytes);

struct LdCacheEdit {
  std::string bytes = {};
  /// False if there was an image that could not be used, or that would cost far more than any that
  /// ldconfig writes, so that only `additions` are in the result.
  bool kept_existing = true;
};

/// A new-format cache image with the entries of `existing` (absent or empty: none) and `additions`,
/// which come before and replace entries of the same name and the same flags at the same path;
/// entries for the same name elsewhere stay, behind ours. Sorted as glibc's loader needs for its
/// binary search (`_dl_cache_libcmp`, descending; hwcap and os_version kept; the extension sections
/// of the image kept: generator, glibc-hwcaps and tunables). The additions win a lookup of their
/// name; of two additions of the same name and flags, the first does. The cost is that of a few
/// passes over `existing`, whatever it contains.
[[nodiscard]] LdCacheEdit edit_ld_cache(std::string_view existing,
                                        const std::vector<LdCacheEntry>& additions);

}  // namespace nvhook
