// SPDX-License-Identifier: Apache-2.0
// Tests what oci-nvidia doctor reports about files, cache entries and directories that other
// programs left on the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "command/doctor/doctor_checks.hpp"
#include "command/doctor/doctor_read.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Seen seen(const HostReport& report, std::string_view id) {
  for (const Check& check : library_checks()) {
    if (check.id == id) return check.look(report);
  }
  throw std::logic_error(std::string(id));
}

TEST(DoctorLeftovers, AHostWithoutThemIsGood) {
  EXPECT_EQ(seen({}, "leftovers").verdict, Verdict::good);
  EXPECT_EQ(seen({}, "mps").verdict, Verdict::good);
}

TEST(DoctorLeftovers, EachKindHasTheCommandThatMendsIt) {
  const auto remedy = [](LeftoversReport leftovers) {
    const Seen found = seen({.leftovers = std::move(leftovers)}, "leftovers");
    EXPECT_EQ(found.verdict, Verdict::bad);
    return found.remedy;
  };
  EXPECT_EQ(remedy({.files = {"/usr/lib/libcuda.so.1.2", "/usr/bin/nvidia-smi"}}),
            "sudo rm /usr/lib/libcuda.so.1.2 /usr/bin/nvidia-smi && sudo ldconfig");
  EXPECT_EQ(remedy({.links = {"/usr/lib/libcuda.so.1"}, .alternatives = {"nvidia", "glx"}}),
            "sudo update-alternatives --auto nvidia && sudo update-alternatives --auto glx && "
            "sudo ldconfig");
  EXPECT_EQ(remedy({.links = {"/usr/lib/libcuda.so.1"}}),
            "(sudo apt-get install --reinstall $(dpkg -S /usr/lib/libcuda.so.1 | cut -d: -f1) || "
            "sudo dnf reinstall $(rpm -qf /usr/lib/libcuda.so.1)) && sudo ldconfig");
  EXPECT_EQ(remedy({.nodes = {"/dev/nvidia2"}}),
            "sudo rm /dev/nvidia2 && sudo oci-nvidia-hook create-device-nodes");
}

TEST(DoctorLeftovers, EntriesThatNoLdconfigWroteAreWorseThanThoseThatAreMissing) {
  HostReport report{.libraries = {.cache = "/etc/ld.so.cache", .has_cache = true}};
  report.libraries.gone = {"libcuda.so.1 => /usr/lib64/libcuda.so.1"};
  EXPECT_EQ(seen(report, "loader-cache").verdict, Verdict::warning);
  report.libraries.foreign = {"libc.so.6 => /home/eva/libc.so.6"};
  const Seen found = seen(report, "loader-cache");
  EXPECT_EQ(found.verdict, Verdict::bad);
  EXPECT_THAT(found.text, HasSubstr("libc.so.6 => /home/eva/libc.so.6"));
  EXPECT_EQ(found.remedy, "sudo ldconfig");
}

TEST(DoctorLeftovers, OnlyEmptyFilesWithTheDriversNamesAreTaken) {
  const test::TemporaryDirectory host;
  host.write("/usr/lib64/libcuda.so.535.1");
  host.link("/usr/lib64/libcuda.so.1", "libcuda.so.535.1");
  host.write("/usr/lib64/libcuda.so.535.2", "library");
  host.write("/usr/lib64/libz.so.1");
  host.write("/usr/lib64/libcuda.so.$(reboot)");
  host.link("/usr/lib64/libnvidia-ml.so.1", "nowhere");
  host.write("/usr/bin/nvidia-smi");
  host.write("/usr/bin/true");
  host.write("/dev/nvidiactl");
  host.write("/dev/null");
  host.link("/etc/alternatives/nvidia--libcuda.so.1-x86_64-linux-gnu", "/usr/lib/x");
  host.link("/etc/alternatives/other--libcuda.so.10-x86_64-linux-gnu", "/usr/lib/x");
  const RootDir root = *open_root(host.path());
  const LeftoversReport found = read_leftovers(root, root);
  EXPECT_THAT(found.files, ElementsAre("/usr/lib64/libcuda.so.535.1", "/usr/bin/nvidia-smi"));
  EXPECT_THAT(found.links, ElementsAre("/usr/lib64/libcuda.so.1"));
  EXPECT_THAT(found.alternatives, ElementsAre("nvidia"));
  EXPECT_THAT(found.nodes, ElementsAre("/dev/nvidiactl"));
}

TEST(DoctorLeftovers, TheLoaderIsToldOfDirectoriesInFiles) {
  const test::TemporaryDirectory host;
  host.write("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/a/  # ours\n");
  host.write("/etc/ld.so.conf.d/b.conf", "# nothing\n/opt/b=libc5\nrelative\n/\n");
  EXPECT_THAT(loader_directories(*open_root(host.path())),
              AllOf(Contains("/usr/lib"), Contains("/opt/a"), Contains("/opt/b"),
                    Not(Contains("relative")), Not(Contains("/"))));
}

TEST(DoctorReload, NamesScopesWhoseContainersLoseTheirGpus) {
  const auto checks = host_checks();
  const auto reload = std::find_if(checks.begin(), checks.end(),
                                   [](const Check& check) { return check.id == "reload"; });
  ASSERT_NE(reload, checks.end());
  EXPECT_EQ(reload->look({}).verdict, Verdict::good);
  const Seen found = reload->look({.scopes_at_risk = {"libpod-4f.scope"}});
  EXPECT_EQ(found.verdict, Verdict::warning);
  EXPECT_THAT(found.text, HasSubstr("takes the GPUs of libpod-4f.scope"));
  EXPECT_THAT(found.remedy, HasSubstr("sudo oci-nvidia regrant --all"));
}

}  // namespace
}  // namespace nvhook
