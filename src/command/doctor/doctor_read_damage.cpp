// SPDX-License-Identifier: Apache-2.0
// Finds driver libraries that a full disk or an interrupted installation has cut off.
#include <elf.h>
#include <fcntl.h>

#include <cstring>
#include <set>

#include "command/doctor/doctor_read.hpp"
#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/own_procfs.hpp"

namespace nvhook {
namespace {

/// Returns the structure at `offset`; nullopt behind the end of the file.
template <typename T>
std::optional<T> read_struct(const ReadAt& read_at, std::uint64_t offset) {
  const std::string bytes = read_at(offset, sizeof(T));
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Whether the file has all bytes of its segments, which is what the loader maps.
template <typename Header, typename Segment>
bool is_whole(const ReadAt& read_at, std::uint64_t size) {
  const auto header = read_struct<Header>(read_at, 0);
  if (!header) return false;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    const std::uint64_t at = std::uint64_t{header->e_phoff} + std::uint64_t{i} * sizeof(Segment);
    const auto segment = read_struct<Segment>(read_at, at);
    if (!segment) return false;
    if (segment->p_type != PT_LOAD) continue;
    const std::uint64_t start = segment->p_offset;
    if (start > size || segment->p_filesz > size - start) return false;
  }
  return true;
}

/// An empty file is no damage of this kind: `leftovers` reports it.
bool is_damaged(const RootDir& root, const std::string& path) {
  const UniqueFd found = root.open(path, O_PATH);
  if (!found) return false;
  const FileStatus status = status_of(found.get());
  if (!status.is_regular() || status.size == 0) return false;
  const UniqueFd file = open_to_read(found.get());
  if (!file) return false;
  const ReadAt read_at = reader_of(file.get());
  const std::string ident = read_at(0, EI_NIDENT);
  if (ident.size() < EI_NIDENT || !ident.starts_with(ELFMAG)) return true;
  return ident[EI_CLASS] == ELFCLASS64 ? !is_whole<Elf64_Ehdr, Elf64_Phdr>(read_at, status.size)
                                       : !is_whole<Elf32_Ehdr, Elf32_Phdr>(read_at, status.size);
}

}  // namespace

std::vector<std::string> find_damaged_libraries(const RootDir& root,
                                                const std::vector<DriverFile>& files,
                                                const std::string& version) {
  std::set<std::string> directories;
  for (const DriverFile& file : files) {
    if (file.kind == ComponentKind::library) directories.insert(file.path.parent().str());
  }
  std::vector<std::string> damaged;
  const std::string suffix = ".so." + version;
  for (const std::string& directory : directories) {
    for (const std::string& name :
         root.list(directory, [&](std::string_view entry) { return entry.ends_with(suffix); })) {
      const std::string path = directory + "/" + name;
      if (is_damaged(root, path)) damaged.push_back(path);
    }
  }
  return damaged;
}

}  // namespace nvhook
