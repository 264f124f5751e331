// SPDX-License-Identifier: Apache-2.0
// Tests nvidia-ctk as a whole: what it prints, what it writes, and its exit status.
#include "command/nvidia_ctk/nvidia_ctk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "command/nvidia_ctk/ctk_commands.hpp"
#include "command/nvidia_ctk/ctk_log.hpp"
#include "support/fake_host.hpp"
#include "support/hosts.hpp"

namespace nvhook {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;

struct Ended {
  int status = 0;
  std::string out = {};
  std::string err = {};
};

Ended run(const test::TemporaryDirectory& host, const std::vector<std::string>& arguments,
          const CallerContext& caller = {}) {
  const RootDir system = *open_root(host.path().string());
  std::ostringstream out;
  std::ostringstream err;
  CommandContext context{.caller = caller, .system = system, .out = out, .err = err};
  const int status = run_nvidia_ctk(arguments, {}, context, "1.2.3");
  return {status, out.str(), err.str()};
}

constexpr const char* kSpec = R"({"cdiVersion": "0.5.0", "kind": "nvidia.com/gpu", "devices": [)"
                              R"({"name": "all", "containerEdits": {"env": ["A=B"]}},)"
                              R"({"name": "0", "containerEdits": {"env": ["A=B"]}}]})";

TEST(NvidiaCtk, ScriptsReadTheVersion) {
  for (const char* option : {"--version", "-v"}) {
    EXPECT_THAT(run({}, {option}).out,
                testing::StartsWith("NVIDIA Container Toolkit CLI version 1.2.3"));
  }
}

TEST(NvidiaCtk, AFailureIsOneLineOfNvidiasFormAndStatusOne) {
  const Ended ended = run({}, {"--quiet", "cdi", "generate", "--mode=csv"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, MatchesRegex("time=\"[0-9-]+T[0-9:]+Z\" level=error msg=\"[^\n]+\"\n"));
  EXPECT_EQ(run({}, {"hook", "chmod"}).status, 1);
}

TEST(NvidiaCtk, AGroupPrintsItsCommands) {
  const Ended ended = run({}, {"system"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.out, AllOf(HasSubstr("system create-device-nodes"), Not(HasSubstr("cdi"))));
  EXPECT_EQ(run({}, {"info"}).status, 0);
  EXPECT_THAT(run({}, {"config", "--help"}).out, HasSubstr("--in-place, -i"));
}

TEST(NvidiaCtk, ListPrintsOneNameALine) {
  const test::TemporaryDirectory host;
  host.write("/etc/cdi/nvidia.json", kSpec);
  host.write("/var/run/cdi/bad.json", "{");
  const Ended ended = run(host, {"cdi", "list"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out, "nvidia.com/gpu=0\nnvidia.com/gpu=all\n");
  EXPECT_THAT(ended.err, AllOf(HasSubstr("level=info msg=\"Found 2 CDI devices\""),
                               HasSubstr("level=warning msg=\"/var/run/cdi/bad.json: ")));
  EXPECT_EQ(run(host, {"cdi", "list", "--spec-dir=/var/run/cdi"}).out, "");
  EXPECT_EQ(run(host, {"--quiet", "cdi", "list"}).err, "");
}

TEST(NvidiaCtk, ConfigSetsInPlace) {
  const test::TemporaryDirectory host;
  const std::string path = "/etc/nvidia-container-runtime/config.toml";
  host.write(path, "# mine\n[nvidia-container-runtime]\nmode = \"auto\"\n");
  const Ended shown = run(host, {"config", "--set", "nvidia-container-runtime.mode=legacy"});
  EXPECT_EQ(shown.out, "# mine\n[nvidia-container-runtime]\nmode = \"legacy\"\n");
  EXPECT_THAT(host.read(path), HasSubstr("auto")) << "the file stays without --in-place";
  const Ended ended =
      run(host, {"config", "--in-place", "--set", "nvidia-container-runtime.mode=legacy"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(host.read(path), shown.out);
}

TEST(NvidiaCtk, ConfigMakesTheFileAndItsDirectory) {
  const test::TemporaryDirectory host;
  const Ended ended = run(host, {"--quiet", "config", "--config-file=/new/config.toml", "-i"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(host.read("/new/config.toml"), run(host, {"config", "default"}).out);
  EXPECT_EQ(run(host, {"config", "default", "--output=/other/config.toml"}).out, "");
  EXPECT_EQ(host.read("/other/config.toml"), host.read("/new/config.toml"));
}

TEST(NvidiaCtk, AConfigurationThatTheHookWouldRefuseIsNotWritten) {
  const test::TemporaryDirectory host;
  const Ended ended =
      run(host, {"config", "-i", "-c", "/c.toml", "--set", "nvidia-container-cli.root=relative"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("NVH-0102"));
  EXPECT_EQ(host.read("/c.toml"), "");
}

TEST(NvidiaCtk, AKeyWithoutEffectIsTold) {
  const Ended ended = run({}, {"config", "--set", "nvidia-container-cli.user=root:video"});
  EXPECT_THAT(ended.err, AllOf(HasSubstr("level=info"), HasSubstr("has no effect here")));
}

TEST(NvidiaCtk, ConfigureWritesTheEnginesFileAndPrintsNothing) {
  const test::TemporaryDirectory host;
  host.write("/etc/docker/daemon.json", "{\n  \"debug\": true\n}\n");
  const std::vector<std::string> words{"runtime", "configure", "--config=/etc/docker/daemon.json",
                                       "--set-as-default", "--cdi.enabled"};
  std::vector<std::string> dry = words;
  dry.emplace_back("--dry-run");
  const Ended shown = run(host, dry);
  EXPECT_EQ(host.read("/etc/docker/daemon.json"), "{\n  \"debug\": true\n}\n");
  const Ended ended = run(host, words);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(ended.out, "");
  EXPECT_EQ(host.read("/etc/docker/daemon.json"), shown.out) << "--dry-run prints the new file";
  EXPECT_THAT(shown.out, AllOf(HasSubstr("\"default-runtime\": \"nvidia\""),
                               HasSubstr("\"cdi\": true"), HasSubstr("\"debug\": true")));
  EXPECT_THAT(ended.err, HasSubstr("systemctl restart docker"));
}

TEST(NvidiaCtk, ConfigureWritesAHookDefinition) {
  const test::TemporaryDirectory host;
  const std::string path = "/etc/containers/oci/hooks.d/nvidia.json";
  const std::vector<std::string> words{"runtime", "configure", "--config-mode=oci-hook"};
  std::vector<std::string> to_file = words;
  to_file.push_back("--oci-hook-path=" + path);
  EXPECT_EQ(run(host, to_file).out, "");
  EXPECT_EQ(host.read(path), run(host, words).out);
  EXPECT_THAT(host.read(path), HasSubstr("nvidia-container-runtime-hook"));
}

TEST(NvidiaCtk, LinksOfAllPossibleNodesAreMade) {
  const test::FakeHost fake = test::mig_host();
  const auto& host = fake.tree();
  host.directory("/dev/char");
  const std::vector<std::string> words{"system", "create-dev-char-symlinks", "--create-all"};
  std::vector<std::string> dry = words;
  dry.emplace_back("--dry-run");
  EXPECT_THAT(run(host, dry).err, HasSubstr("195:255 => /dev/nvidiactl"));
  EXPECT_TRUE(std::filesystem::is_empty(host.below("/dev/char")));
  const Ended made = run(host, words);
  EXPECT_EQ(made.status, 0) << made.err;
  const auto link = [&](const char* name) {
    return std::filesystem::read_symlink(host.below(std::string("/dev/char/") + name)).string();
  };
  EXPECT_EQ(link("195:255"), "/dev/nvidiactl");
  EXPECT_EQ(link("195:1"), "/dev/nvidia1");
  EXPECT_EQ(link("511:0"), "/dev/nvidia-uvm");
  EXPECT_EQ(link("239:1"), "/dev/nvidia-caps/nvidia-cap1");
}

TEST(NvidiaCtk, ALinkThatIsRightIsNoErrorAndAnotherThingStays) {
  const test::FakeHost fake = test::host_with_one_gpu();
  const auto& host = fake.tree();
  host.link("/dev/char/195:255", "/dev/nvidiactl");
  host.write("/dev/char/195:254", "something");
  const std::vector<std::string> words{"system", "create-dev-char-symlinks", "--create-all"};
  const Ended ended = run(host, words);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, Not(HasSubstr("195:255")));
  EXPECT_THAT(ended.err, HasSubstr("level=warning msg=\"no link 195:254"));
  EXPECT_EQ(host.read("/dev/char/195:254"), "something");
  EXPECT_THAT(run(host, {"--debug", "system", "create-dev-char-symlinks", "--create-all"}).err,
              HasSubstr("level=debug msg=\"is there: link 195:255"));
}

TEST(NvidiaCtk, LinksGoToAnotherDirectoryAndWatchIsRefused) {
  const test::FakeHost fake = test::host_with_one_gpu();
  const Ended ended = run(fake.tree(), {"system", "create-dev-char-symlinks", "--create-all",
                                        "--dev-char-path=/links", "--driver-root=/proc"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(std::filesystem::read_symlink(fake.tree().below("/links/195:0")), "/proc/dev/nvidia0");
  const Ended watch = run(fake.tree(), {"system", "create-dev-char-symlinks", "--watch"});
  EXPECT_EQ(watch.status, 1);
  EXPECT_THAT(watch.err, HasSubstr("udev"));
}

TEST(NvidiaCtk, EveryVariableThatIsRead) {
  EXPECT_THAT(ctk_variables(),
              AllOf(Contains("NVIDIA_CTK_CDI_OUTPUT_FILE_PATH"), Contains("NVIDIA_CTK_DEBUG"),
                    Contains("DRY_RUN"), Contains("NVIDIA_DRIVER_ROOT")));
}

TEST(CtkLog, AMessageIsOneLineWithItsQuotesEscaped) {
  EXPECT_EQ(to_log_text({CtkLevel::warning, "a \"b\"\\\n"}),
            "level=warning msg=\"a \\\"b\\\"\\\\\\\\x0a\"");
}

TEST(CtkLog, LinesForPeopleGetALevel) {
  std::ostringstream err;
  CtkLog(err, CtkLevel::info).write_lines("done\nwarning: odd\nmissing: docker\n\n");
  EXPECT_THAT(err.str(), AllOf(HasSubstr("level=info msg=\"done\"\n"),
                               HasSubstr("level=warning msg=\"odd\"\n"),
                               HasSubstr("level=warning msg=\"missing: docker\"\n")));
}

}  // namespace
}  // namespace nvhook
