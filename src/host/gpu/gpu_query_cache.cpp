// SPDX-License-Identifier: Apache-2.0
// The file is gpus.json; its key has everything that the answer depends on.
#include "host/gpu/gpu_query_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "os/files.hpp"
#include "os/root_dir.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr const char* kFile = "gpus.json";

/// Everything that the answer depends on. nullopt if a part of it is unknown.
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

}  // namespace

std::optional<GpuQueryCache> open_gpu_query_cache(const GpuQuery& query, Notes& notes) {
  auto directory = RunDirectory::at(query.cache_directory, notes);
  if (!directory) return std::nullopt;
  auto key = key_of(query);
  if (!key) {
    notes.push_back(warning("not cached: boot id or `" + query.nvml_library + "` is unreadable"));
    return std::nullopt;
  }
  return GpuQueryCache(*std::move(directory), *std::move(key));
}

std::optional<DriverDetails> GpuQueryCache::load(Notes& notes) const {
  const auto text = directory_.read(kFile, notes);
  if (!text) return std::nullopt;
  auto details = parse_cache_document(*text, key_);
  if (!details) {
    notes.push_back(info(std::string("cache ") + kFile +
                         " ignored: is not about this boot, driver, GPUs and MIG devices"));
    return std::nullopt;
  }
  details->notes.push_back(info("GPU facts taken from the cache"));
  return details;
}

void GpuQueryCache::store(const DriverDetails& details, Notes& notes) const {
  directory_.replace(kFile, to_cache_document(details, key_), notes);
}

}  // namespace nvhook
