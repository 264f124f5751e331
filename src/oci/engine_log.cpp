// SPDX-License-Identifier: Apache-2.0
// Appends one line; ignores all errors.
#include "oci/engine_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>
#include <exception>

#include "oci/runtime_command.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/utc_time.hpp"

namespace nvhook {

void append_to_engine_log(const std::string& path, int working_directory,
                          const std::string& message, bool is_json) noexcept try {
  const UniqueFd file =
      sys::open_beneath(working_directory, path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY,
                        0, S_IRUSR | S_IWUSR);
  if (file)
    static_cast<void>(
        write_all(file.get(), runtime_log_entry(message, utc_time(std::time(nullptr)), is_json)));
} catch (const std::exception&) {
  // The message is on standard error as well.
}

}  // namespace nvhook
