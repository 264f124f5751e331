// SPDX-License-Identifier: Apache-2.0
// oci-nvidia-probe: loads the driver's libnvidia-ml.so.1 as an unprivileged user, asks it what
// /proc does not show, and prints the answer as JSON.
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/gpu/driver_details.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "os/unique_fd.hpp"
#include "probe/nvml_library.hpp"
#include "probe/usage_probe.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

// A user and group id that nothing else uses: a process of the same user could stop and kill the
// probe, and many daemons and containers run as nobody (65534). systemd assigns no id from 65520 to
// 65533, and neither do distributions (Debian reserves 65000 to 65533). The id is below those of
// containers and subordinate users (from 65536) and is mapped in user namespaces of the usual size.
// Images tend to use the two ids next to nobody.
constexpr unsigned kProbeUser = 65523;
// The deadline of its caller is shorter. This limit ends a library that spins after the caller was
// killed.
constexpr rlim_t kCpuSeconds = 30;
constexpr rlim_t kMaxFiles = 1024;  // the driver opens some for each GPU and MIG device
constexpr rlim_t kMaxFileSize = 1UL << 20U;

struct Arguments {
  std::string root = {};
  std::string library = {};  ///< path below `root`
  bool is_usage = false;     ///< ask for memory and utilisation
};

std::optional<Arguments> parse_arguments(std::span<char*> words) {
  const bool is_usage = words.size() == 6 && std::string_view(words[5]) == "--usage";
  if ((words.size() != 5 && !is_usage) || std::string_view(words[1]) != "--root" ||
      std::string_view(words[3]) != "--library") {
    return std::nullopt;
  }
  Arguments arguments{.root = words[2], .library = words[4], .is_usage = is_usage};
  if (!arguments.root.starts_with('/') || !arguments.library.starts_with('/')) return std::nullopt;
  return arguments;
}

/// Duplicates of the original standard output and error. The standard descriptors themselves lead
/// to /dev/null, because the library writes to them.
struct Streams {
  UniqueFd answer = UniqueFd();
  UniqueFd error = UniqueFd();
};

Streams take_streams() {
  Streams streams{.answer = UniqueFd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)),
                  .error = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1))};
  const UniqueFd nowhere(::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (!nowhere || ::dup2(nowhere.get(), fd) < 0) throw_errno(Code::probe_failed, "`/dev/null`");
  }
  return streams;
}

/// NVML needs these libraries by name. Loading them now gives it those of the probe's own glibc;
/// the driver root may have another version.
void load_system_libraries() {
  for (const char* name :
       {"libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"}) {
    static_cast<void>(::dlopen(name, RTLD_NOW | RTLD_GLOBAL));  // a missing one is not needed
  }
}

void enter_root(const std::string& root) {
  if (root != "/" && ::chroot(root.c_str()) != 0) {
    throw_errno(Code::probe_failed, "change root to `" + root + "`");
  }
  if (::chdir("/") != 0) throw_errno(Code::probe_failed, "change directory to `/`");
}

void set_limits() {
  constexpr rlimit kNoCore{.rlim_cur = 0, .rlim_max = 0};
  constexpr rlimit kCpu{.rlim_cur = kCpuSeconds, .rlim_max = kCpuSeconds};
  constexpr rlimit kFiles{.rlim_cur = kMaxFiles, .rlim_max = kMaxFiles};
  constexpr rlimit kFileSize{.rlim_cur = kMaxFileSize, .rlim_max = kMaxFileSize};
  if (::setrlimit(RLIMIT_CORE, &kNoCore) != 0) throw_errno(Code::probe_failed, "limit core files");
  // An inherited lower limit is fine, so failures are ignored. The address space is not limited:
  // the driver maps GPU memory.
  static_cast<void>(::setrlimit(RLIMIT_CPU, &kCpu));
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &kFiles));
  static_cast<void>(::setrlimit(RLIMIT_FSIZE, &kFileSize));
}

/// Switches to kProbeUser. In a user namespace that does not map it (EINVAL), or whose creator had
/// no right to change groups (EPERM), the user stays: it is already an unprivileged user of the
/// host.
void drop_user() {
  if (::geteuid() != 0) return;
  static_cast<void>(::setgroups(0, nullptr));
  const bool dropped = ::setresgid(kProbeUser, kProbeUser, kProbeUser) == 0 &&
                       ::setresuid(kProbeUser, kProbeUser, kProbeUser) == 0;
  if (!dropped && errno != EINVAL && errno != EPERM) {
    throw_errno(Code::probe_failed, "become user " + std::to_string(kProbeUser));
  }
}

void drop_privileges() {
  // Needs CAP_SETPCAP, so it must precede drop_user(). EINVAL marks the end of the list.
  for (int capability = 0; ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0;) ++capability;
  drop_user();
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) {
    throw_errno(Code::probe_failed, "give up capabilities");
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    throw_errno(Code::probe_failed, "set no_new_privs");
  }
  // After the change of user, which clears this setting.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/// A GPU and the errors of its MIG devices. Those errors must not hide the GPU itself.
struct GpuAnswer {
  GpuDetails gpu = {};
  std::vector<std::string> mig_errors = {};
};

/// Returns true if the hook's reader of the document would accept `gpu`.
bool makes_sense(const GpuDetails& gpu) {
  return parse_driver_details(to_json({.cuda = cuda_version_from_nvml(0), .gpus = {gpu}}))
      .has_value();
}

/// What the hook asks for: versions, and each GPU with its MIG devices.
class DetailsProbe {
 public:
  explicit DetailsProbe(const NvmlLibrary& library) : nvml_(library) {}

  [[nodiscard]] DriverDetails ask() const {
    DriverDetails details{.driver = driver_version(), .cuda = cuda_version()};
    const unsigned count = nvml_.device_count();
    for (unsigned index = 0; index < count; ++index) {
      // A broken GPU must not affect containers that do not use it.
      const std::string name = "GPU " + std::to_string(index) + ": ";
      try {
        GpuAnswer answer = gpu(index);
        details.gpus.push_back(std::move(answer.gpu));
        // One text for all: the document allows one error for each GPU.
        if (!answer.mig_errors.empty()) {
          details.errors.push_back(name + join(answer.mig_errors, "; "));
        }
      } catch (const Error& error) {
        details.errors.push_back(name + error.what());
      }
    }
    return details;
  }

 private:
  /// Empty if the library does not report it; where /proc/driver/nvidia exists, its version counts.
  [[nodiscard]] Version driver_version() const {
    std::array<char, nvml::kDriverVersionSize> text{};
    const auto get = nvml_.find<nvml::SystemGetDriverVersion>("nvmlSystemGetDriverVersion");
    if (get == nullptr || get(text.data(), nvml::kDriverVersionSize) != nvml::kSuccess) return {};
    text.back() = '\0';
    return Version::parse(text.data()).value_or(Version());
  }

  [[nodiscard]] Version cuda_version() const {
    int version = 0;
    const char* const name = "nvmlSystemGetCudaDriverVersion";
    nvml_.require(name, nvml_.function<nvml::SystemGetCudaDriverVersion>(name)(&version));
    return cuda_version_from_nvml(version);
  }

  [[nodiscard]] Version compute_capability(nvml::Device device) const {
    int major = 0;
    int minor = 0;
    const char* const name = "nvmlDeviceGetCudaComputeCapability";
    nvml_.require(
        name, nvml_.function<nvml::DeviceGetCudaComputeCapability>(name)(device, &major, &minor));
    return Version::parse(std::to_string(major) + "." + std::to_string(minor)).value_or(Version());
  }

  [[nodiscard]] std::string brand(nvml::Device device) const {
    unsigned number = 0;
    const char* const name = "nvmlDeviceGetBrand";
    nvml_.require(name, nvml_.function<nvml::DeviceGetBrand>(name)(device, &number));
    return brand_from_nvml(number);
  }

  /// Returns `gpu` with the MIG device of this index added, if there is one.
  [[nodiscard]] GpuDetails with_mig_device(GpuDetails gpu, nvml::Device device,
                                           unsigned index) const {
    const auto handle = nvml_.mig_device(device, index);
    if (!handle) return gpu;
    const MigDetails mig{.index = index,
                         .gpu_instance = nvml_.gpu_instance(*handle),
                         .compute_instance = nvml_.compute_instance(*handle),
                         .uuid = nvml_.uuid(*handle),
                         .profile = mig_profile_from_nvml(nvml_.name(*handle))};
    gpu.mig.push_back(mig);
    if (makes_sense(gpu)) return gpu;
    throw Error(Code::probe_failed, "makes no sense: GPU instance " +
                                        std::to_string(mig.gpu_instance) + ", compute instance " +
                                        std::to_string(mig.compute_instance) + ", UUID `" +
                                        mig.uuid + "`");
  }

  /// Returns `gpu` with its MIG devices. Removed devices leave holes in the indices, so every index
  /// is tried.
  [[nodiscard]] GpuAnswer with_mig_devices(GpuDetails gpu, nvml::Device device) const {
    GpuAnswer answer{.gpu = std::move(gpu)};
    unsigned count = 0;
    try {
      if (nvml_.is_in_mig_mode(device)) count = nvml_.max_mig_devices(device);
    } catch (const Error& error) {
      answer.mig_errors.emplace_back(error.what());
    }
    if (count > kMaxMigDevices) {
      answer.mig_errors.push_back("nvmlDeviceGetMaxMigDeviceCount: " + std::to_string(count));
    }
    for (unsigned index = 0; index < std::min(count, kMaxMigDevices); ++index) {
      try {
        answer.gpu = with_mig_device(answer.gpu, device, index);
      } catch (const Error& error) {
        answer.mig_errors.push_back("MIG device " + std::to_string(index) + ": " + error.what());
      }
    }
    return answer;
  }

  [[nodiscard]] GpuAnswer gpu(unsigned index) const {
    const nvml::Device device = nvml_.device(index);
    GpuDetails details{.pci = nvml_.pci_address(device),
                       .uuid = nvml_.uuid(device),
                       .compute_capability = compute_capability(device),
                       .brand = brand(device)};
    // A value that the reader of the document would refuse must not hide the other GPUs either.
    if (!makes_sense(details)) {
      throw Error(Code::probe_failed, "makes no sense: address `" + details.pci + "`, UUID `" +
                                          details.uuid + "`, compute capability `" +
                                          details.compute_capability.str() + "`");
    }
    return with_mig_devices(std::move(details), device);
  }

  const NvmlLibrary& nvml_;
};

int probe(const Arguments& arguments, const Streams& streams) {
  load_system_libraries();
  set_limits();
  enter_root(arguments.root);
  drop_privileges();
  const NvmlLibrary library(arguments.library);
  const std::string answer =
      arguments.is_usage ? to_json(ask_for_usage(library)) : to_json(DetailsProbe(library).ask());
  library.shut_down();
  return write_all(streams.answer.get(), answer + "\n") ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run(std::span<char*> words) {
  Streams streams;
  try {
    const auto arguments = parse_arguments(words);
    if (!arguments) {
      constexpr std::string_view kUsage =
          "usage: oci-nvidia-probe --root DIR --library PATH [--usage]\n";
      static_cast<void>(write_all(STDERR_FILENO, kUsage));
      return 2;
    }
    streams = take_streams();
    return probe(*arguments, streams);
  } catch (const std::exception& error) {
    const int fd = streams.error ? streams.error.get() : STDERR_FILENO;
    static_cast<void>(write_all(fd, printable(error.what()) + "\n"));
    return EXIT_FAILURE;
  }
}

}  // namespace
}  // namespace nvhook

int main(int argc, char** argv) {
  const int status = nvhook::run(std::span(argv, static_cast<std::size_t>(argc)));
  // Not exit(): the library's destructors must not change the result.
  ::_exit(status);
}
