// SPDX-License-Identifier: Apache-2.0
// Appends one line; ignores all errors.
#include "oci/engine_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <exception>

#include "oci/runtime_command.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm utc{};
  std::array<char, sizeof "2026-01-01T00:00:00Z"> text{};
  if (::gmtime_r(&seconds, &utc) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc)};
}

}  // namespace

void append_to_engine_log(const std::string& path, int working_directory,
                          const std::string& message, bool is_json) noexcept try {
  const UniqueFd file =
      sys::open_beneath(working_directory, path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY,
                        0, S_IRUSR | S_IWUSR);
  if (file) static_cast<void>(write_all(file.get(), runtime_log_entry(message, now(), is_json)));
} catch (const std::exception&) {
  // The message is on standard error as well.
}

}  // namespace nvhook
