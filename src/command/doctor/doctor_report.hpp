// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia doctor` found out about a host: plain values, which the checks judge.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "host/facts/proc_text.hpp"
#include "os/device_number.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Something that could not be read or parsed, with the remedy of its Error.
struct Fault {
  std::string what = {};
  std::string remedy = {};
};

// ---- configuration

struct ConfigFileReport {
  std::string path = {};
  unsigned owner = 0;
  unsigned mode = 0;
  std::optional<Fault> fault = {};
  Notes notes = {};  ///< unknown keys, keys without effect
  bool sets_no_cgroups = false;
};

struct ConfigReport {
  std::vector<ConfigFileReport> files = {};  ///< existing files; later ones override earlier ones
  bool load_kmods = true;
  std::string driver_root = "/";
  std::optional<Fault> driver_root_fault = {};
  bool accepts_variables = true;  ///< of containers without CAP_SYS_ADMIN
  bool accepts_mounts = false;
  std::optional<Fault> log_fault = {};  ///< why a debug log cannot be written
};

// ---- driver

struct PciGpu {
  std::string address = {};
  std::string driver = {};  ///< kernel driver bound to it; empty: none
};

/// A device node that the driver needs.
struct NodeReport {
  std::string path = {};
  DeviceRole role = DeviceRole::control;
  DeviceNumber number = {};
  bool is_there = false;
  bool is_stale = false;  ///< exists, but is another device
  bool is_empty_file = false;
  unsigned owner = 0;
  unsigned group = 0;
  unsigned mode = 0;
  bool is_usable = true;  ///< by the calling user, for reading and writing
  bool is_linked = true;  ///< /dev/char/<major>:<minor> exists
};

struct DriverReport {
  bool is_wsl = false;
  bool is_tegra = false;
  std::vector<PciGpu> pci_gpus = {};        ///< NVIDIA's display controllers
  std::optional<Fault> no_dxg = {};         ///< this is WSL, and has no /dev/dxg
  std::optional<std::string> version = {};  ///< of the loaded kernel module
  std::optional<Fault> odd_version = {};    ///< a module is loaded, and its version is none
  std::vector<Gpu> gpus = {};               ///< GPUs that the kernel module serves
  std::vector<std::string> lost_gpus = {};  ///< a message for each GPU that cannot be read
  bool has_uvm = false;                     ///< nvidia-uvm is loaded
  /// No node can be made here: in a container that was given its nodes, in a user namespace.
  bool nodes_are_given = false;
  std::vector<std::string> gpus_left_out = {};  ///< a message for those that nobody gets
  DeviceFileSettings node_settings = {};        ///< how the module wants its nodes to look
  std::vector<NodeReport> nodes = {};
};

struct LibrariesReport {
  std::size_t libraries = 0;              ///< number of libraries of this machine's own ABI
  std::string cuda = {};                  ///< path of libcuda; empty: none
  std::string management = {};            ///< path of libnvidia-ml; empty: none
  std::optional<Fault> missing = {};      ///< no libnvidia-ml was found
  std::optional<Fault> mismatch = {};     ///< only versions other than the module's
  std::vector<std::string> damaged = {};  ///< libraries that are cut off or no libraries
  std::vector<std::string> unsafe = {};   ///< files that other users than root own or can write
  std::string cache = {};                 ///< path of the loader cache
  bool has_cache = false;
  /// Those of libcuda.so.1 and libnvidia-ml.so.1 that the cache lacks or has with a path that does
  /// not exist.
  std::vector<std::string> not_in_cache = {};
  /// Cache entries `name => path` outside of the directories that the loader is configured with.
  std::vector<std::string> foreign = {};
  std::vector<std::string> gone = {};  ///< the driver's entries whose paths do not exist
  std::optional<Fault> mps = {};       ///< why no container gets the MPS directory
};

/// Files on the host that a tool left when it made its mount points in a container that had a host
/// directory as a volume.
struct LeftoversReport {
  std::vector<std::string> files = {};  ///< empty files with names of driver libraries and programs
  std::vector<std::string> links = {};  ///< links of libraries that lead to an empty file
  std::vector<std::string> alternatives = {};  ///< groups of Debian's alternatives that make such
                                               ///< links
  std::vector<std::string> nodes = {};         ///< empty files in /dev with names of driver nodes

  [[nodiscard]] bool is_empty() const { return files.empty() && links.empty() && nodes.empty(); }
};

// ---- programs, hook definitions, CDI

enum class Origin { ours, other };

/// A program on the host.
struct Program {
  std::string path = {};      ///< empty: not found
  std::string resolved = {};  ///< path without links
  Origin origin = Origin::other;
};

/// Returns the last name of `path`.
[[nodiscard]] std::string file_name(const std::string& path);

/// Returns whose program a file is, by its name; `resolved` is its path without links.
[[nodiscard]] Origin origin_of(const std::string& resolved);

struct NamedProgram {
  std::string name = {};
  Program first = {};  ///< the first on the system's PATH
};

struct HookDefinition {
  std::string file = {};
  std::optional<Fault> fault = {};  ///< why engines refuse the definition
  Program program = {};
  std::string program_path = {};  ///< as written
  bool cannot_execute = false;    ///< something is at that path, but no executable file
  std::vector<std::string> stages = {};
  /// A file of the same name in a directory of higher priority replaces this one.
  bool is_masked = false;

  /// Returns true for a GPU hook: ours, or NVIDIA's by its name.
  [[nodiscard]] bool is_gpu_hook() const;
};

struct HookDirectory {
  std::string path = {};
  std::vector<HookDefinition> definitions = {};
};

inline constexpr std::string_view kGpuKind = "nvidia.com/gpu";

/// A CDI specification in a directory that an engine reads.
struct FoundCdiSpec {
  std::string file = {};
  std::string kind = {};
  bool uses_our_hook = false;
  /// Programs of its hooks that are not there, as written, each once.
  std::vector<std::string> missing_programs = {};
};

// ---- engines

struct EngineRuntime {
  std::string name = {};     ///< `nvidia`
  std::string command = {};  ///< as written: a name or a path
  Program program = {};
};

/// The running dockerd.
struct DaemonReport {
  bool is_snap = false;
  std::optional<std::string> search_path = {};  ///< its PATH; nullopt: no right to read it
  std::optional<std::int64_t> started = {};     ///< seconds since 1970
};

struct EngineReport {
  std::string name = {};
  std::string program = {};  ///< path; empty: not installed
  std::optional<Fault> config_fault = {};
  /// Something that the engine passes over without a word.
  std::optional<Fault> config_warning = {};
  std::vector<std::string> hook_directories = {};
  std::vector<std::string> cdi_directories = {};  ///< those that its configuration names
  std::vector<EngineRuntime> runtimes = {};
  /// Another way to GPUs, in words; empty: none.
  std::string other_way = {};
  std::optional<DaemonReport> daemon = {};
  /// Docker only: nvidia-container-runtime-hook on the daemon's PATH.
  Program hook = {};
  /// Docker only: nvidia-cdi-hook there. Docker does not start it, but since 29.2 its presence
  /// makes
  /// `--gpus` a request by CDI.
  Program cdi_hook = {};
  /// Docker only: `features.cdi` of daemon.json, which says whether Docker reads CDI
  /// specifications; nullopt: the default, which is true since 28.2.
  std::optional<bool> cdi = {};
};

// ---- the rest of the host

enum class CgroupLayout { none, v1, v2, hybrid };

struct SelinuxReport {
  bool is_enforcing = false;
  std::vector<std::string> switches = {};  ///< booleans for devices that the policy defines
  bool allows_devices = false;             ///< one of them is on
};

/// The unprivileged user who runs doctor.
struct UserReport {
  std::string name = {};  ///< name, or the number
  bool has_subordinate_ids = false;
  bool has_newuidmap = false;
  bool has_runtime_directory = false;
};

struct LastFailure {
  std::string file = {};
  std::optional<std::int64_t> time = {};  ///< seconds since 1970
  std::string container = {};
  std::string message = {};
};

/// Parses the record that src/inject/failure_report.cpp writes. Returns nullopt if it has no
/// message.
[[nodiscard]] std::optional<LastFailure> parse_last_failure(const std::string& text);

struct HostReport {
  /// The engine of --engine; empty: all.
  std::string engine = {};
  ConfigReport config = {};
  DriverReport driver = {};
  LibrariesReport libraries = {};
  LeftoversReport leftovers = {};
  Program hook = {};
  std::int64_t hook_changed = 0;  ///< when the hook's file was installed; seconds since 1970
  std::vector<NamedProgram> names = {};
  /// Scopes whose containers lose GPUs at the next `systemctl daemon-reload`.
  std::vector<std::string> scopes_at_risk = {};
  std::vector<HookDirectory> hook_directories = {};
  std::vector<FoundCdiSpec> cdi_specs = {};
  std::vector<EngineReport> engines = {};
  CgroupLayout cgroups = CgroupLayout::none;
  /// The kernel does not show device filters (net.core.bpf_jit_harden); only root can know.
  bool hides_filters = false;
  bool has_systemd = false;
  bool has_systemd_socket = false;
  std::optional<SelinuxReport> selinux = {};  ///< nullopt: no SELinux
  bool has_apparmor = false;
  bool has_kubelet = false;             ///< this is, or was, a node of Kubernetes
  std::optional<UserReport> user = {};  ///< nullopt: root runs doctor
  std::optional<LastFailure> last_failure = {};
};

/// Returns the first CDI specification of GPUs, nvidia.com/gpu; null if there is none.
[[nodiscard]] const FoundCdiSpec* find_gpu_spec(const HostReport& report);

/// Returns the engine `name` of the report; null if there is none.
[[nodiscard]] const EngineReport* find_engine(const HostReport& report, std::string_view name);

}  // namespace nvhook
