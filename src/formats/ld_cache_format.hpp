// SPDX-License-Identifier: Apache-2.0
// The structures of glibc's loader cache (sysdeps/generic/dl-cache.h, elf/tunconf.h); private to
// ld_cache.cpp.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace nvhook::ld_cache_format {

static_assert(std::endian::native == std::endian::little, "the structures below are copied as is");

constexpr std::string_view kOldMagic = "ld.so-1.7.0";
constexpr std::string_view kNewMagic = "glibc-ld.so.cache1.1";

// The byte order in a header; 0 if written by an ldconfig before glibc 2.33.
constexpr std::uint8_t kOrderMask = 3;
constexpr std::uint8_t kOrderUnset = 0;
constexpr std::uint8_t kOrderLittle = 2;

constexpr std::uint32_t kExtensionMagic = 0xeaa42174;
constexpr std::uint32_t kTagGenerator = 0;
constexpr std::uint32_t kTagHwcaps = 1;
// Since glibc 2.44: the contents of /etc/tunables.conf.
constexpr std::uint32_t kTagTunables = 2;
constexpr std::uint32_t kTunablesSignature = 0x7c3ba94f;
constexpr std::uint32_t kTunablesVersion = 0x01000000;

struct OldHeader {
  std::array<char, 12> magic = {};
  std::uint32_t count = 0;
};
struct OldEntry {
  std::int32_t flags = 0;
  std::uint32_t name = 0;
  std::uint32_t path = 0;
};
struct Header {
  std::array<char, 20> magic = {};
  std::uint32_t count = 0;
  std::uint32_t strings_size = 0;
  std::uint8_t flags = 0;
  std::array<std::uint8_t, 3> padding = {};
  std::uint32_t extension_offset = 0;
  std::array<std::uint32_t, 3> unused = {};
};
struct Entry {
  std::int32_t flags = 0;
  std::uint32_t name = 0;
  std::uint32_t path = 0;
  std::uint32_t os_version = 0;
  std::uint64_t hwcap = 0;
};
struct Extension {
  std::uint32_t magic = kExtensionMagic;
  std::uint32_t count = 0;
};
struct Section {
  std::uint32_t tag = 0;
  std::uint32_t flags = 0;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};
struct Tunables {
  std::uint32_t signature = kTunablesSignature;
  std::uint32_t version = kTunablesVersion;
  std::uint32_t count = 0;
  std::uint32_t unused = 0;
};
struct Tunable {
  std::uint32_t flags = 0;
  std::uint32_t id = 0;
  std::uint32_t name = 0;
  std::uint32_t value = 0;
  std::uint32_t filter = 0;  ///< 0: none
  std::uint32_t unused = 0;
  std::uint64_t parsed_value = 0;
};
static_assert(sizeof(OldHeader) == 16 && sizeof(OldEntry) == 12);
static_assert(sizeof(Header) == 48 && sizeof(Entry) == 24);
static_assert(sizeof(Extension) == 8 && sizeof(Section) == 16);
static_assert(sizeof(Tunables) == 16 && sizeof(Tunable) == 32);

/// Returns the T at `offset`, or nullopt if it is not within `bytes`.
template <typename T>
std::optional<T> load(std::string_view bytes, std::size_t offset) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  T value = {};
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

template <typename T>
void append(std::string& bytes, const T& value) {
  const auto raw = std::bit_cast<std::array<char, sizeof(T)>>(value);
  bytes.append(raw.data(), raw.size());
}

/// Overwrites the bytes at `offset`.
template <typename T>
void store(std::string& bytes, std::size_t offset, const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

inline void pad(std::string& bytes, std::size_t alignment) {
  bytes.append((alignment - bytes.size() % alignment) % alignment, '\0');
}

/// Reads the strings of one image. Their total length is limited to `budget`, because thousands of
/// entries can share one long string or its tails.
class StringReader {
 public:
  StringReader(std::string_view table, std::size_t first, std::size_t budget)
      : table_(table), first_(first), budget_(budget) {}

  /// Returns the string at `offset`; nullopt if `offset` is before `first` or no terminator
  /// follows.
  [[nodiscard]] std::optional<std::string_view> at(std::size_t offset) {
    if (offset < first_ || offset >= table_.size()) {
      return std::nullopt;
    }
    const std::string_view rest = table_.substr(offset, budget_);
    const std::size_t length = rest.find('\0');
    if (length == std::string_view::npos) {
      return std::nullopt;
    }
    budget_ -= length + 1;
    return rest.substr(0, length);
  }

 private:
  std::string_view table_;
  std::size_t first_;
  std::size_t budget_;
};

/// Adds strings to a new image; their offsets count from its start. Usually no path occurs twice,
/// so duplicates are not searched for.
class StringWriter {
 public:
  explicit StringWriter(std::string& image) : image_(image) {}

  [[nodiscard]] std::uint32_t add(std::string_view text) {
    const std::size_t offset = image_.size();
    image_.append(text).push_back('\0');
    return static_cast<std::uint32_t>(offset);
  }
  /// Returns the offset of `name`, which is usually the tail of the `path` that was added at
  /// `path_offset`.
  [[nodiscard]] std::uint32_t add_name(std::string_view name, std::string_view path,
                                       std::uint32_t path_offset) {
    return path.ends_with(name)
               ? path_offset + static_cast<std::uint32_t>(path.size() - name.size())
               : add(name);
  }

 private:
  std::string& image_;
};

}  // namespace nvhook::ld_cache_format
