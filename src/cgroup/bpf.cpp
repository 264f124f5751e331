// SPDX-License-Identifier: Apache-2.0
// Calls bpf(2) by its number, without a library.
#include "cgroup/bpf.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook::bpf {
namespace {

constexpr std::size_t kLogSize = 64UL * 1024;
constexpr std::size_t kMaxFdinfo = 4096;
constexpr char kName[] = "oci_nvidia_dev";  // shown by `bpftool prog`
constexpr char kLicense[] = "Apache-2.0";
// Offsets of members that bpf_attr has since Linux 6.6; cgroups use them since 6.17.
constexpr std::size_t kQueryRevision = 56;
constexpr std::size_t kExpectedRevision = 24;
static_assert(sizeof(bpf_attr) >= kQueryRevision + sizeof(std::uint64_t));

// The kernel refuses a request whose unused bytes are not 0, and initialising a union sets only its
// first member.
bpf_attr empty_request() noexcept {
  bpf_attr request;
  std::memset(&request, 0, sizeof request);
  return request;
}

int call(bpf_cmd command, bpf_attr& request) noexcept {
  return static_cast<int>(::syscall(SYS_bpf, command, &request, sizeof request));
}

template <typename T>
std::uint64_t address_of(const T* object) noexcept {
  return std::bit_cast<std::uintptr_t>(object);
}

template <typename Info>
bool get_info(int object, Info& info) noexcept {
  bpf_attr request = empty_request();
  request.info.bpf_fd = static_cast<std::uint32_t>(object);
  request.info.info_len = sizeof info;
  request.info.info = address_of(&info);
  return call(BPF_OBJ_GET_INFO_BY_FD, request) == 0;
}

/// Returns the value of `key` in what procfs says of a descriptor of a program; empty if there is
/// none.
std::string fdinfo_of(int program, std::string_view key) {
  const std::string name = "self/fdinfo/" + std::to_string(program);
  const UniqueFd file(::openat(own_procfs(), name.c_str(), O_RDONLY | O_CLOEXEC));
  const auto text = file ? read_all(file.get(), kMaxFdinfo) : std::nullopt;
  if (!text) return {};
  for (const std::string_view line : split_list(*text, '\n')) {
    if (line.starts_with(key)) return std::string(trim(line.substr(key.size())));
  }
  return {};
}

bpf_attr attach_request(int cgroup, int program, std::uint32_t flags) noexcept {
  bpf_attr request = empty_request();
  request.target_fd = static_cast<std::uint32_t>(cgroup);
  request.attach_bpf_fd = static_cast<std::uint32_t>(program);
  request.attach_type = BPF_CGROUP_DEVICE;
  request.attach_flags = flags;
  return request;
}

int attach(int cgroup, int program, std::uint32_t flags) noexcept {
  bpf_attr request = attach_request(cgroup, program, flags);
  return call(BPF_PROG_ATTACH, request) == 0 ? 0 : errno;
}

int attach_in_place_of(int replaced, int cgroup, int program, std::uint32_t flags) noexcept {
  bpf_attr request = attach_request(cgroup, program, flags | BPF_F_REPLACE);
  request.replace_bpf_fd = static_cast<std::uint32_t>(replaced);
  return call(BPF_PROG_ATTACH, request) == 0 ? 0 : errno;
}

/// Fails with ESTALE if the cgroup's filters have changed since `revision`; 0 means no check.
int attach_at(std::uint64_t revision, int cgroup, int program, std::uint32_t flags) noexcept {
  bpf_attr request = attach_request(cgroup, program, flags);
  std::memcpy(reinterpret_cast<char*>(&request) + kExpectedRevision, &revision, sizeof revision);
  return call(BPF_PROG_ATTACH, request) == 0 ? 0 : errno;
}

int detach(int cgroup, int program) noexcept {
  bpf_attr request = empty_request();
  request.target_fd = static_cast<std::uint32_t>(cgroup);
  request.attach_bpf_fd = static_cast<std::uint32_t>(program);
  request.attach_type = BPF_CGROUP_DEVICE;
  return call(BPF_PROG_DETACH, request) == 0 ? 0 : errno;
}

bpf_attr query_request(int cgroup, std::uint32_t flags) noexcept {
  bpf_attr request = empty_request();
  request.query.target_fd = static_cast<std::uint32_t>(cgroup);
  request.query.attach_type = BPF_CGROUP_DEVICE;
  request.query.query_flags = flags;
  return request;
}

bool holds(const std::optional<Attachments>& attachments, int program) noexcept {
  if (!attachments) return false;
  const auto ids = attachments->programs();
  return std::find(ids.begin(), ids.end(), id_of(program)) != ids.end();
}

/// Without ALLOW_MULTI, attach replaces whatever program is there. A kernel that counts changes
/// refuses to attach if there was one that we have not seen. On other kernels a program that
/// another process attaches between the two calls is lost; one that is attached later is noticed
/// here.
int replace_the_only_one(int cgroup, std::uint32_t flags, int from, int to) noexcept {
  const auto before = attached_to(cgroup);
  if (!holds(before, from)) return ENOENT;
  const int error = attach_at(before->revision(), cgroup, to, flags);
  if (error != 0) return error == ESTALE ? ENOENT : error;
  return holds(attached_to(cgroup), to) ? 0 : ENOENT;
}

/// Returns the link that attaches `program` to `cgroup`, or an empty descriptor.
UniqueFd find_link(int cgroup, ProgramId program) noexcept {
  struct stat status {};
  if (::fstat(cgroup, &status) != 0) return UniqueFd();
  bpf_attr request = empty_request();
  while (call(BPF_LINK_GET_NEXT_ID, request) == 0) {
    const std::uint32_t id = request.next_id;
    bpf_attr open_request = empty_request();
    open_request.link_id = id;
    UniqueFd link(call(BPF_LINK_GET_FD_BY_ID, open_request));
    bpf_link_info info{};
    if (link && get_info(link.get(), info) && info.type == BPF_LINK_TYPE_CGROUP &&
        info.cgroup.attach_type == BPF_CGROUP_DEVICE && info.prog_id == program &&
        info.cgroup.cgroup_id == status.st_ino) {
      return link;
    }
    request = empty_request();
    request.start_id = id;
  }
  return UniqueFd();
}

int update_link(int link, int from, int to) noexcept {
  bpf_attr request = empty_request();
  request.link_update.link_fd = static_cast<std::uint32_t>(link);
  request.link_update.new_prog_fd = static_cast<std::uint32_t>(to);
  request.link_update.old_prog_fd = static_cast<std::uint32_t>(from);
  request.link_update.flags = BPF_F_REPLACE;
  return call(BPF_LINK_UPDATE, request) == 0 ? 0 : errno;
}

// Before Linux 5.11 programs count as locked memory.
void raise_locked_memory() noexcept {
  rlimit limit{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
  if (::setrlimit(RLIMIT_MEMLOCK, &limit) == 0) return;
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_MEMLOCK, &limit);
}

/// The last line of the verifier's log, without its statistics.
std::string last_line(std::string_view log) {
  std::string_view last;
  for (const std::string_view line : split_list(log.substr(0, log.find('\0')), '\n')) {
    if (!line.starts_with("processed ") && !line.starts_with("verification time")) last = line;
  }
  return std::string(last);
}

}  // namespace

std::optional<Attachments> attached_to(int cgroup) noexcept {
  Attachments attachments;
  bpf_attr request = query_request(cgroup, 0);
  request.query.prog_ids = address_of(attachments.ids_.data());
  request.query.prog_cnt = Attachments::kMax;
  if (call(BPF_PROG_QUERY, request) != 0) return std::nullopt;
  attachments.count_ = std::min<std::size_t>(request.query.prog_cnt, Attachments::kMax);
  std::memcpy(&attachments.revision_, reinterpret_cast<const char*>(&request) + kQueryRevision,
              sizeof attachments.revision_);
  attachments.flags_ = request.query.attach_flags & (BPF_F_ALLOW_MULTI | BPF_F_ALLOW_OVERRIDE);
  return attachments;
}

std::optional<std::size_t> count_effective(int cgroup) noexcept {
  bpf_attr request = query_request(cgroup, BPF_F_QUERY_EFFECTIVE);
  if (call(BPF_PROG_QUERY, request) != 0) return std::nullopt;
  return request.query.prog_cnt;
}

UniqueFd open_program(ProgramId id) noexcept {
  bpf_attr request = empty_request();
  request.prog_id = id;
  return UniqueFd(call(BPF_PROG_GET_FD_BY_ID, request));
}

ProgramId id_of(int program) noexcept {
  bpf_prog_info info{};
  if (get_info(program, info)) return info.id;
  return parse_unsigned_int(fdinfo_of(program, "prog_id:")).value_or(0);
}

std::optional<std::vector<BpfInstruction>> instructions_of(int program) {
  bpf_prog_info size{};
  if (!get_info(program, size)) return std::nullopt;
  std::vector<BpfInstruction> instructions(size.xlated_prog_len / sizeof(BpfInstruction));
  if (instructions.empty()) return instructions;
  bpf_prog_info info{};
  info.xlated_prog_len = size.xlated_prog_len;
  info.xlated_prog_insns = address_of(instructions.data());
  if (!get_info(program, info)) return std::nullopt;
  // The kernel clears the pointer if the instructions may not be seen.
  if (info.xlated_prog_insns == 0) instructions.clear();
  return instructions;
}

bool has_our_name(int program) noexcept {
  bpf_prog_info info{};
  return get_info(program, info) && std::string_view(&info.name[0]) == &kName[0];
}

std::string tag_of(int program) { return fdinfo_of(program, "prog_tag:"); }

Loaded load_device_filter(const std::vector<BpfInstruction>& instructions) {
  bpf_attr request = empty_request();
  request.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  request.insns = address_of(instructions.data());
  request.insn_cnt = static_cast<std::uint32_t>(instructions.size());
  request.license = address_of(&kLicense[0]);
  std::copy(std::begin(kName), std::end(kName), std::begin(request.prog_name));
  static_assert(sizeof kName <= sizeof request.prog_name);

  Loaded loaded{.program = UniqueFd(call(BPF_PROG_LOAD, request))};
  if (!loaded.program && errno == EPERM) {
    raise_locked_memory();
    loaded.program = UniqueFd(call(BPF_PROG_LOAD, request));
  }
  if (loaded.program) return loaded;
  // Only if loading failed: ask for the verifier's log.
  loaded.reason = errno_text(errno);
  std::string log(kLogSize, '\0');
  request.log_level = 1;
  request.log_size = kLogSize;
  request.log_buf = address_of(log.data());
  loaded.program = UniqueFd(call(BPF_PROG_LOAD, request));
  if (const std::string word = last_line(log); !word.empty()) loaded.reason += " (" + word + ")";
  return loaded;
}

// The kernel takes a path for both: relative to a descriptor only since Linux 6.5, and relative to
// the working directory always.

UniqueFd open_pinned(int file) noexcept {
  if (::fchdir(own_procfs()) != 0) return UniqueFd();
  const std::string name = name_in_procfs(file);
  bpf_attr request = empty_request();
  request.pathname = address_of(name.c_str());
  return UniqueFd(call(BPF_OBJ_GET, request));
}

int pin(int program, int directory, const char* name) noexcept {
  if (::fchdir(directory) != 0) return errno;
  bpf_attr request = empty_request();
  request.pathname = address_of(name);
  request.bpf_fd = static_cast<std::uint32_t>(program);
  return call(BPF_OBJ_PIN, request) == 0 ? 0 : errno;
}

int replace(int cgroup, std::uint32_t flags, int from, int to) noexcept {
  if ((flags & BPF_F_ALLOW_MULTI) == 0) return replace_the_only_one(cgroup, flags, from, to);
  const int error = attach_in_place_of(from, cgroup, to, flags);
  if (error == EINVAL || error == E2BIG) return replace_in_two_steps(cgroup, flags, from, to);
  if (error != ENOENT) return error;
  // A program that is attached by a link cannot be replaced by its descriptor.
  const UniqueFd link = find_link(cgroup, id_of(from));
  return link ? update_link(link.get(), from, to) : ENOENT;
}

int replace_in_two_steps(int cgroup, std::uint32_t flags, int from, int to) noexcept {
  int error = attach(cgroup, to, flags);
  if (error != 0) return error;
  error = detach(cgroup, from);
  if (error != 0) (void)detach(cgroup, to);
  return error;
}

}  // namespace nvhook::bpf
