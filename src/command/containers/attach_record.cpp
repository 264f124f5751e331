// SPDX-License-Identifier: Apache-2.0
// The number of a process and when it was started tell it from all others until the next boot,
// which /run does not outlive.
#include "command/containers/attach_record.hpp"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "command/containers/process_directory.hpp"
#include "command/containers/process_facts.hpp"
#include "os/user_namespace.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr int kFormat = 1;
constexpr std::string_view kPrefix = "attached-";

std::optional<std::uint64_t> start_of(int proc, pid_t pid) {
  const ProcessDirectory process(proc, pid);
  const auto stat = parse_stat(process.is_open() ? process.read("stat").value_or("") : "");
  return stat && !stat->is_dead ? std::optional(stat->start_ticks) : std::nullopt;
}

std::string name_of(const Gpu& gpu) {
  return gpu.uuid.empty() ? std::to_string(gpu.index) : gpu.uuid;
}

}  // namespace

std::vector<std::string> lasting_names(const SelectedDevices& selected) {
  std::vector<std::string> names;
  for (const Gpu& gpu : selected.gpus) {
    names.push_back(name_of(gpu));
    for (const MigDevice& device : selected.mig_devices) {
      if (device.gpu_minor != gpu.minor) continue;
      if (!device.uuid.empty()) {
        names.push_back(device.uuid);
      } else if (!gpu.uuid.empty()) {
        names.push_back("MIG-" + gpu.uuid + "/" + std::to_string(device.gpu_instance) + "/" +
                        std::to_string(device.compute_instance));
      } else if (device.index) {
        names.push_back(std::to_string(gpu.index) + ":" + std::to_string(*device.index));
      }
    }
  }
  return names;
}

std::string to_text(const AttachedDevices& attached, std::uint64_t start) {
  const nlohmann::json record = {{"version", kFormat},
                                 {"start", start},
                                 {"devices", attached.devices},
                                 {"capabilities", attached.capabilities},
                                 {"search_path", attached.search_path}};
  return record.dump() + "\n";
}

std::optional<AttachedDevices> parse_attach_record(std::string_view text, std::uint64_t start) {
  const nlohmann::json record = nlohmann::json::parse(text, nullptr, false);
  try {
    if (record.at("version") != kFormat || record.at("start") != start) return std::nullopt;
    return AttachedDevices{.devices = record.at("devices").get<std::vector<std::string>>(),
                           .capabilities = record.at("capabilities").get<std::string>(),
                           .search_path = record.value("search_path", std::vector<std::string>())};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

AttachRecord::AttachRecord(pid_t pid, const RootDir& system, const std::string& directory)
    : name_(std::string(kPrefix) + std::to_string(pid)),
      proc_(system.open("/proc", O_RDONLY | O_DIRECTORY)),
      start_(start_of(proc_.get(), pid)) {
  Notes notes;  // who may not write there needs no record
  if (start_ && !in_user_namespace()) directory_ = RunDirectory::at(directory, notes);
}

std::optional<AttachedDevices> AttachRecord::read() const {
  if (!directory_) return std::nullopt;
  Notes notes;
  const auto text = directory_->read(name_.c_str(), notes);
  if (!text) return std::nullopt;
  auto attached = parse_attach_record(*text, *start_);
  if (!attached) directory_->remove_file(name_);
  return attached;
}

Notes AttachRecord::write(const AttachedDevices& attached) const {
  if (!directory_ || read() == attached) return {};
  Notes failed;
  directory_->replace(name_.c_str(), to_text(attached, *start_), failed);
  if (!failed.empty()) {
    return {
        warning("what it has now was not recorded, so that `regrant` and `refresh` go by its "
                "configuration: " +
                failed.front().text)};
  }
  remove_old();
  return {};
}

void AttachRecord::remove_old() const {
  for (const std::string& name : directory_->names(kPrefix)) {
    const auto pid = parse_unsigned_int(std::string_view(name).substr(kPrefix.size()));
    const auto start = pid ? start_of(proc_.get(), static_cast<pid_t>(*pid)) : std::nullopt;
    Notes notes;
    const auto text = directory_->read(name.c_str(), notes);
    if (!start || !text || !parse_attach_record(*text, *start)) directory_->remove_file(name);
  }
}

}  // namespace nvhook
