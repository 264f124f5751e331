// SPDX-License-Identifier: Apache-2.0
// Reads config.v2.json and hostconfig.json of one container.
#include "command/containers/docker_record.hpp"

#include <string>

#include "os/errno_error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxDockerFile = 16UL << 20U;

std::string read_file(const std::string& path, const RootDir& system) {
  auto text = system.read(path, kMaxDockerFile);
  if (!text) throw_errno(Code::spec_unreadable, "read `" + path + "`", "sudo oci-nvidia …");
  return *std::move(text);
}

}  // namespace

ContainerSettings docker_settings(const ContainerRecord& record, const RootDir& system) {
  return parse_docker_files(read_file(record.docker_files + "/config.v2.json", system),
                            read_file(record.docker_files + "/hostconfig.json", system));
}

}  // namespace nvhook
