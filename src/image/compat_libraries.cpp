// SPDX-License-Identifier: Apache-2.0
// A file is opened only after O_PATH has shown that it is a regular file.
#include "image/compat_libraries.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/elf_note.hpp"
#include "host/driver/driver_places.hpp"
#include "host/facts/component.hpp"
#include "image/cuda_compat.hpp"
#include "os/files.hpp"
#include "text/error.hpp"
#include "text/read_at.hpp"

namespace nvhook {
namespace {

// CUDA 13 installs about twenty names.
constexpr std::size_t kMaxNames = 1024;
constexpr std::size_t kMaxLibraries = 64;

/// Requires two numbers: `libcuda.so.1` is the name of the interface, not of a version.
std::optional<Version> version_of_libcuda(std::string_view file) {
  constexpr std::string_view kLibcuda = "libcuda.so.";
  if (!file.starts_with(kLibcuda)) return std::nullopt;
  const std::string_view suffix = file.substr(kLibcuda.size());
  return suffix.find('.') == std::string_view::npos ? std::nullopt : Version::parse(suffix);
}

/// The libraries taken here come before all others of their names, so only those of the driver are
/// taken: by the rows of the table, not by its rules for unknown names.
bool is_of_the_driver(std::string_view file) {
  const Component* row = find_component(ComponentKind::library, library_base_name(file));
  return row != nullptr && row->capabilities.intersects({Capability::compute, Capability::video});
}

class Finder {
 public:
  Finder(const RootDir& rootfs, const std::string& directory, Notes& notes)
      : rootfs_(rootfs), path_(directory), notes_(notes) {}

  std::optional<CompatLibraries> find() {
    UniqueFd directory = rootfs_.open(path_, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!directory) return std::nullopt;
    found_.directory = ContainerPath(rootfs_.path_of(directory.get()));
    if (found_.directory.empty() || !collect_files(directory) || !choose_driver()) {
      return std::nullopt;
    }
    collect_libraries();
    return std::move(found_);
  }

 private:
  /// Notes why nothing in the directory is used; returns false.
  bool refuse(const std::string& why) {
    notes_.push_back(info("left out the CUDA compatibility libraries in " + found_.directory.str() +
                          ": " + why));
    return false;
  }

  /// Notes why a library is not used; returns false.
  bool leave_out(const std::string& file, const std::string& why) {
    notes_.push_back(info("left out " + (found_.directory / file).str() + ": " + why));
    return false;
  }

  /// Fills `files_`; returns false if there are too many names.
  bool collect_files(const UniqueFd& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(
        ::fdopendir(::fcntl(directory.get(), F_DUPFD_CLOEXEC, 3)), &::closedir);
    if (!stream) return false;
    std::size_t names = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string name = static_cast<const char*>(entry->d_name);
      if (++names > kMaxNames) return refuse("more names than a toolkit installs");
      if (name.starts_with("lib") && name.find(".so.") != std::string::npos) add_file(name);
      if (files_.size() > kMaxLibraries) return refuse("more libraries than a toolkit installs");
    }
    return true;
  }

  /// Adds the target of `name`, under its own name, if that is a regular file of this directory.
  void add_file(const std::string& name) {
    const UniqueFd fd = rootfs_.open((found_.directory / name).str(), O_PATH);
    if (!fd || !status_of(fd.get()).is_regular()) return;
    const ContainerPath resolved(rootfs_.path_of(fd.get()));
    if (resolved.empty() || resolved.parent() != found_.directory) return;
    const std::string file = resolved.filename();
    if (file.starts_with("lib") && file.find(".so.") != std::string::npos) files_.insert(file);
  }

  /// The version of the only libcuda says which driver all of them belong to.
  bool choose_driver() {
    for (const std::string& file : files_) {
      const auto version = version_of_libcuda(file);
      if (!version) continue;
      if (!libcuda_.empty()) return refuse("both " + libcuda_ + " and " + file);
      libcuda_ = file;
      found_.driver = *version;
    }
    if (libcuda_.empty()) return refuse("no libcuda.so.<version> in it");
    return add_library(libcuda_);
  }

  void collect_libraries() {
    const std::string suffix = "." + found_.driver.str();
    std::vector<std::string> files(files_.begin(), files_.end());
    std::stable_partition(files.begin(), files.end(),
                          [&](const std::string& file) { return file.ends_with(suffix); });
    for (const std::string& file : files) {
      if (file != libcuda_) add_library(file);
    }
  }

  /// Returns false for a library that the loader cannot use or could take for another one.
  bool add_library(const std::string& file) {
    const std::string path = (found_.directory / file).str();
    // Check before opening: to open a device may change it, and to open a FIFO may block.
    const UniqueFd seen = rootfs_.open(path, O_PATH);
    if (!seen || !status_of(seen.get()).is_regular()) return false;
    const UniqueFd opened = rootfs_.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!opened || !status_of(opened.get()).is_regular()) return false;
    const ReadAt read_at = reader_of(opened.get());
    const auto elf = read_elf(read_at);
    if (!elf || elf->machine != kNativeMachine || !elf->is_64bit) {
      return leave_out(file, "not a shared object of the native ABI");
    }
    const std::string soname = elf->soname.empty() ? file : elf->soname;
    if (library_base_name(soname) != library_base_name(file))
      return leave_out(file, "its SONAME is " + soname);
    if (!is_of_the_driver(file)) return leave_out(file, "no library of NVIDIA's driver");
    if (!sonames_.insert(soname).second) return leave_out(file, "another one is " + soname);
    found_.libraries.push_back({.soname = soname, .file = file});
    if (file == libcuda_) {
      const auto note = read_elf_note(read_at, kCompatNoteSection, kCompatNoteOwner);
      if (note) found_.note = parse_compat_note(*note);
    }
    return true;
  }

  const RootDir& rootfs_;
  const std::string& path_;
  Notes& notes_;
  std::set<std::string> files_ = {};
  std::set<std::string> sonames_ = {};
  std::string libcuda_ = {};
  CompatLibraries found_ = {};
};

}  // namespace

std::optional<CompatLibraries> find_compat_libraries(const RootDir& rootfs,
                                                     const std::string& directory, Notes& notes) {
  try {
    return Finder(rootfs, directory, notes).find();
  } catch (const Error& error) {
    if (error.code() != Code::target_unusable) throw;
    notes.push_back(
        warning("left out the CUDA compatibility libraries: " + std::string(error.what())));
    return std::nullopt;
  }
}

}  // namespace nvhook
