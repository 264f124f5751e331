// SPDX-License-Identifier: Apache-2.0
// Makes loader cache images field by field, without the code under test.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "formats/ld_cache.hpp"

namespace nvhook::test {

enum class CacheFormat { old, combined, modern };

struct CacheTunable {
  std::string name = {};
  std::string value = {};
};

struct CacheSpec {
  std::vector<LdCacheEntry> entries = {};
  CacheFormat format = CacheFormat::modern;
  std::uint8_t flags = 2;
  std::string generator = {};
  std::vector<std::string> hwcaps = {};
  std::vector<CacheTunable> tunables = {};
};

// Offsets of fields in an image of the new format.
inline constexpr std::size_t kCountAt = 20;
inline constexpr std::size_t kFlagsAt = 28;
inline constexpr std::size_t kExtensionOffsetAt = 32;
inline constexpr std::size_t kFirstNameAt = 52;
inline constexpr std::size_t kFirstPathAt = 56;

template <typename T>
void put(std::string& bytes, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes.push_back(static_cast<char>((std::uint64_t{value} >> (8 * i)) & 0xff));
  }
}

inline void put32(std::string& bytes, std::size_t value) {
  put(bytes, static_cast<std::uint32_t>(value));
}

/// Returns `bytes` with the 32 bits at `offset` replaced.
inline std::string with32(std::string bytes, std::size_t offset, std::size_t value) {
  std::string field;
  put32(field, value);
  return bytes.replace(offset, field.size(), field);
}

inline std::uint32_t get32(std::string_view bytes, std::size_t offset) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i > 0; --i) {
    value = (value << 8) | static_cast<std::uint8_t>(bytes.at(offset + i - 1));
  }
  return value;
}

/// A table of strings; offsets count from its start.
class CacheStrings {
 public:
  std::size_t add(std::string_view text) {
    const std::size_t offset = bytes_.size();
    bytes_.append(text).push_back('\0');
    return offset;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_ = {};
};

inline std::string cache_tunables(const CacheSpec& spec, CacheStrings& strings, std::size_t base) {
  std::string bytes;
  put32(bytes, 0x7c3ba94f);
  put32(bytes, 0x01000000);
  put32(bytes, spec.tunables.size());
  put32(bytes, 0);
  for (const CacheTunable& tunable : spec.tunables) {
    put32(bytes, 4);   // must not be overridden
    put32(bytes, 17);  // ID of some tunable
    put32(bytes, base + strings.add(tunable.name));
    put32(bytes, base + strings.add(tunable.value));
    put32(bytes, 0);
    put32(bytes, 0);
    put(bytes, std::uint64_t{3});
  }
  return bytes;
}

/// Returns the extension directory and its sections, to be placed `offset` bytes into the file.
inline std::string cache_extensions(const CacheSpec& spec, const std::string& tunables,
                                    const std::vector<std::size_t>& hwcaps, std::size_t offset) {
  std::string names;
  for (const std::size_t name : hwcaps) {
    put32(names, name);
  }
  const std::vector<std::string> sections = {spec.generator, names, tunables};
  std::string directory;
  std::string bodies;
  std::size_t count = 0;
  for (const std::string& section : sections) {
    count += section.empty() ? 0 : 1;
  }
  put32(directory, 0xeaa42174);
  put32(directory, count);
  for (std::size_t tag = 0; tag < sections.size(); ++tag) {
    if (!sections[tag].empty()) {
      put32(directory, tag);
      put32(directory, 0);
      put32(directory, offset + 8 + 16 * count + bodies.size());
      put32(directory, sections[tag].size());
      bodies += sections[tag];
      bodies.append((4 - bodies.size() % 4) % 4, '\0');
    }
  }
  return directory + bodies;
}

/// Returns an image in the new format that starts `start` bytes into the file.
inline std::string make_modern(const CacheSpec& spec, std::size_t start) {
  const std::size_t base = 48 + 24 * spec.entries.size();
  CacheStrings strings;
  std::string entries;
  for (const LdCacheEntry& entry : spec.entries) {
    put32(entries, static_cast<std::uint32_t>(entry.flags));
    put32(entries, base + strings.add(entry.name));
    put32(entries, base + strings.add(entry.path));
    put32(entries, entry.os_version);
    put(entries, entry.hwcap);
  }
  std::vector<std::size_t> hwcaps;
  for (const std::string& name : spec.hwcaps) {
    hwcaps.push_back(base + strings.add(name));
  }
  const std::string tunables =
      spec.tunables.empty() ? std::string{} : cache_tunables(spec, strings, base);
  const bool is_extended = !spec.generator.empty() || !hwcaps.empty() || !tunables.empty();
  const std::size_t extension_at = (start + base + strings.bytes().size() + 3) / 4 * 4;
  std::string bytes = "glibc-ld.so.cache1.1";
  put32(bytes, spec.entries.size());
  put32(bytes, strings.bytes().size());
  put32(bytes, spec.flags);
  put32(bytes, is_extended ? extension_at : 0);
  bytes.append(12, '\0');
  bytes += entries + strings.bytes();
  if (is_extended) {
    bytes.resize(extension_at - start);
    bytes += cache_extensions(spec, tunables, hwcaps, extension_at);
  }
  return bytes;
}

inline std::string make_ld_cache(const CacheSpec& spec) {
  if (spec.format == CacheFormat::modern) {
    return make_modern(spec, 0);
  }
  // In a combined file the number of old entries is even, which aligns the new header to 8.
  std::vector<LdCacheEntry> entries = spec.entries;
  if (spec.format == CacheFormat::combined && entries.size() % 2 == 1) {
    entries.push_back(entries.back());
  }
  CacheStrings strings;
  std::string bytes("ld.so-1.7.0\0", 12);
  put32(bytes, entries.size());
  const std::string modern = make_modern(spec, bytes.size() + 12 * entries.size());
  for (const LdCacheEntry& entry : entries) {
    put32(bytes, static_cast<std::uint32_t>(entry.flags));
    const std::size_t base = spec.format == CacheFormat::combined ? modern.size() : 0;
    put32(bytes, base + strings.add(entry.name));
    put32(bytes, base + strings.add(entry.path));
  }
  return spec.format == CacheFormat::combined ? bytes + modern + strings.bytes()
                                              : bytes + strings.bytes();
}

}  // namespace nvhook::test
