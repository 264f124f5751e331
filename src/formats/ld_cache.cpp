// SPDX-License-Identifier: Apache-2.0
// Parses the three formats of glibc's loader cache and writes the newest one.
#include "formats/ld_cache.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "formats/ld_cache_format.hpp"
#include "formats/ld_cache_order.hpp"

namespace nvhook {
namespace {

namespace format = ld_cache_format;

// Real caches are smaller than 1 MiB, and their strings less than twice as long as the file,
// because a name is the tail of its path. The limits bound the work that a hostile image can cause
// to a few passes over its own bytes, and the result to little more than the size of a real cache.
constexpr std::size_t kMaxImageBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxStringsPerImage = 4;
constexpr std::size_t kMaxStrings = std::size_t{16} << 20;
constexpr std::size_t kMaxEntries = 65536;
constexpr std::size_t kMaxName = 255;  // of a file
// Enough for 20,000 unsorted libraries with names of 80 characters; takes a fraction of a second.
constexpr std::size_t kMaxSortingWork = std::size_t{24} << 20;
// As many entries as a driver has, so that adding them does not reallocate.
constexpr std::size_t kRoomForOurs = 128;

struct Entry {
  std::int32_t flags = 0;
  std::string_view name = {};
  std::string_view path = {};
  std::uint32_t os_version = 0;
  std::uint64_t hwcap = 0;
};

struct Tunable {
  format::Tunable raw = {};
  std::string_view name = {};
  std::string_view value = {};
  std::string_view filter = {};
};

/// A cache with views instead of offsets. They point into the image or into the caller's additions.
struct Image {
  std::vector<Entry> entries = {};
  std::uint8_t flags = format::kOrderUnset;
  std::string_view generator = {};
  std::vector<std::string_view> hwcaps = {};  ///< in file order: `hwcap` of an entry may index it
  std::vector<Tunable> tunables = {};
};

std::size_t strings_budget(std::string_view file) {
  return std::min(kMaxStringsPerImage * file.size(), kMaxStrings);
}

/// Returns nothing for a malformed section, which glibc ignores too.
std::vector<std::string_view> parse_hwcaps(std::string_view section,
                                           format::StringReader& strings) {
  if (section.size() % sizeof(std::uint32_t) != 0) {
    return {};
  }
  std::vector<std::string_view> names;
  for (std::size_t offset = 0; offset < section.size(); offset += sizeof(std::uint32_t)) {
    const auto name = strings.at(format::load<std::uint32_t>(section, offset).value_or(0));
    if (!name) {
      return {};
    }
    names.push_back(*name);
  }
  return names;
}

std::vector<Tunable> parse_tunables(std::string_view section, format::StringReader& strings) {
  const auto header = format::load<format::Tunables>(section, 0);
  if (!header || header->signature != format::kTunablesSignature ||
      header->version != format::kTunablesVersion ||
      section.size() != sizeof(format::Tunables) + header->count * sizeof(format::Tunable)) {
    return {};
  }
  std::vector<Tunable> tunables;
  for (std::size_t offset = sizeof(format::Tunables); offset < section.size();
       offset += sizeof(format::Tunable)) {
    const auto raw = format::load<format::Tunable>(section, offset).value_or(format::Tunable{});
    const auto name = strings.at(raw.name);
    const auto value = strings.at(raw.value);
    const auto filter = raw.filter == 0 ? std::string_view{} : strings.at(raw.filter);
    if (!name || !value || !filter) {
      return {};
    }
    tunables.push_back({.raw = raw, .name = *name, .value = *value, .filter = *filter});
  }
  return tunables;
}

/// Offsets of the directory and its sections count from the start of the file. A broken directory
/// is treated as absent: the libraries matter more, and the loader of glibc up to 2.43 does the
/// same.
void parse_extensions(std::string_view file, std::size_t offset, format::StringReader& strings,
                      Image& image) {
  const auto directory = format::load<format::Extension>(file, offset);
  if (offset == 0 || offset % 4 != 0 || !directory || directory->magic != format::kExtensionMagic) {
    return;
  }
  std::array<std::string_view, format::kTagTunables + 1> sections = {};
  for (std::size_t i = 0; i < directory->count; ++i) {
    const auto section = format::load<format::Section>(
        file, offset + sizeof(format::Extension) + i * sizeof(format::Section));
    if (!section || section->offset > file.size() ||
        section->size > file.size() - section->offset) {
      return;
    }
    if (section->tag < sections.size()) {
      sections.at(section->tag) = file.substr(section->offset, section->size);
    }
  }
  image.generator = sections[format::kTagGenerator];
  image.hwcaps = parse_hwcaps(sections[format::kTagHwcaps], strings);
  image.tunables = parse_tunables(sections[format::kTagTunables], strings);
}

/// Parses the cache whose header is at `start`, from which its string offsets count. Those of the
/// glibc-hwcaps names do, too: ldconfig writes them so into a combined file, although the loader
/// reads them from the start of the file.
std::optional<Image> parse_new(std::string_view file, std::size_t start) {
  const auto header = format::load<format::Header>(file, start);
  if (!header || (header->flags != format::kOrderUnset &&
                  (header->flags & format::kOrderMask) != format::kOrderLittle)) {
    return std::nullopt;
  }
  const std::string_view table = file.substr(start);
  const std::size_t strings_at = sizeof(format::Header) + header->count * sizeof(format::Entry);
  if (strings_at > table.size() || header->count > kMaxEntries) {
    return std::nullopt;
  }
  format::StringReader strings(table, strings_at, strings_budget(file));
  Image image = {.flags = static_cast<std::uint8_t>(header->flags & format::kOrderMask)};
  image.entries.reserve(header->count + kRoomForOurs);
  for (std::size_t at = sizeof(format::Header); at < strings_at; at += sizeof(format::Entry)) {
    const auto raw = format::load<format::Entry>(table, at).value_or(format::Entry{});
    const auto name = strings.at(raw.name);
    const auto path = strings.at(raw.path);
    if (!name || !path || name->size() > kMaxName) {
      return std::nullopt;
    }
    image.entries.push_back({.flags = raw.flags,
                             .name = *name,
                             .path = *path,
                             .os_version = raw.os_version,
                             .hwcap = raw.hwcap});
  }
  parse_extensions(file, header->extension_offset, strings, image);
  return image;
}

/// The format of libc5 and glibc 2.1. String offsets count from the end of the entries. In a
/// combined file a whole cache in the new format follows there, aligned to 8; the loader uses that
/// one, and so does this function.
std::optional<Image> parse_old(std::string_view file) {
  const auto header = format::load<format::OldHeader>(file, 0);
  if (!header) {
    return std::nullopt;
  }
  const std::size_t strings_at =
      sizeof(format::OldHeader) + header->count * sizeof(format::OldEntry);
  if (strings_at > file.size() || header->count > kMaxEntries) {
    return std::nullopt;
  }
  const std::size_t new_at = (strings_at + 7) / 8 * 8;
  if (new_at <= file.size() && file.substr(new_at).starts_with(format::kNewMagic)) {
    return parse_new(file, new_at);
  }
  format::StringReader strings(file.substr(strings_at), 0, strings_budget(file));
  Image image;
  image.entries.reserve(header->count);
  for (std::size_t at = sizeof(format::OldHeader); at < strings_at;
       at += sizeof(format::OldEntry)) {
    const auto raw = format::load<format::OldEntry>(file, at).value_or(format::OldEntry{});
    const auto name = strings.at(raw.name);
    const auto path = strings.at(raw.path);
    if (!name || !path || name->size() > kMaxName) {
      return std::nullopt;
    }
    image.entries.push_back({.flags = raw.flags, .name = *name, .path = *path});
  }
  return image;
}

std::optional<Image> parse_image(std::string_view bytes) {
  if (bytes.size() > kMaxImageBytes) return std::nullopt;
  if (bytes.starts_with(format::kNewMagic)) return parse_new(bytes, 0);
  return bytes.starts_with(format::kOldMagic) ? parse_old(bytes) : std::nullopt;
}

bool comes_before(const Entry& a, const Entry& b) noexcept {
  const std::strong_ordering names = compare_cache_names(a.name, b.name);
  return std::is_neq(names) ? std::is_gt(names) : a.flags > b.flags;
}

using Libraries = std::set<std::tuple<std::string_view, std::int32_t, std::string_view>>;

std::tuple<std::string_view, std::int32_t, std::string_view> library_of(const Entry& entry) {
  return {entry.name, entry.flags, entry.path};
}

/// Erases those of `ours` from `entries`, which are sorted. Most images have none of ours; the
/// binary search avoids a pass over all entries then.
void erase_libraries(std::vector<Entry>& entries, const std::vector<Entry>& ours,
                     const Libraries& names) {
  const auto is_there = [&](const Entry& our) {
    const auto [first, last] = std::equal_range(entries.begin(), entries.end(), our, comes_before);
    return std::any_of(first, last,
                       [&](const Entry& entry) { return library_of(entry) == library_of(our); });
  };
  if (std::none_of(ours.begin(), ours.end(), is_there)) return;
  std::erase_if(entries, [&](const Entry& entry) { return names.contains(library_of(entry)); });
}

/// Merges two sorted lists; of equal entries those of `ours` come first.
void insert_all(std::vector<Entry>& entries, const std::vector<Entry>& ours) {
  const auto size = static_cast<std::ptrdiff_t>(entries.size());
  entries.resize(entries.size() + ours.size());
  auto end = entries.begin() + size;
  auto to = entries.end();
  std::for_each(ours.rbegin(), ours.rend(), [&](const Entry& our) {
    const auto at = std::lower_bound(entries.begin(), end, our, comes_before);
    to = std::move_backward(at, end, to);
    *--to = our;
    end = at;
  });
}

/// Keeps ldconfig's order of entries with the same name and flags, because ldconfig puts the better
/// variant first. Some caches are not sorted: those of apko were sorted bytewise until 2026
/// (chainguard-dev/apko#2311). Returns false if sorting is more work than any honest image needs.
bool sort_entries(std::vector<Entry>& entries) {
  if (std::is_sorted(entries.begin(), entries.end(), comes_before)) return true;
  std::size_t longest = 0;
  for (const Entry& entry : entries) longest = std::max(longest, entry.name.size());
  if (sorting_work(entries.size(), longest) > kMaxSortingWork) return false;
  std::stable_sort(entries.begin(), entries.end(), comes_before);
  return true;
}

/// Adds `additions` to `entries`, which are sorted. Ours come first among those of their name and
/// flags, also before variants in glibc-hwcaps directories. That is enough to win: the loader
/// prefers such a variant only because ldconfig lists it first, and it ends its search at the first
/// entry without hwcaps that has the loader's own flags.
std::vector<Entry> merge(std::vector<Entry> entries, const std::vector<LdCacheEntry>& additions) {
  Libraries added;
  std::vector<Entry> ours;
  for (const LdCacheEntry& addition : additions) {
    const Entry our{.flags = addition.flags,
                    .name = addition.name,
                    .path = addition.path,
                    .os_version = addition.os_version,
                    .hwcap = addition.hwcap};
    if (added.insert(library_of(our)).second) ours.push_back(our);
  }
  std::stable_sort(ours.begin(), ours.end(), comes_before);
  erase_libraries(entries, ours, added);
  insert_all(entries, ours);
  return entries;
}

struct Section {
  std::uint32_t tag = 0;
  std::string bytes = {};
};

std::vector<Section> encode_sections(const Image& image, format::StringWriter& strings) {
  std::vector<Section> sections;
  if (!image.generator.empty()) {
    sections.push_back({.tag = format::kTagGenerator, .bytes = std::string(image.generator)});
  }
  if (!image.hwcaps.empty()) {
    Section& section = sections.emplace_back(Section{.tag = format::kTagHwcaps});
    for (const std::string_view name : image.hwcaps) {
      format::append(section.bytes, strings.add(name));
    }
  }
  if (!image.tunables.empty()) {
    Section& section = sections.emplace_back(Section{.tag = format::kTagTunables});
    format::append(section.bytes,
                   format::Tunables{.count = static_cast<std::uint32_t>(image.tunables.size())});
    for (const Tunable& tunable : image.tunables) {
      format::Tunable raw = tunable.raw;
      raw.name = strings.add(tunable.name);
      raw.value = strings.add(tunable.value);
      raw.filter = raw.filter == 0 ? 0 : strings.add(tunable.filter);
      format::append(section.bytes, raw);
    }
  }
  return sections;
}

void append_extensions(std::string& bytes, const std::vector<Section>& sections) {
  format::append(bytes, format::Extension{.count = static_cast<std::uint32_t>(sections.size())});
  const std::size_t bodies_at = bytes.size() + sections.size() * sizeof(format::Section);
  std::string bodies;
  for (const Section& section : sections) {
    format::pad(bodies, alignof(std::uint64_t));
    format::append(bytes,
                   format::Section{.tag = section.tag,
                                   .offset = static_cast<std::uint32_t>(bodies_at + bodies.size()),
                                   .size = static_cast<std::uint32_t>(section.bytes.size())});
    bodies.append(section.bytes);
  }
  bytes.append(bodies);
}

std::string encode(const Image& image) {
  const std::size_t strings_at =
      sizeof(format::Header) + image.entries.size() * sizeof(format::Entry);
  std::string bytes;
  bytes.reserve(std::accumulate(
      image.entries.begin(), image.entries.end(), strings_at,
      [](std::size_t size, const Entry& entry) { return size + entry.path.size() + 1; }));
  bytes.resize(strings_at);
  format::StringWriter strings(bytes);
  std::size_t at = sizeof(format::Header);
  for (const Entry& entry : image.entries) {
    const std::uint32_t path = strings.add(entry.path);
    format::store(bytes, at,
                  format::Entry{.flags = entry.flags,
                                .name = strings.add_name(entry.name, entry.path, path),
                                .path = path,
                                .os_version = entry.os_version,
                                .hwcap = entry.hwcap});
    at += sizeof(format::Entry);
  }
  const std::vector<Section> sections = encode_sections(image, strings);
  format::Header header = {.count = static_cast<std::uint32_t>(image.entries.size()),
                           .strings_size = static_cast<std::uint32_t>(bytes.size() - strings_at),
                           .flags = image.flags};
  format::kNewMagic.copy(header.magic.data(), header.magic.size());
  if (!sections.empty()) {
    format::pad(bytes, alignof(std::uint64_t));
    header.extension_offset = static_cast<std::uint32_t>(bytes.size());
    append_extensions(bytes, sections);
  }
  format::store(bytes, 0, header);
  return bytes;
}

}  // namespace

// glibc's FLAG_ELF_LIBC6 (3) with FLAG_X8664_LIB64, FLAG_AARCH64_LIB64 or FLAG_ARM_LIBHF; i386 has
// no further flag.
#if defined(__x86_64__)
std::int32_t native_library_flags() noexcept { return 0x0303; }
std::int32_t compat32_library_flags() noexcept { return 0x0003; }
#elif defined(__aarch64__)
std::int32_t native_library_flags() noexcept { return 0x0a03; }
std::int32_t compat32_library_flags() noexcept { return 0x0903; }
#else
#error "NVIDIA has no driver for this architecture"
#endif

std::optional<std::vector<LdCacheEntry>> parse_ld_cache(std::string_view bytes) {
  const std::optional<Image> image = parse_image(bytes);
  if (!image) {
    return std::nullopt;
  }
  std::vector<LdCacheEntry> entries;
  entries.reserve(image->entries.size());
  for (const Entry& entry : image->entries) {
    entries.push_back({.flags = entry.flags,
                       .name = std::string(entry.name),
                       .path = std::string(entry.path),
                       .os_version = entry.os_version,
                       .hwcap = entry.hwcap});
  }
  return entries;
}

LdCacheEdit edit_ld_cache(std::string_view existing, const std::vector<LdCacheEntry>& additions,
                          const std::vector<LdCacheEntry>& removals) {
  std::optional<Image> parsed;
  if (!existing.empty()) {
    parsed = parse_image(existing);
    if (parsed && !sort_entries(parsed->entries)) parsed.reset();
  }
  const bool kept_existing = existing.empty() || parsed.has_value();
  Image image = std::move(parsed).value_or(Image{.flags = format::kOrderLittle});
  Libraries gone;
  for (const auto& [flags, name, path, os, hwcap] : removals) gone.emplace(name, flags, path);
  std::erase_if(image.entries, [&](const Entry& one) { return gone.contains(library_of(one)); });
  image.entries = merge(std::move(image.entries), additions);
  return {.bytes = encode(image), .kept_existing = kept_existing};
}

}  // namespace nvhook
