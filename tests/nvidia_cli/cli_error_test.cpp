// SPDX-License-Identifier: Apache-2.0
// libnvidia-container's phrases, followed by ours.
#include "nvidia_cli/cli_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::StartsWith;

struct Case {
  const char* name;
  Code code;
  const char* what;
  const char* line;
};
class CliError : public ::testing::TestWithParam<Case> {};
TEST_P(CliError, BeginsAsTheReferenceDoes) {
  const Case& row = GetParam();
  EXPECT_EQ(to_cli_line(Error(row.code, row.what, "this")), std::string(row.line) + ". Try: this.");
}
INSTANTIATE_TEST_SUITE_P(
    Known, CliError,
    ::testing::Values(
        Case{"UnknownDevice", Code::unknown_device, "`7`: unknown device; this host has GPU 0",
             "device error: 7: unknown device (NVH-0202: this host has GPU 0)"},
        Case{"NoDriver", Code::driver_not_loaded, "no file",
             "initialization error: nvml error: driver not loaded (NVH-0401: no file)"},
        Case{"OtherVersion", Code::driver_version_mismatch, "module 1, library 2",
             "initialization error: nvml error: driver/library version mismatch (NVH-0403: module "
             "1, library 2)"},
        Case{"NoLibrary", Code::driver_files_missing, "no libnvidia-ml.so below `/`",
             "initialization error: load library failed: libnvidia-ml.so.1: cannot open shared "
             "object file: no such file or directory (NVH-0402: no libnvidia-ml.so below `/`)"},
        Case{"Silence", Code::probe_failed, "ask: no answer within 10000 ms",
             "initialization error: driver rpc error: timed out (NVH-0408: ask: no answer within "
             "10000 ms)"},
        Case{"NoAccess", Code::probe_failed, "NVML: Insufficient Permissions",
             "initialization error: nvml error: insufficient permissions (NVH-0408: NVML: "
             "Insufficient Permissions)"},
        Case{"Cuda", Code::requirement_unsatisfied,
             "image needs cuda>=12.8 (--require), unsatisfied condition: cuda>=12.8; driver 550 "
             "provides CUDA 12.4",
             "requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a "
             "newer version, or use an earlier cuda container (NVH-0302: image needs cuda>=12.8 "
             "(--require), unsatisfied condition: cuda>=12.8; driver 550 provides CUDA 12.4)"},
        Case{"Brand", Code::requirement_unsatisfied, "x, unsatisfied condition: brand=Tesla; y",
             "requirement error: unsatisfied condition: brand=Tesla (NVH-0302: x, unsatisfied "
             "condition: brand=Tesla; y)"},
        Case{"Expression", Code::requirement_malformed, "invalid expression `x`",
             "requirement error: invalid expression (NVH-0301: invalid expression `x`)"},
        Case{"CompatMode", Code::invalid_request, "invalid option: cuda-compat-mode=x",
             "container error: invalid option: cuda-compat-mode=x (NVH-0204)"},
        Case{"Mig", Code::invalid_request, "cannot enable mig-config with specific devices",
             "mig-config error: cannot enable mig-config with specific devices (NVH-0204)"},
        Case{"Imex", Code::invalid_request, "error parsing IMEX info: `x`",
             "error parsing IMEX info: `x` (NVH-0204)"},
        Case{"Cgroup", Code::cgroup_denied, "write: Operation not permitted",
             "mount error: failed to add device rules (NVH-0602: write: Operation not permitted)"},
        Case{"Pid", Code::state_invalid, "invalid pid `x`",
             "input error: invalid pid `x` (NVH-0104)"},
        Case{"Rootfs", Code::rootfs_invalid, "open `/x`", "container error: open `/x` (NVH-0503)"}),
    [](const auto& row) { return row.param.name; });

TEST(CliErrorLine, IsCutAndKeepsTheRemedy) {
  const std::string line = to_cli_line(
      Error(Code::unknown_device,
            "`" + std::string(100'000, '7') + "`: unknown device; this host has none", "all"));
  EXPECT_LT(line.size(), 4096U);
  EXPECT_THAT(line, StartsWith("device error: 777"));
  EXPECT_THAT(line, ::testing::EndsWith(". Try: all."));
}

TEST(CliErrorLine, OfNoRemedyHasNone) {
  EXPECT_EQ(to_cli_line(Error(Code::mount_failed, "mount")), "mount error: mount (NVH-0506).");
}

}  // namespace
}  // namespace nvhook
