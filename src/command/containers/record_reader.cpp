// SPDX-License-Identifier: Apache-2.0
// Reads record files and directories with the limits that their writer's trust allows.
#include "command/containers/record_reader.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/public_place.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxTrusted = 16UL << 20U;
constexpr std::size_t kMaxStrangers = 1UL << 20U;

}  // namespace

std::string RecordReader::read(const std::string& path) {
  return writer_ == Writer::trusted ? system_.read(path, kMaxTrusted).value_or("")
                                    : read_strangers(path);
}

std::string RecordReader::read_strangers(const std::string& path) {
  const PlaceView place = look_at_place(system_, path, MadeBy::anybody);
  const std::size_t limit = std::min(kMaxStrangers, bytes_left_);
  if (!place.fd || !place.status.is_regular() || place.status.size > limit) return {};
  const UniqueFd file = open_to_read(place.fd.get());
  const auto text = file ? read_all(file.get(), limit) : std::nullopt;
  bytes_left_ -= text ? text->size() : limit;
  return text.value_or("");
}

std::vector<std::string> RecordReader::list(const std::string& directory) {
  if (writer_ == Writer::trusted) {
    if (system_.open(directory, O_RDONLY | O_DIRECTORY)) return system_.list(directory);
    if (errno == EACCES && denied_.empty()) denied_ = directory;
    return {};
  }
  PlaceView place = look_at_place(system_, directory, MadeBy::anybody);
  if (!place.fd || !place.status.is_directory()) return {};
  const auto is_one_more = [&](std::string_view) { return names_left_ > 0 && names_left_-- > 0; };
  return RootDir(std::move(place.fd)).list(".", is_one_more);
}

bool RecordReader::exists(const std::string& path) const {
  return writer_ == Writer::trusted
             ? static_cast<bool>(system_.open(path, O_PATH))
             : static_cast<bool>(look_at_place(system_, path, MadeBy::anybody).fd);
}

}  // namespace nvhook
