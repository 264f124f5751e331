// SPDX-License-Identifier: Apache-2.0
// The probe's last answer, in one file below /run.
#include "system/gpu_query_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/text.hpp"
#include "system/files.hpp"
#include "system/root_dir.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 1UL << 20U;
constexpr const char* kFile = "gpus.json";

UniqueFd open_at(int directory, const char* name, int flags, mode_t mode = 0) noexcept {
  return sys::open_beneath(directory, name, static_cast<std::uint64_t>(flags), 0, mode);
}

/// Why others than root may have written what `status` is of; nothing if they cannot.
std::optional<std::string> why_not_roots(const struct stat& status) {
  if (status.st_uid != 0) return "belongs to user " + std::to_string(status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "is writable by group or others";
  return std::nullopt;
}

std::optional<UniqueFd> open_directory(const std::string& path, Notes& notes) {
  const auto unusable = [&](const std::string& why) {
    notes.push_back(warning("not cached: `" + path + "` " + why));
    return std::nullopt;
  };
  if (::mkdirat(AT_FDCWD, path.c_str(), 0755) != 0 && errno != EEXIST) {
    return unusable("cannot be made: " + errno_text(errno));
  }
  UniqueFd directory = open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  struct stat status {};
  if (!directory || ::fstat(directory.get(), &status) != 0) {
    return unusable("cannot be opened: " + errno_text(errno));
  }
  if (const auto why = why_not_roots(status)) return unusable(*why);
  return directory;
}

/// Everything that the answer depends on. Nothing if a part of it is unknown.
std::optional<std::string> key_of(const GpuQuery& query) {
  const auto boot = read_host_file("/proc/sys/kernel/random/boot_id", 256);
  const auto root = open_root(query.driver_root);
  const UniqueFd library = root ? root->open(query.nvml_library, O_PATH) : UniqueFd();
  struct stat file {};
  if (!boot || !library || ::fstat(library.get(), &file) != 0) return std::nullopt;
  std::string key = "boot " + std::string(trim(*boot));
  key += "\ndriver " + query.driver.str();
  key += "\nlibrary " + query.driver_root + " " + query.nvml_library;
  for (const auto number :
       {static_cast<unsigned long long>(file.st_dev), static_cast<unsigned long long>(file.st_ino),
        static_cast<unsigned long long>(file.st_size),
        static_cast<unsigned long long>(file.st_mtim.tv_sec),
        static_cast<unsigned long long>(file.st_mtim.tv_nsec)}) {
    key += " " + std::to_string(number);
  }
  key += "\ngpus " + join(query.pci_addresses, " ");
  return key + "\nmig " + join(query.mig_devices, " ");
}

/// Writes a new file of this name; false with errno.
bool create_file(int directory, const char* name, std::string_view text) noexcept {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  UniqueFd file = open_at(directory, name, kFlags, 0600);
  if (!file && errno == EEXIST) {
    // Left by a process that was killed and had our number.
    static_cast<void>(::unlinkat(directory, name, 0));
    file = open_at(directory, name, kFlags, 0600);
  }
  return file && write_all(file.get(), text);
}

}  // namespace

std::optional<GpuQueryCache> open_gpu_query_cache(const GpuQuery& query, Notes& notes) {
  if (::geteuid() != 0) {
    notes.push_back(info("not cached: only root has a place for it"));
    return std::nullopt;
  }
  auto key = key_of(query);
  if (!key) {
    notes.push_back(warning("not cached: boot id or `" + query.nvml_library + "` is unreadable"));
    return std::nullopt;
  }
  auto directory = open_directory(query.cache_directory, notes);
  if (!directory) return std::nullopt;
  return GpuQueryCache(*std::move(directory), *std::move(key));
}

std::optional<DriverDetails> GpuQueryCache::load(Notes& notes) const {
  const auto ignored = [&](const std::string& why) {
    notes.push_back(info(std::string("cache ") + kFile + " ignored: " + why));
    return std::nullopt;
  };
  const UniqueFd file =
      open_at(directory_.get(), kFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (!file) return errno == ENOENT ? std::nullopt : ignored(errno_text(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return ignored(errno_text(errno));
  if (!S_ISREG(status.st_mode)) return ignored("is no regular file");
  if (const auto why = why_not_roots(status)) return ignored(*why);
  const auto text = read_all(file.get(), kMaxFile);
  if (!text) return ignored(errno_text(errno));
  auto details = parse_cache_document(*text, key_);
  if (!details) return ignored("is not about this boot, driver, GPUs and MIG devices");
  details->notes.push_back(info("GPU facts taken from the cache"));
  return details;
}

void GpuQueryCache::store(const DriverDetails& details, Notes& notes) const {
  const std::string temporary = std::string(".") + kFile + "." + std::to_string(::getpid());
  const bool stored =
      create_file(directory_.get(), temporary.c_str(), to_cache_document(details, key_)) &&
      sys::rename_at(directory_.get(), temporary.c_str(), directory_.get(), kFile, 0) == 0;
  if (stored) return;
  notes.push_back(warning(std::string("not cached: write ") + kFile + ": " + errno_text(errno)));
  static_cast<void>(::unlinkat(directory_.get(), temporary.c_str(), 0));
}

}  // namespace nvhook
