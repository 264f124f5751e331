// SPDX-License-Identifier: Apache-2.0
// The same fields go to the journal and into a line of JSON; docs/audit.md lists them.
#include "inject/audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "inject/journal.hpp"
#include "os/files.hpp"
#include "text/overloaded.hpp"
#include "text/text.hpp"
#include "text/utc_time.hpp"

namespace nvhook {
namespace {

constexpr const char* kVersion = "1";
/// Of all these records: journalctl MESSAGE_ID=… finds them.
constexpr const char* kMessageId = "6d1f3f0a4c0b4c0e9d7a52f4b1c88e37";
constexpr const char* kPriorityInfo = "6";  // LOG_INFO
/// A value is cut to this many bytes: a container can ask for any number of devices.
constexpr std::size_t kRoom = 1000;

// Annotations by which engines name the image.
constexpr std::array<const char*, 3> kImageAnnotations{"io.kubernetes.cri.image-name",
                                                       "io.kubernetes.cri-o.ImageName",
                                                       "org.opencontainers.image.ref.name"};

struct Field {
  const char* journal;
  const char* json;
  std::string value;
};

std::string devices_text(const DeviceSelection& devices) {
  return std::visit(Overloaded{[](const AllDevices&) { return std::string("all"); },
                               [](const NoDevices&) { return std::string("none"); },
                               [](const DeviceNames& names) { return join(names, ","); },
                               [](const GrantedNodes& granted) {
                                 std::vector<std::string> paths;
                                 for (const SpecNode& node : granted.nodes) {
                                   paths.push_back(node.path);
                                 }
                                 return join(paths, ",");
                               }},
                    devices);
}

/// As the container asked: which GPUs it got of `any`, its lease says.
std::string devices_text(const Request& request) {
  if (request.free_gpus != 0) return "any:" + std::to_string(request.free_gpus);
  return (request.is_exclusive ? "exclusive:" : "") + devices_text(request.devices);
}

std::string image_of(std::string_view config_json) {
  if (config_json.empty()) return {};
  const Annotations annotations = parse_annotations(config_json);
  for (const char* key : kImageAnnotations) {
    const auto found = annotations.find(key);
    if (found != annotations.end()) return found->second;
  }
  return {};
}

/// `path` is absolute. By the rules of the debug log (os/log): in a directory that everybody can
/// write, another user may have made the file first.
UniqueFd open_file(const RootDir& system, const std::string& path) {
  constexpr mode_t kMode = 0600;
  UniqueFd file(::openat(system.fd(), path.substr(1).c_str(),
                         O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                         kMode));
  struct stat status {};
  const bool is_usable = file && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
                         status.st_uid == ::geteuid() && status.st_nlink == 1;
  return is_usable ? std::move(file) : UniqueFd();
}

std::string journal_text(const std::vector<Field>& fields, const std::string& message) {
  std::string text = journal_field("MESSAGE", message) + journal_field("PRIORITY", kPriorityInfo) +
                     journal_field("SYSLOG_IDENTIFIER", "oci-nvidia-hook") +
                     journal_field("MESSAGE_ID", kMessageId);
  for (const Field& field : fields) text += journal_field(field.journal, field.value);
  return text;
}

std::string json_line(const std::vector<Field>& fields) {
  nlohmann::ordered_json line = {{"time", utc_time(std::time(nullptr))}};
  for (const Field& field : fields) line[field.json] = field.value;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

void Audit::enable(const Config& config, const RootDir& system) noexcept {
  try {
    if (config.audit.empty()) return;
    placement_ = config.placement == Placement::private_directory ? "private" : "default";
    to_journal_ = config.audit == "journal";
    if (!to_journal_) file_ = open_file(system, config.audit);
  } catch (const std::exception&) {
    return;
  }
}

void Audit::describe(const ContainerTask& task) noexcept {
  if (!enabled() || !task.request.request) return;
  try {
    is_asked_ = true;
    devices_ = cut_text(devices_text(*task.request.request), kRoom);
    capabilities_ = to_string(task.request.request->capabilities);
    image_ = cut_text(image_of(task.config_json), kRoom);
  } catch (const std::exception&) {
    return;  // the record then lacks them
  }
}

void Audit::write(const RootDir& system, std::string_view container_id, const Error* error) const {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_).count();
  const std::string result = error == nullptr ? "done" : "refused";
  const std::vector<Field> fields{
      {"NVH_AUDIT", "version", kVersion},
      {"NVH_CALLER", "caller", std::string(caller_)},
      {"CONTAINER_ID", "container", cut_text(std::string(container_id), kRoom)},
      {"NVH_IMAGE", "image", image_},
      {"NVH_DEVICES", "devices", devices_},
      {"NVH_CAPABILITIES", "capabilities", capabilities_},
      {"NVH_PLACEMENT", "placement", placement_},
      {"NVH_RESULT", "result", result},
      {"NVH_CODE", "code", error == nullptr ? "" : to_string(error->code())},
      {"NVH_MICROSECONDS", "microseconds", std::to_string(took)}};
  if (file_) {
    static_cast<void>(write_all(file_.get(), json_line(fields)));
    return;
  }
  const std::string message = "audit: " + std::string(caller_) + ", container " +
                              cut_text(std::string(container_id), kRoom) + ", devices " +
                              (devices_.empty() ? "not known" : devices_) + ": " + result;
  static_cast<void>(send_datagram(system, kJournalSocket, journal_text(fields, message)));
}

void Audit::finish(const RootDir& system, std::string_view container_id,
                   const Error* error) noexcept {
  if (!enabled() || (!is_asked_ && error == nullptr)) return;
  try {
    write(system, container_id, error);
  } catch (const std::exception&) {
    return;  // out of memory; the container starts all the same
  }
  to_journal_ = false;  // once
  file_.reset();
}

}  // namespace nvhook
