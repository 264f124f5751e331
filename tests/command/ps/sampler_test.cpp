// SPDX-License-Identifier: Apache-2.0
// Samples of a simulated /proc: which containers and processes are seen, and which are not.
#include "command/ps/sampler.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>

#include "os/mount_id.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kId(64, 'a');
const std::string kHost = "pid:[1]";
const std::string kElsewhere = "pid:[2]";

/// /dev/zero and /dev/full, which every user can refer to, are the driver's two GPUs.
Inventory inventory() {
  Inventory host;
  host.gpus = {{.index = 0, .minor = 5}, {.index = 1, .minor = 7}};
  host.nodes = {{.role = DeviceRole::gpu,
                 .file = {.path = HostPath("/dev/nvidia5")},
                 .number = {1, 5},
                 .gpu_minor = 5},
                {.role = DeviceRole::gpu,
                 .file = {.path = HostPath("/dev/nvidia7")},
                 .number = {1, 7},
                 .gpu_minor = 7},
                {.role = DeviceRole::control, .number = {1, 8}}};  // /dev/random
  return host;
}

class SimulatedProc : public testing::Test {
 protected:
  SimulatedProc() {
    host_.write("/proc/uptime", "1000.00 1.00\n");
    host_.write("/etc/passwd", "root:x:0:0::/:\nann:x:1000:1000::/home/ann:\n");
    host_.link("/proc/self/ns/pid", kHost);
    host_.directory("/dev");
    add(1, "/init.scope", "init", kHost);
    sampler_.emplace(system_, caller_);
  }

  void add(int pid, const std::string& cgroup, const std::string& name,
           const std::string& pid_namespace) const {
    const std::string at = "/proc/" + std::to_string(pid);
    host_.write(at + "/cgroup", "0::" + cgroup + "\n");
    host_.write(at + "/stat", std::to_string(pid) + " (" + name +
                                  ") S 1 7 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 10000 9 9\n");
    host_.write(at + "/status", "Name:\tx\nUid:\t1000\t0\t0\t0\n");
    host_.write(at + "/loginuid", "4294967295");
    host_.link(at + "/ns/pid", pid_namespace);
    host_.directory(at + "/fd");
  }
  void open(int pid, int fd, const std::string& target) const {
    host_.link("/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd), target);
  }
  void record(const std::string& id, int pid) const {
    host_.write("/run/crun/" + id + "/status", R"({"pid":)" + std::to_string(pid) + "}");
  }
  /// Gives the process a root directory of its own, on a file system that is said to be `type`.
  void root(int pid, const std::string& type) const {
    const std::string at = "/proc/" + std::to_string(pid);
    host_.directory("/roots/" + std::to_string(pid) + "/dev");
    host_.link(at + "/root", "../../roots/" + std::to_string(pid));
    const UniqueFd directory(::open(host_.path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    host_.write(at + "/mountinfo", std::to_string(mount_id_of(directory.get())) +
                                       " 1 0:1 / / rw - " + type + " x rw\n");
  }

  Sample sample() { return sampler_->take(inventory(), 2000); }

  test::TemporaryDirectory host_ = {};
  RootDir system_ = *open_root(host_.path());
  CallerContext caller_ = {};
  std::optional<Sampler> sampler_ = {};  // /proc must be there before
};

std::vector<pid_t> pids_of(const std::vector<GpuProcess>& processes) {
  std::vector<pid_t> pids;
  for (const GpuProcess& process : processes) pids.push_back(process.pid);
  return pids;
}

TEST_F(SimulatedProc, ProcessesAreJudgedByTheDeviceThatTheyHaveOpen) {
  add(10, "/docker/" + kId, "py) R (", kElsewhere);
  open(10, 3, "/dev/zero");  // whatever the file is called
  host_.write("/lie/nvidia7");
  open(10, 4, "../../../lie/nvidia7");
  open(10, 5, "socket:[4711]");
  const Sample found = sample();
  ASSERT_THAT(found.containers, SizeIs(1));
  const GpuContainer& container = found.containers[0];
  EXPECT_EQ(container.record.engine, "Docker");
  EXPECT_EQ(container.record.id, kId);
  EXPECT_EQ(container.record.pid, 10);
  ASSERT_THAT(container.processes, SizeIs(1));
  const GpuProcess& process = container.processes[0];
  EXPECT_EQ(process.name, "py) R (");
  EXPECT_EQ(process.user, "ann");
  EXPECT_EQ(process.started, 2000 - 1000 + 100);
  EXPECT_THAT(process.devices, ElementsAre(0));
  EXPECT_THAT(process.nodes, ElementsAre(DeviceNumber{1, 5}));
  EXPECT_THAT(found.host_processes, IsEmpty());
}

TEST_F(SimulatedProc, ProcessesOfTheHostAreShownWithTheirCgroup) {
  add(10, "/system.slice/x.service", "x", kHost);
  open(10, 3, "/dev/full");
  open(10, 4, "/dev/random");
  add(11, "/system.slice/x.service", "holds only the driver", kHost);
  open(11, 3, "/dev/random");
  const Sample found = sample();
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_THAT(pids_of(found.host_processes), ElementsAre(10, 11));
  EXPECT_EQ(found.host_processes[0].cgroup, "/system.slice/x.service");
  EXPECT_THAT(found.host_processes[0].devices, ElementsAre(1));
  EXPECT_THAT(found.host_processes[1].devices, IsEmpty());
}

TEST_F(SimulatedProc, ContainersHaveTheNamesOfTheirRecords) {
  add(10, "/web", "init", kElsewhere);
  add(11, "/web/docker/" + kId, "a child", kElsewhere);
  open(11, 3, "/dev/zero");
  record("web", 10);
  const Sample found = sample();
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_EQ(found.containers[0].record.engine, "crun");
  EXPECT_EQ(found.containers[0].record.id, "web");
  EXPECT_EQ(found.containers[0].cgroup, "/web");
  EXPECT_EQ(found.containers[0].record.pid, 10);
  EXPECT_THAT(pids_of(found.containers[0].processes), ElementsAre(11));
}

TEST_F(SimulatedProc, ContainersOfNoKnownEngineAreShownByTheirCgroup) {
  add(10, "/new-engine", "init", kElsewhere);
  open(10, 3, "/dev/zero");
  root(10, "tmpfs");
  const Sample found = sample();
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_EQ(found.containers[0].record.engine, "");
  EXPECT_EQ(found.containers[0].cgroup, "/new-engine");
}

TEST_F(SimulatedProc, ASandboxWithTheDevOfTheHostIsNoContainer) {
  add(10, "/user.slice/browser.scope", "browser", kElsewhere);
  open(10, 3, "/dev/zero");
  host_.link("/proc/10/root", "../..");
  const Sample found = sample();
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_THAT(pids_of(found.host_processes), ElementsAre(10));
}

TEST_F(SimulatedProc, NothingIsLookedUpOnAFileSystemThatAUserServes) {
  add(10, "/docker/" + kId, "init", kElsewhere);
  root(10, "fuse.sshfs");
  const Sample found = sample();
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_EQ(found.unreadable_containers, 1U);
  EXPECT_THAT(found.notes, SizeIs(1));
}

TEST_F(SimulatedProc, AContainerWithoutAGpuIsNotShown) {
  add(10, "/docker/" + kId, "init", kElsewhere);
  root(10, "overlay");
  host_.write("/roots/10/dev/nvidia5");  // no device
  const Sample found = sample();
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_EQ(found.unreadable_containers, 0U);
}

TEST_F(SimulatedProc, ProcessesThatEndWhileTheyAreReadAreLeftOut) {
  add(10, "/docker/" + kId, "init", kElsewhere);
  open(10, 3, "/dev/zero");
  std::filesystem::remove(host_.below("/proc/10/stat"));
  add(11, "/docker/" + kId, "init", kElsewhere);
  std::filesystem::remove(host_.below("/proc/11/cgroup"));
  const Sample found = sample();
  EXPECT_THAT(found.host_processes, IsEmpty());
  for (const GpuContainer& one : found.containers) EXPECT_THAT(one.processes, IsEmpty());
}

TEST_F(SimulatedProc, ThousandsOfDescriptorsAreAllLookedAt) {
  add(10, "/x", "x", kHost);
  for (int fd = 3; fd < 3000; ++fd) open(10, fd, "socket:[1]");
  open(10, 3000, "/dev/zero");
  EXPECT_THAT(sample().host_processes, SizeIs(1));
}

TEST_F(SimulatedProc, DescriptorsOutliveTheFirstThread) {
  add(10, "/x", "x", kHost);
  host_.directory("/proc/10/task/10/fd");
  host_.link("/proc/10/task/12/fd/3", "/dev/zero");
  EXPECT_THAT(pids_of(sample().host_processes), ElementsAre(10));
}

TEST_F(SimulatedProc, AContainerThatIsNewIsFoundInTheNextSample) {
  EXPECT_THAT(sample().containers, IsEmpty());
  add(10, "/web", "init", kElsewhere);
  open(10, 3, "/dev/zero");
  record("web", 10);
  const Sample found = sampler_->take(inventory(), 2001);
  ASSERT_THAT(found.containers, SizeIs(1));
  EXPECT_EQ(found.containers[0].record.id, "web");
}

TEST_F(SimulatedProc, AnotherProcessWithTheNumberOfOneThatHasEndedIsAnotherProcess) {
  add(10, "/x", "first", kHost);
  open(10, 3, "/dev/zero");
  EXPECT_EQ(sample().host_processes.at(0).name, "first");
  std::filesystem::rename(host_.below("/proc/10"), host_.below("/ended"));
  add(10, "/y", "second", kHost);
  open(10, 3, "/dev/full");
  const Sample found = sampler_->take(inventory(), 2001);
  ASSERT_THAT(found.host_processes, SizeIs(1));
  EXPECT_EQ(found.host_processes[0].name, "second");
  EXPECT_EQ(found.host_processes[0].cgroup, "/y");
  EXPECT_THAT(found.host_processes[0].devices, ElementsAre(1));
}

TEST_F(SimulatedProc, AContainerThatMayOpenNoGpuIsLookedAtFromTimeToTime) {
  host_.write("/proc/self/cgroup", "5:devices:/\n");
  host_.write("/proc/self/mountinfo",
              "30 1 0:30 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n");
  host_.write("/sys/fs/cgroup/devices/docker/" + kId + "/devices.list", "c 1:3 rwm\n");
  add(10, "/docker/" + kId, "init", kElsewhere);
  host_.write("/proc/10/cgroup", "5:devices:/docker/" + kId + "\n");
  host_.link("/held", "/dev/null");
  open(10, 3, "../../../held");
  for (int second = 0; second < 6; ++second) {
    EXPECT_THAT(sampler_->take(inventory(), 2000 + second).containers, IsEmpty());
  }
  std::filesystem::remove(host_.below("/held"));
  host_.link("/held", "/dev/zero");  // from another process
  EXPECT_THAT(sampler_->take(inventory(), 2007).containers, IsEmpty());
  EXPECT_THAT(sampler_->take(inventory(), 2016).containers, SizeIs(1));
}

/// All processes have run for the same time, which the test tells.
class TimeOfProcesses : public SimulatedProc {
 protected:
  TimeOfProcesses() {
    sampler_.emplace(system_, caller_, [this](pid_t) { return run_time_; });
    add(10, "/x", "x", kHost);
    open(10, 3, "../../../held");
    hold("/dev/null");
    pass(kSettled);
  }

  /// What the open file of process 10 is.
  void hold(const std::string& target) const {
    std::filesystem::remove(host_.below("/held"));
    host_.link("/held", target);
  }
  std::vector<pid_t> pass(int seconds) {
    for (; seconds > 1; --seconds) static_cast<void>(sampler_->take(inventory(), ++time_));
    return pids_of(sampler_->take(inventory(), ++time_).host_processes);
  }

  static constexpr int kSettled = 5;
  std::optional<std::uint64_t> run_time_ = 7;
  double time_ = 2000;
};

TEST_F(TimeOfProcesses, OneThatHasRunIsLookedAtAgain) {
  hold("/dev/zero");
  run_time_ = 8;
  EXPECT_THAT(pass(1), ElementsAre(10));
  hold("/dev/null");
  run_time_ = 9;
  EXPECT_THAT(pass(1), IsEmpty());
}

TEST_F(TimeOfProcesses, OneThatHasNotRunIsLookedAtEveryTenSeconds) {
  hold("/dev/zero");  // which only a process with the same table of descriptors can do
  EXPECT_THAT(pass(1), IsEmpty());
  EXPECT_THAT(pass(10), ElementsAre(10));
  EXPECT_THAT(pass(1), ElementsAre(10));
}

TEST_F(TimeOfProcesses, OneWhoseTimeIsNotKnownIsLookedAtAgain) {
  run_time_.reset();
  hold("/dev/zero");
  EXPECT_THAT(pass(1), ElementsAre(10));
}

TEST_F(TimeOfProcesses, OneWithTheNumberAndTheTimeOfAnotherIsLookedAt) {
  std::filesystem::rename(host_.below("/proc/10"), host_.below("/ended"));
  EXPECT_THAT(pass(1), IsEmpty());
  add(10, "/y", "y", kHost);
  open(10, 3, "/dev/zero");
  EXPECT_THAT(pass(1), ElementsAre(10));
  std::filesystem::rename(host_.below("/proc/10"), host_.below("/ended-too"));
  add(10, "/z", "z", kHost);
  EXPECT_THAT(pass(1), IsEmpty());
}

TEST_F(TimeOfProcesses, OneThatHasNotRunUsesADeviceOfTheHostOfToday) {
  hold("/dev/full");
  run_time_ = 8;
  ASSERT_THAT(pass(kSettled), ElementsAre(10));
  Inventory today = inventory();
  today.gpus.erase(today.gpus.begin());
  const Sample found = sampler_->take(today, ++time_);
  ASSERT_THAT(found.host_processes, SizeIs(1));
  EXPECT_EQ(found.devices.at(found.host_processes[0].devices.at(0)).gpu, 1U);
}

TEST_F(SimulatedProc, ARecordOfAUserCountsOnlyInThatUsersCgroups) {
  host_.write("/run/user/1000/crun/fake.service/status", R"({"pid":10})");
  add(10, "/system.slice/fake.service", "x", kHost);
  open(10, 3, "/dev/zero");
  const Sample found = sample();
  EXPECT_THAT(found.containers, IsEmpty());
  EXPECT_THAT(pids_of(found.host_processes), ElementsAre(10));
}

TEST_F(SimulatedProc, HiddenProcessesAreTold) {
  std::filesystem::remove_all(host_.below("/proc/1"));
  const Sample found = sample();
  ASSERT_THAT(found.notes, SizeIs(1));
  EXPECT_THAT(found.notes[0].text, HasSubstr("hidepid"));
}

}  // namespace
}  // namespace nvhook
