// SPDX-License-Identifier: Apache-2.0
// Asking NVML: the real probe with test libraries, and probes that misbehave.
#include "host/gpu/gpu_query.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "os/child_process.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "os/user_namespace.hpp"
#include "support/probe_fixture.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// ---- the real probe, which calls chroot and must be started by root, of any user namespace

class RealProbe : public ProbeFixture {
 protected:
  void SetUp() override {
    if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  }
};

TEST_F(RealProbe, TellsAboutEveryGpu) {
  use_library(NVML_MOCK);
  const DriverDetails details = query_gpus(query_);
  EXPECT_EQ(details.cuda.str(), "12.2");
  EXPECT_EQ(details.driver.str(), "535.309.01");
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_EQ(details.gpus[1], (GpuDetails{.pci = "0000:0f:00.0",
                                         .uuid = "GPU-12345678-1234-1234-1234-123456780001",
                                         .compute_capability = Version::parse("8.0").value(),
                                         .brand = "Nvidia"}));
  EXPECT_THAT(details.errors, IsEmpty());
}

TEST_F(RealProbe, ReadsTheLibraryOfTheDriverRoot) {
  use_library(NVML_MOCK);
  configure_mock(
      "cuda=13010\ngpu=0001:af:00.0 GPU-00000000-0000-0000-0000-000000000009 0 9.0 2 H100\n");
  const DriverDetails details = query_gpus(query_);
  EXPECT_EQ(details.cuda.str(), "13.1");
  EXPECT_THAT(details.gpus,
              ElementsAre(GpuDetails{.pci = "0001:af:00.0",
                                     .uuid = "GPU-00000000-0000-0000-0000-000000000009",
                                     .compute_capability = Version::parse("9.0").value(),
                                     .brand = "Tesla"}));
}

TEST_F(RealProbe, LeavesOutAGpuThatIsLost) {
  use_library(NVML_MOCK);
  configure_mock("broken=0000:4e:00.0\n");
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, SizeIs(7));
  EXPECT_THAT(details.gpus, Not(Contains(Field(&GpuDetails::pci, "0000:4e:00.0"))));
  EXPECT_THAT(details.errors, ElementsAre(AllOf(StartsWith("GPU 3: "), HasSubstr("GPU is lost"))));
  EXPECT_THAT(details.notes, Contains(warning(details.errors.front())));
}

TEST_F(RealProbe, LeavesOutAGpuWhoseUuidMakesNoSense) {
  use_library(NVML_MOCK);
  configure_mock(
      "gpu=0000:01:00.0 N/A 0 8.0 14 A\ngpu=0000:02:00.0 GPU-00000000-0000-0000-0000-000000000009 "
      "1 8.0 14 B\n");
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, SizeIs(1));
  EXPECT_THAT(details.errors, ElementsAre(HasSubstr("UUID `N/A`")));
}

TEST_F(RealProbe, TellsNoDriverVersionThatIsNone) {
  use_library(NVML_MOCK);
  configure_mock("driver=N/A\n");
  EXPECT_EQ(query_gpus(query_).driver.str(), "");
}

TEST_F(RealProbe, IsNotDisturbedByALibraryThatPrints) {
  use_library(NVML_MOCK);
  configure_mock("noise=1\n");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(8));
}

TEST_F(RealProbe, PassesOnThatDriverAndLibraryDiffer) {
  use_library(NVML_MOCK);
  configure_mock("init=18\n");
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_STREQ(error.what(),
               "ask `/lib/libnvidia-ml.so.535.309.01` about the GPUs: nvmlInit_v2: "
               "Driver/library version mismatch");
  EXPECT_THAT(error.remedy(), StartsWith("reboot"));
}

TEST_F(RealProbe, PassesOnThatTheDriverIsNotLoaded) {
  use_library(NVML_MOCK);
  configure_mock("init=9\n");
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_THAT(error.what(), HasSubstr("nvmlInit_v2: Driver Not Loaded"));
  EXPECT_THAT(error.remedy(), HasSubstr("modprobe nvidia"));
}

TEST_F(RealProbe, RefusesABillionGpus) {
  use_library(NVML_MOCK);
  configure_mock("count=1000000000\n");
  EXPECT_THAT(failure().what(), HasSubstr("1000000000 GPUs"));
}

TEST_F(RealProbe, SaysWhichLibraryIsMissing) {
  query_.nvml_library = "/lib/libnvidia-ml.so.1";
  query_.probe = PROBE;
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_THAT(error.what(),
              AllOf(HasSubstr("load `/lib/libnvidia-ml.so.1`"), HasSubstr("No such file")));
}

TEST_F(RealProbe, SaysThatAFileIsNoLibrary) {
  query_.nvml_library = "/lib/libnvidia-ml.so.1";
  query_.probe = PROBE;
  write_file(query_.driver_root + query_.nvml_library, "text");
  std::filesystem::permissions(query_.driver_root + query_.nvml_library,
                               std::filesystem::perms{0644});
  EXPECT_THAT(failure().what(), HasSubstr("load `/lib/libnvidia-ml.so.1`"));
}

TEST_F(RealProbe, RunsTheLibraryAsAUserOfItsOwnWithoutAnything) {
  if (in_user_namespace()) GTEST_SKIP() << "needs the host's root: that user is not mapped here";
  use_library(NVML_IDENTITY);
  const gid_t group = 12345;
  ASSERT_EQ(::setgroups(1, &group), 0);
  const std::array inheritable{UniqueFd(::dup(STDIN_FILENO)), UniqueFd(::dup(STDIN_FILENO))};
  ::setenv("LD_PRELOAD", "/nonexistent.so", 1);
  const Error error = failure();
  ::unsetenv("LD_PRELOAD");
  EXPECT_THAT(
      error.what(),
      HasSubstr("uid=65523/65523/65523 gid=65523/65523 groups=0 capabilities=0 bounding=0 nnp=1 "
                "core=0 files=1024 size=1048576 cpu=30 death=1 session=1 cwd=/ variables=1 "
                "path=/usr/sbin:/usr/bin:/sbin:/bin descriptors=2"));
}

/// The errno with which a process of user nobody, as many daemons and containers are, fails to kill
/// the probe.
int kill_as_nobody(int met, int done) {
  constexpr uid_t kNobody = 65534;
  pid_t probe = 0;
  if (::setresuid(kNobody, kNobody, kNobody) != 0) return -1;
  if (::read(met, &probe, sizeof probe) != ssize_t{sizeof probe}) return -1;
  const int error = ::kill(probe, SIGKILL) == 0 ? 0 : errno;
  return ::write(done, "", 1) == 1 ? error : -1;
}

TEST_F(RealProbe, CannotBeKilledByNobody) {
  if (in_user_namespace()) GTEST_SKIP() << "needs the host's root: that user is not mapped here";
  use_library(NVML_IDENTITY);
  const auto open_pipe = [this](const std::string& name) {
    const std::string path = query_.driver_root + name;
    EXPECT_TRUE(::mkfifo(path.c_str(), 0) == 0 && ::chmod(path.c_str(), 0666) == 0);
    return UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  };
  const UniqueFd met = open_pipe("/met");
  const UniqueFd done = open_pipe("/done");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(kill_as_nobody(met.get(), done.get()));
  EXPECT_THAT(failure().what(), HasSubstr("uid="));  // it ended itself, not "ended by signal 9"
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), EPERM);
}

TEST_F(RealProbe, KeepsItsUserWhereItsOwnIsNotMapped) {
  use_library(NVML_IDENTITY);
  const auto in_namespace = [this] {
    if (::unshare(CLONE_NEWUSER) != 0) return;
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 0 1");
    write_file("/proc/self/gid_map", "0 0 1");
    static_cast<void>(std::fputs(failure().what(), stderr));
    ::_exit(EXIT_SUCCESS);
  };
  EXPECT_EXIT(in_namespace(), ::testing::ExitedWithCode(EXIT_SUCCESS),
              "uid=0/0/0 gid=0/0 groups=[0-9]+ capabilities=0 bounding=0 nnp=1");
}

TEST_F(RealProbe, ExplainsItsUsage) {
  const UniqueFd probe(::openat(AT_FDCWD, PROBE, O_PATH | O_CLOEXEC));
  const ChildResult result = run_child({.executable = probe.get(),
                                        .arguments = {"oci-nvidia-probe", "--root", "."},
                                        .max_output = 1,
                                        .deadline = query_.deadline});
  EXPECT_EQ(result.code, 2);
  EXPECT_EQ(result.error_line, "usage: oci-nvidia-probe --root DIR --library PATH [--usage]");
}

// ---- probes that misbehave

class FakeProbe : public ProbeFixture {};

TEST_F(FakeProbe, AnswersLikeTheRealOne) {
  use_fake("answer");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
  EXPECT_TRUE(has_no_children());
}

struct BadProbe {
  const char* name = nullptr;
  const char* behaviour = nullptr;
  const char* message = nullptr;
};

class BadProbes : public ProbeFixture, public ::testing::WithParamInterface<BadProbe> {};

TEST_P(BadProbes, AreAnErrorThatLeavesNothingBehind) {
  use_fake(GetParam().behaviour);
  query_.deadline = std::chrono::milliseconds(300);
  static_cast<void>(open_root("/"));  // opens the host's procfs, which stays open
  const auto descriptors = open_descriptors();
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  EXPECT_THAT(error.remedy(), Not(IsEmpty()));
  EXPECT_TRUE(has_no_children());
  EXPECT_EQ(open_descriptors(), descriptors);
}

INSTANTIATE_TEST_SUITE_P(
    FakeProbe, BadProbes,
    ::testing::Values(
        BadProbe{"ThatHang", "hang", "no answer within 300 ms"},
        BadProbe{"ThatHangAfterTheAnswer", "answer-then-hang", "no answer within 300 ms"},
        BadProbe{"ThatHangWithClosedPipes", "close-then-hang", "no answer within 300 ms"},
        BadProbe{"ThatCrash", "crash", "was ended by signal 11"},
        BadProbe{"ThatCrashAfterTheAnswer", "answer-then-crash", "was ended by signal 11"},
        BadProbe{"ThatFail", "fail", "about the GPUs: first line"},
        BadProbe{"ThatFailSilently", "fail-silently", "failed with status 4"},
        BadProbe{"ThatPrintGarbage", "garbage", "printed what is no answer: `\\x1b[31mSegm"},
        BadProbe{"ThatPrintNothing", "nothing", "printed what is no answer: ``"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(FakeProbe, ThatPrintsTenMebibytesIsStoppedBeforeItsDeadline) {
  use_fake("flood");
  EXPECT_THAT(failure().what(), HasSubstr("printed more than 1048576 bytes"));
  EXPECT_TRUE(has_no_children());
}

TEST_F(FakeProbe, MayWriteAnythingToStandardError) {
  use_fake("chatter");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
}

TEST_F(FakeProbe, CannotLeaveAChildBehind) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);  // orphans become our children
  use_fake("leave-a-child");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
  int status = 0;
  ASSERT_GT(::waitpid(-1, &status, 0), 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(FakeProbe, IsUnderstoodByACallerThatIgnoresItsChildren) {
  ASSERT_NE(::signal(SIGCHLD, SIG_IGN), SIG_ERR);
  use_fake("fail-silently");
  EXPECT_THAT(failure().what(), HasSubstr("failed with status 4"));
  EXPECT_EQ(::signal(SIGCHLD, SIG_DFL), SIG_IGN);
}

TEST_F(FakeProbe, ThatIsMissingIsAnError) {
  use_fake("answer");
  query_.probe = directory_ + "/none";
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("find oci-nvidia-probe"), HasSubstr("No such file")));
  EXPECT_THAT(error.remedy(), HasSubstr("install"));
}

TEST_F(FakeProbe, ThatIsNoExecutableIsAnError) {
  use_fake("answer");
  query_.probe = directory_ + "/text";
  write_file(query_.probe, "text");
  std::filesystem::permissions(query_.probe, std::filesystem::perms{0755});
  EXPECT_THAT(failure().what(), HasSubstr("cannot be executed: error 008"));
}

/// A copy of the fake probe with this mode.
class CopiedProbe : public ProbeFixture {
 protected:
  void copy_probe(unsigned mode) {
    use_fake("answer");
    query_.probe = directory_ + "/probe";
    std::filesystem::copy_file(FAKE_PROBE, query_.probe);
    std::filesystem::permissions(query_.probe, std::filesystem::perms{mode});
  }
};

TEST_F(CopiedProbe, IsTakenIfOnlyItsOwnerCanWriteIt) {
  copy_probe(0755);
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
}

TEST_F(CopiedProbe, IsRefusedIfItsGroupCanWriteIt) {
  copy_probe(0775);
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::probe_failed);
  EXPECT_THAT(error.what(), HasSubstr("is writable by group or others"));
}

TEST_F(CopiedProbe, IsRefusedIfEveryoneCanWriteIt) {
  copy_probe(0757);
  EXPECT_THAT(failure().what(), HasSubstr("is writable by group or others"));
}

TEST_F(CopiedProbe, IsRefusedIfItBelongsToSomebodyElse) {
  copy_probe(0755);
  if (::fchownat(AT_FDCWD, query_.probe.c_str(), 12345, 12345, 0) != 0) {
    GTEST_SKIP() << "needs the host's root, who can give files away";
  }
  EXPECT_THAT(failure().what(), HasSubstr("belongs to user 12345"));
}

TEST_F(CopiedProbe, IsRefusedIfItIsADirectory) {
  use_fake("answer");
  query_.probe = directory_;
  EXPECT_THAT(failure().what(), HasSubstr("is no regular file"));
}

TEST_F(FakeProbe, IsNotAskedWithoutALibrary) {
  use_fake("answer");
  query_.nvml_library.clear();
  const Error error = failure();
  EXPECT_EQ(error.code(), Code::driver_files_missing);
  EXPECT_THAT(error.what(), HasSubstr("no libnvidia-ml.so below driver root"));
}

TEST_F(FakeProbe, OnWsl2IsMendedInWindows) {
  query_.is_wsl = true;
  use_fake("fail-silently");
  EXPECT_THAT(failure().remedy(), HasSubstr("nvidia-smi.exe in Windows"));
  query_.nvml_library.clear();
  EXPECT_THAT(failure().remedy(), HasSubstr("install NVIDIA's driver in Windows"));
}

}  // namespace
}  // namespace nvhook
