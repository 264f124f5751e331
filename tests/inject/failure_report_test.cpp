// SPDX-License-Identifier: Apache-2.0
// Where a failure is reported, and which files stay as they are.
#include "inject/failure_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "os/own_procfs.hpp"
#include "os/user_namespace.hpp"
#include "support/datagram_socket.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using test::heard;
using test::listen_at;
using ::testing::HasSubstr;

const Failure kFailure{.code = Code::internal, .line = "NVH-0901: x", .container_id = "c"};

void report(const test::TemporaryDirectory& host) {
  const auto root = open_root(host.path().string());
  report_failure(kFailure, *root, host.path().string());
}

TEST(FailureReport, GoesToTheJournalElseToSyslog) {
  const test::TemporaryDirectory host;
  const UniqueFd syslog = listen_at(host, "/dev/devlog");
  host.link("/dev/log", "devlog");
  report(host);
  EXPECT_THAT(heard(syslog), HasSubstr("oci-nvidia-hook: NVH-0901: x"));
  const UniqueFd journal = listen_at(host, "/run/systemd/journal/socket");
  report(host);
  EXPECT_THAT(heard(journal), HasSubstr("MESSAGE=NVH-0901: x\n"));
  EXPECT_EQ(heard(syslog), "");
}

TEST(FailureReport, FindsItsWayByOurOwnProcfsWhereverWeAre) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    const test::TemporaryDirectory host;
    const UniqueFd journal = listen_at(host, "/run/systemd/journal/socket");
    test::require(own_procfs() >= 0, "open /proc");
    // As in the mount namespace of a container.
    test::require(::mount("tmpfs", "/proc", "tmpfs", 0, nullptr) == 0, "hide /proc");
    report(host);
    EXPECT_THAT(heard(journal), HasSubstr("MESSAGE=NVH-0901: x\n"));
    return std::string();
  });
}

TEST(FailureReport, LeavesWhatIsInTheWayOfTheRecordAlone) {
  const test::TemporaryDirectory host;
  const std::string directory = is_real_root() ? "/run/oci-nvidia-hook/" : "/oci-nvidia-hook/";
  const std::string left = directory + ".last-failure." + std::to_string(::getpid());
  host.write(left, "another's");
  report(host);
  EXPECT_EQ(host.read(left), "another's");
  EXPECT_THAT(host.read(directory + "last-failure"), HasSubstr("message: NVH-0901: x"));
}

}  // namespace
}  // namespace nvhook
