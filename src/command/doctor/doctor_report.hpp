// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia doctor` has seen of a host: values only, which its checks judge.
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

/// Something that could not be read or makes no sense, as Error tells it.
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
  std::vector<ConfigFileReport> files = {};  ///< those that exist, later ones count more
  bool load_kmods = true;
  std::string driver_root = "/";
  std::optional<Fault> driver_root_fault = {};
};

// ---- driver

struct PciGpu {
  std::string address = {};
  std::string driver = {};  ///< the kernel driver bound to it; empty: none
};

/// A device node that the driver wants.
struct NodeReport {
  std::string path = {};
  DeviceRole role = DeviceRole::control;
  DeviceNumber number = {};
  bool is_there = false;
  bool is_stale = false;  ///< it is another device
  bool is_empty_file = false;
  unsigned owner = 0;
  unsigned group = 0;
  unsigned mode = 0;
  bool is_usable = true;  ///< by the user who asks, for reading and writing
  bool is_linked = true;  ///< /dev/char/<major>:<minor> is there
};

struct DriverReport {
  bool is_wsl = false;
  bool is_tegra = false;
  std::vector<PciGpu> pci_gpus = {};        ///< display controllers of NVIDIA's
  std::optional<std::string> version = {};  ///< of the loaded kernel module
  std::vector<Gpu> gpus = {};               ///< that the kernel module serves
  std::vector<std::string> lost_gpus = {};  ///< what is said of those that cannot be read
  bool has_uvm = false;                     ///< nvidia-uvm is loaded
  DeviceFileSettings node_settings = {};    ///< what the module wants nodes to look like
  std::vector<NodeReport> nodes = {};
};

struct LibrariesReport {
  std::size_t libraries = 0;             ///< of this machine's own ABI
  std::string cuda = {};                 ///< path of libcuda; empty: none
  std::string management = {};           ///< path of libnvidia-ml; empty: none
  std::optional<Fault> missing = {};     ///< no libnvidia-ml
  std::optional<Fault> mismatch = {};    ///< only other versions than the module's
  std::vector<std::string> unsafe = {};  ///< files that others than root own or can write
  std::string cache = {};                ///< the loader cache's path
  bool has_cache = false;
  /// Of libcuda.so.1 and libnvidia-ml.so.1, those that the cache lacks or has at a path where
  /// nothing is.
  std::vector<std::string> not_in_cache = {};
  /// Entries of the cache, `name => path`, outside of the directories that the loader is told of.
  std::vector<std::string> foreign = {};
  std::vector<std::string> gone = {};  ///< the driver's, at paths where nothing is
  std::optional<Fault> mps = {};       ///< why no container gets the directory of MPS
};

/// What is on the host because a tool made its mount points there: in a container that had a
/// directory of the host as a volume.
struct LeftoversReport {
  std::vector<std::string> files = {};  ///< empty libraries and programs with the driver's names
  std::vector<std::string> links = {};  ///< of libraries, that lead to an empty file
  std::vector<std::string> alternatives = {};  ///< groups of Debian's that make such links
  std::vector<std::string> nodes = {};         ///< empty files in /dev with the driver's names

  [[nodiscard]] bool is_empty() const { return files.empty() && links.empty() && nodes.empty(); }
};

// ---- programs, hook definitions, CDI

enum class Origin { ours, other };

/// A program as it is found.
struct Program {
  std::string path = {};      ///< empty: there is none
  std::string resolved = {};  ///< without links
  Origin origin = Origin::other;
};

/// Whose program the file with this path without links is: ours by its name.
[[nodiscard]] Origin origin_of(const std::string& resolved);

struct NamedProgram {
  std::string name = {};
  Program first = {};  ///< on the system's PATH
};

struct HookDefinition {
  std::string file = {};
  std::optional<Fault> fault = {};  ///< why engines refuse it
  Program program = {};
  std::string program_path = {};  ///< as it is written
  std::vector<std::string> stages = {};
  /// Another file of the same name in a directory that counts more.
  bool is_masked = false;

  /// It is a GPU hook: ours, or by its name NVIDIA's.
  [[nodiscard]] bool is_gpu_hook() const;
};

struct HookDirectory {
  std::string path = {};
  std::vector<HookDefinition> definitions = {};
};

struct FoundCdiSpec {
  std::string file = {};
  bool uses_our_hook = false;
};

// ---- engines

struct EngineRuntime {
  std::string name = {};     ///< `nvidia`
  std::string command = {};  ///< as it is written: a name or a path
  Program program = {};
};

/// dockerd, as it runs.
struct DaemonReport {
  bool is_snap = false;
  std::optional<std::string> search_path = {};  ///< PATH; absent: no right to read it
  std::optional<std::int64_t> started = {};     ///< seconds since 1970
};

struct EngineReport {
  std::string name = {};
  std::string program = {};  ///< path; empty: not installed
  std::optional<Fault> config_fault = {};
  std::vector<std::string> hook_directories = {};
  std::vector<EngineRuntime> runtimes = {};
  /// Another way in: what it is.
  std::string other_way = {};
  std::optional<DaemonReport> daemon = {};
  /// Docker's: nvidia-container-runtime-hook on the daemon's PATH.
  Program hook = {};
};

// ---- the rest of the host

enum class CgroupLayout { none, v1, v2, hybrid };

struct SelinuxReport {
  bool is_enforcing = false;
  std::vector<std::string> switches = {};  ///< those for devices that the policy has
  bool allows_devices = false;             ///< one of them is on
};

/// The ordinary user who asks.
struct UserReport {
  std::string name = {};  ///< or the number
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

/// The record that src/inject/failure_report.cpp writes. Nothing if it has no message.
[[nodiscard]] std::optional<LastFailure> parse_last_failure(const std::string& text);

struct HostReport {
  /// --engine: only this one; empty: all.
  std::string engine = {};
  ConfigReport config = {};
  DriverReport driver = {};
  LibrariesReport libraries = {};
  LeftoversReport leftovers = {};
  Program hook = {};
  std::int64_t hook_changed = 0;  ///< when the hook's file came here; seconds since 1970
  std::vector<NamedProgram> names = {};
  std::vector<HookDirectory> hook_directories = {};
  std::vector<FoundCdiSpec> cdi_specs = {};
  bool has_cdi_hook = false;  ///< nvidia-cdi-hook is on PATH
  std::vector<EngineReport> engines = {};
  CgroupLayout cgroups = CgroupLayout::none;
  bool has_systemd = false;
  bool has_systemd_socket = false;
  std::optional<SelinuxReport> selinux = {};  ///< absent: no SELinux
  bool has_apparmor = false;
  std::optional<UserReport> user = {};  ///< absent: root asks
  std::optional<LastFailure> last_failure = {};
};

/// The report's engine `name`; nothing if the report has none of that name.
[[nodiscard]] const EngineReport* find_engine(const HostReport& report, std::string_view name);

}  // namespace nvhook
