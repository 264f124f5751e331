// SPDX-License-Identifier: Apache-2.0
// A driver root, a cache directory and a probe, in a temporary directory.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "host/gpu/gpu_query.hpp"
#include "host/gpu/gpu_question.hpp"
#include "support/become_root.hpp"
#include "text/error.hpp"

namespace nvhook {

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class ProbeFixture : public ::testing::Test {
 protected:
  ProbeFixture() {
    std::string name = ::testing::TempDir() + "gpu-query-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
    query_.driver_root = directory_ + "/driver";
    query_.cache_directory = directory_ + "/cache";
    query_.driver = Version::parse("535.309.01").value();
    query_.pci_addresses = {"0000:07:00.0"};
    for (const char* path : {"/driver", "/driver/lib", "/driver/etc"}) {
      std::filesystem::create_directory(directory_ + path);
      // The probe runs as a user of its own when it looks for the library.
      std::filesystem::permissions(directory_ + path, std::filesystem::perms{0755});
    }
  }
  ~ProbeFixture() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

 public:
  ProbeFixture(const ProbeFixture&) = delete;
  ProbeFixture& operator=(const ProbeFixture&) = delete;
  ProbeFixture(ProbeFixture&&) = delete;
  ProbeFixture& operator=(ProbeFixture&&) = delete;

 protected:
  /// Uses a fake probe with this behaviour (fake_probe.c).
  void use_fake(const std::string& behaviour) {
    query_.nvml_library = "/lib/" + behaviour;
    if (!std::filesystem::exists(query_.driver_root + query_.nvml_library)) {
      write_file(query_.driver_root + query_.nvml_library, "");
    }
    query_.probe = FAKE_PROBE;
  }

  /// Uses oci-nvidia-probe itself, with this library in the driver root.
  void use_library(const std::string& library) {
    query_.nvml_library = "/lib/libnvidia-ml.so.535.309.01";
    std::filesystem::copy_file(library, query_.driver_root + query_.nvml_library);
    std::filesystem::permissions(query_.driver_root + query_.nvml_library,
                                 std::filesystem::perms{0755});
    query_.probe = PROBE;
  }

  void configure_mock(const std::string& lines) const {
    const std::string path = query_.driver_root + "/etc/oci-nvidia-mock.conf";
    write_file(path, lines);
    std::filesystem::permissions(path, std::filesystem::perms{0644});
  }

  /// Returns the Error that query_gpus throws; the test fails if it does not.
  [[nodiscard]] Error failure() const {
    try {
      static_cast<void>(query_gpus(query_));
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "an answer instead of an error";
    return {Code::internal, "an answer"};
  }

  std::string directory_;
  GpuQuery query_;
};

/// Whether no child is left, not even as a zombie.
inline bool has_no_children() { return ::waitpid(-1, nullptr, WNOHANG) < 0; }

inline std::ptrdiff_t open_descriptors() {
  using Iterator = std::filesystem::directory_iterator;
  return std::distance(Iterator("/proc/self/fd"), Iterator());
}

}  // namespace nvhook
