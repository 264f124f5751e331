// SPDX-License-Identifier: Apache-2.0
// Values have one line, so that the short form of the protocol, `NAME=value`, always does.
#include "inject/journal.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>

#include "os/own_procfs.hpp"
#include "text/text.hpp"

namespace nvhook {

bool send_datagram(const RootDir& system, const std::string& path, const std::string& message) {
  const UniqueFd found = system.open(path, O_PATH);
  const UniqueFd socket = found ? connect_to(found.get(), SOCK_DGRAM) : UniqueFd();
  return socket && ::send(socket.get(), message.data(), message.size(), MSG_NOSIGNAL) >= 0;
}

std::string in_one_line(std::string_view text) {
  std::string line = printable(text);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

std::string journal_field(std::string_view name, std::string_view value) {
  return std::string(name) + "=" + in_one_line(value) + "\n";
}

}  // namespace nvhook
