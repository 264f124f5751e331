// SPDX-License-Identifier: Apache-2.0
// Filters may change at any time, so each replacement is tried again if the old program is gone.
#include "cgroup/device_cgroup_v2.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "cgroup/denying_filter.hpp"
#include "cgroup/device_filter.hpp"
#include "cgroup/filter_verdict.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

// How often another process may change a filter between our query and our replacement.
constexpr int kMaxAttempts = 8;

constexpr char kOtherWay[] =
    "name the devices in the container's configuration (--device or CDI), or set no-cgroups = true "
    "if the runtime grants them";

constexpr char kHiddenWay[] =
    "name the devices in the container's configuration (--device or CDI), or set "
    "net.core.bpf_jit_harden = 1 and start the container again";

bool is_refusal(int error) { return error == EPERM || error == EACCES; }

}  // namespace

std::string DeviceFilter::name_of(bpf::ProgramId id) const {
  return "device filter program " + std::to_string(id) + " of `" + path_ + "`";
}

Notes DeviceFilter::prepare() {
  told_ = look();
  return told_;
}

Notes DeviceFilter::look() {
  pending_.clear();
  missing_.clear();
  const auto attachments = bpf::attached_to(cgroup_.get());
  if (!attachments) {
    const int error = errno;
    const std::string why = " device filters of `" + path_ + "`: " + errno_text(error);
    // A kernel that was built without device filters has none that could restrict.
    if (error == EINVAL || error == ENOSYS) return {info("no" + why)};
    refused_ = is_refusal(error);
    if (refused_) return {warning("device rules skipped: no right to query the" + why)};
    throw Error(Code::device_filter_failed, "query the" + why, kOtherWay);
  }
  attached_ = attachments->programs().size();
  flags_ = attachments->flags();
  Notes notes;
  for (const bpf::ProgramId id : attachments->programs()) {
    Notes more = prepare_program(id);
    std::move(more.begin(), more.end(), std::back_inserter(notes));
  }
  return notes;
}

Notes DeviceFilter::prepare_program(bpf::ProgramId id) {
  UniqueFd old = bpf::open_program(id);
  if (!old) {
    const int error = errno;
    if (error == ENOENT) return {};  // detached meanwhile
    const std::string why = name_of(id) + ": " + errno_text(error);
    if (!is_refusal(error)) throw Error(Code::device_filter_failed, "open " + why, kOtherWay);
    return {warning("left in force, and it may deny the devices: " + why)};
  }
  const FilterReading reading = read_filter(old.get(), guesses_, devices_);
  if (!reading.why_not.empty()) {
    throw Error(Code::device_filter_failed, "read " + name_of(id) + ": " + reading.why_not,
                kHiddenWay);
  }
  const BpfProgram& instructions = reading.instructions;
  Notes notes;
  if (reading.is_guessed) {
    notes.push_back(info("the device filter of `" + path_ +
                         "` is made anew from config.json: the kernel does not show it"));
  }
  const bool allows = change_ == DeviceChange::allow;
  const BpfProgram merged =
      allows ? prepend_device_rules(instructions, devices_) : deny_devices(instructions, devices_);
  if (merged == instructions) return notes;
  for (const DeviceNumber& device : devices_) {
    if (lets_use(instructions, device) != allows) missing_.insert(device);
  }
  if (const auto obstacle = reload_obstacle(instructions)) {
    throw Error(Code::device_filter_failed, name_of(id) + " cannot be extended: " + *obstacle,
                kOtherWay);
  }
  bpf::Loaded loaded = bpf::load_device_filter(merged);
  if (!loaded.program) {
    throw Error(Code::device_filter_failed,
                "load an extended " + name_of(id) + ": " + loaded.reason, kOtherWay);
  }
  pending_.push_back({.id = id, .old = std::move(old), .granting = std::move(loaded.program)});
  return notes;
}

void DeviceFilter::grant() {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    if (replace_pending()) return;
    look_again();
  }
  throw Error(Code::device_filter_failed,
              "the device filter of `" + path_ + "` was changed again and again meanwhile",
              "start the container again");
}

void DeviceFilter::confirm() {
  look_again();
  grant();
}

/// A program that appeared after prepare() and that we may not open denies the devices, and no note
/// has said so. That is an error; how a program was read is not.
void DeviceFilter::look_again() {
  for (const Note& note : look()) {
    if (note.level == Note::Level::info) continue;
    if (std::find(told_.begin(), told_.end(), note) == told_.end()) {
      throw Error(Code::cgroup_denied, note.text, kOtherWay);
    }
  }
}

/// Returns false if one of the old programs is no longer attached.
bool DeviceFilter::replace_pending() {
  while (!pending_.empty()) {
    Replacement& next = pending_.back();
    const int error = bpf::replace(cgroup_.get(), flags_, next.old.get(), next.granting.get());
    if (error == ENOENT) return false;
    if (error != 0) {
      throw Error(is_refusal(error) ? Code::cgroup_denied : Code::device_filter_failed,
                  "replace " + name_of(next.id) + ": " + errno_text(error), kOtherWay);
    }
    done_.push_back(std::move(next));
    pending_.pop_back();
  }
  return true;
}

void DeviceFilter::revoke() noexcept {
  while (!done_.empty()) {
    // If another process has replaced our program meanwhile, there is nothing to take back.
    (void)bpf::replace(cgroup_.get(), flags_, done_.back().granting.get(), done_.back().old.get());
    done_.pop_back();
  }
}

}  // namespace nvhook
