// SPDX-License-Identifier: Apache-2.0
// Cgroups that deny devices, and processes in them that try to open devices.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cgroup/bpf.hpp"
#include "os/device_number.hpp"
#include "support/bpf_program.hpp"
#include "support/private_namespaces.hpp"

namespace nvhook::test {

// Devices that exist on every kernel and can be opened without effects.
constexpr DeviceNumber kNull{1, 3};
constexpr DeviceNumber kZero{1, 5};
constexpr DeviceNumber kRandom{1, 8};
constexpr DeviceNumber kUrandom{1, 9};

/// In a private mount namespace: an empty /tmp, with those cgroup hierarchies that can be mounted
/// on /tmp/v1 (devices) and /tmp/v2.
class Scratch {
 public:
  Scratch() {
    require(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr) == 0, "mount a tmpfs on /tmp");
    require(::mkdir("/tmp/v1", 0755) == 0, "mkdir /tmp/v1");
    require(::mkdir("/tmp/v2", 0755) == 0, "mkdir /tmp/v2");
    // Only if the host has v1: the first mount would create the hierarchy, for everybody to see.
    has_v1_ = is_listed(":devices:") && ::mount("none", "/tmp/v1", "cgroup", 0, "devices") == 0;
    has_v2_ = is_listed("0::") && ::mount("none", "/tmp/v2", "cgroup2", 0, nullptr) == 0;
  }

  [[nodiscard]] std::string v1() const {
    if (!has_v1_) throw NotPossibleHere("the v1 devices hierarchy cannot be mounted");
    return "/tmp/v1";
  }
  [[nodiscard]] std::string v2() const {
    if (!has_v2_) throw NotPossibleHere("cgroup v2 cannot be mounted");
    return "/tmp/v2";
  }

 private:
  static bool is_listed(const std::string& words) {
    std::ifstream file("/proc/self/cgroup");
    return (std::ostringstream() << file.rdbuf()).str().find(words) != std::string::npos;
  }

  bool has_v1_ = false;
  bool has_v2_ = false;
};

/// Returns the lines of our mountinfo about Scratch. The host's other mounts do not matter to the
/// test.
inline std::string own_mountinfo() {
  std::ifstream file("/proc/self/mountinfo");
  std::string lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find(" /tmp/v") != std::string::npos) lines += line + "\n";
  }
  return lines;
}

/// A cgroup that is made for the test and removed after it.
class TestCgroup {
 public:
  explicit TestCgroup(std::string hierarchy, std::string path = unique_path())
      : hierarchy_(std::move(hierarchy)), path_(std::move(path)) {
    require(::mkdir(directory().c_str(), 0755) == 0, "mkdir " + directory());
  }
  static TestCgroup below(const TestCgroup& parent, const std::string& name) {
    return TestCgroup(parent.hierarchy_, parent.path_ + "/" + name);
  }
  TestCgroup(const TestCgroup&) = delete;
  TestCgroup& operator=(const TestCgroup&) = delete;
  TestCgroup(TestCgroup&&) = delete;
  TestCgroup& operator=(TestCgroup&&) = delete;
  ~TestCgroup() { ::rmdir(directory().c_str()); }

  [[nodiscard]] std::string directory() const { return hierarchy_ + path_; }
  /// Its path in the hierarchy, as in /proc/<pid>/cgroup.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Runs `action` in a process in this cgroup and returns its result.
  [[nodiscard]] int run(const std::function<int()>& action) const { return run_in({this}, action); }

  [[nodiscard]] static int run_in(const std::vector<const TestCgroup*>& cgroups,
                                  const std::function<int()>& action) {
    const pid_t child = ::fork();
    if (child == 0) {
      try {
        for (const TestCgroup* cgroup : cgroups) {
          write_file(cgroup->directory() + "/cgroup.procs", "0");
        }
        ::_exit(action());
      } catch (const std::exception&) {
        ::_exit(255);
      }
    }
    int status = 0;
    require(child > 0 && ::waitpid(child, &status, 0) == child, "fork");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
  }

 private:
  static std::string unique_path() {
    static int count = 0;
    return "/oci-nvidia-test-" + std::to_string(::getpid()) + "-" + std::to_string(count++);
  }

  std::string hierarchy_;
  std::string path_;
};

inline std::string node_path(DeviceNumber device) {
  return "/tmp/node-" + std::to_string(device.major) + "-" + std::to_string(device.minor);
}

/// Returns the errno of opening `device`, or 0 also for a device without a driver (ENXIO), because
/// it was not denied.
inline int open_device(DeviceNumber device, int flags = O_RDWR) {
  const int fd = ::open(node_path(device).c_str(), flags | O_CLOEXEC);
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) ::close(fd);
  return error == ENXIO ? 0 : error;
}

/// Makes a node outside of the cgroup, where it is allowed.
inline void make_node(DeviceNumber device) {
  const std::string path = node_path(device);
  const auto number = ::makedev(device.major, device.minor);
  require(::mknod(path.c_str(), S_IFCHR | 0666, number) == 0 || errno == EEXIST, "mknod " + path);
}

inline int make_device(DeviceNumber device) {
  const char* const path = "/tmp/made";
  const int error =
      ::mknod(path, S_IFCHR | 0600, ::makedev(device.major, device.minor)) == 0 ? 0 : errno;
  ::unlink(path);
  return error;
}

inline int open_in(const TestCgroup& cgroup, DeviceNumber device, int flags = O_RDWR) {
  make_node(device);
  return cgroup.run([&] { return open_device(device, flags); });
}

inline int make_in(const TestCgroup& cgroup, DeviceNumber device) {
  return cgroup.run([&] { return make_device(device); });
}

inline UniqueFd open_directory(const TestCgroup& cgroup) {
  return UniqueFd(::open(cgroup.directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// Loads `program` and attaches it with `flags`, as the runtime does to a cgroup v2. Returns the ID
/// of the program.
inline bpf::ProgramId attach_filter(const TestCgroup& cgroup, const BpfProgram& program,
                                    std::uint32_t flags = BPF_F_ALLOW_MULTI) {
  const bpf::Loaded loaded = bpf::load_device_filter(program);
  if (loaded.reason.starts_with("Operation not permitted")) {
    throw NotPossibleHere("bpf(2) is refused");
  }
  require(static_cast<bool>(loaded.program), "load a device filter");
  const UniqueFd directory = open_directory(cgroup);
  bpf_attr request{};
  request.target_fd = static_cast<std::uint32_t>(directory.get());
  request.attach_bpf_fd = static_cast<std::uint32_t>(loaded.program.get());
  request.attach_type = BPF_CGROUP_DEVICE;
  request.attach_flags = flags;
  require(::syscall(SYS_bpf, BPF_PROG_ATTACH, &request, sizeof request) == 0, "attach a filter");
  return bpf::id_of(loaded.program.get());
}

inline void detach_filter(const TestCgroup& cgroup, bpf::ProgramId id) {
  const UniqueFd directory = open_directory(cgroup);
  const UniqueFd program = bpf::open_program(id);
  bpf_attr request{};
  request.target_fd = static_cast<std::uint32_t>(directory.get());
  request.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  request.attach_type = BPF_CGROUP_DEVICE;
  require(::syscall(SYS_bpf, BPF_PROG_DETACH, &request, sizeof request) == 0, "detach a filter");
}

/// Returns the IDs of the programs attached to `cgroup`, in order.
inline std::vector<bpf::ProgramId> filters_of(const TestCgroup& cgroup) {
  const UniqueFd directory = open_directory(cgroup);
  const auto attachments = bpf::attached_to(directory.get());
  require(attachments.has_value(), "query the filters");
  const auto programs = attachments->programs();
  return {programs.begin(), programs.end()};
}

inline std::uint32_t flags_of(const TestCgroup& cgroup) {
  const UniqueFd directory = open_directory(cgroup);
  return bpf::attached_to(directory.get())->flags();
}

inline BpfProgram instructions_of(bpf::ProgramId id) {
  const UniqueFd program = bpf::open_program(id);
  require(static_cast<bool>(program), "open program");
  return bpf::instructions_of(program.get()).value();
}

/// Checks what must hold wherever the hook is killed: nothing but kRandom may have been granted.
inline void expect_no_more_than_asked_for(const TestCgroup& cgroup, int step) {
  EXPECT_FALSE(filters_of(cgroup).empty()) << "killed at step " << step;
  EXPECT_EQ(open_in(cgroup, kUrandom), EPERM) << "killed at step " << step;
  EXPECT_EQ(make_in(cgroup, kRandom), EPERM) << "killed at step " << step;
}

}  // namespace nvhook::test
