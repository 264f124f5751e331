// SPDX-License-Identifier: Apache-2.0
// The host cache is used as long as the host is unchanged, and not longer.
#include "host/cache/host_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <memory>

#include "host/host_probe.hpp"
#include "support/become_root.hpp"
#include "support/fake_host.hpp"

namespace nvhook {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Matcher;
using ::testing::Not;

namespace fs = std::filesystem;

const std::string kLibraries = test::for_this_machine("/usr/lib/x86_64-linux-gnu/");
const Request kRequest{.capabilities = {Capability::compute, Capability::utility}};

Matcher<Notes> tells(const std::string& text) {
  return Contains(Field(&Note::text, HasSubstr(text)));
}
const std::string kFromMemory = "those of the last reading";

/// A host in the layout of Debian's alternatives, and its cache.
struct Host {
  Host() {
    files.gpu("0000:07:00.0", 0, "GPU-a").gpu("0000:0f:00.0", 1, "GPU-b");
    files.file(kLibraries + "nvidia/current/libnvidia-ml.so.999.88.77", "libnvidia-ml.so.1");
    files.library(kLibraries + "libcuda.so.999.88.77", "libcuda.so.1");
    tree().link("/etc/alternatives/nvidia--ml",
                kLibraries + "nvidia/current/libnvidia-ml.so.999.88.77");
    tree().link(kLibraries + "libnvidia-ml.so.1", "/etc/alternatives/nvidia--ml");
    files.listed("libnvidia-ml.so.1", kLibraries + "libnvidia-ml.so.1");
    tree().write("/usr/bin/nvidia-smi");
    tree().directory("/usr/local/bin");
    tree().directory("/opt");
    memory.directory("/run");
  }

  [[nodiscard]] const test::TemporaryDirectory& tree() const { return files.tree(); }
  [[nodiscard]] std::string directory() const { return memory.path() / "run"; }
  [[nodiscard]] fs::path kept() const { return memory.path() / "run/host.compute,utility"; }

  [[nodiscard]] Inventory probe(bool with_cache = true) const {
    const auto root = open_root(tree().path());
    return probe_host(
        {.system = *root, .driver = *root, .cache_directory = with_cache ? directory() : ""},
        kRequest);
  }

  test::FakeHost files;
  test::TemporaryDirectory memory;
};

/// A later change might be invisible before that: directories are trusted when they are two seconds
/// old.
void let_settle() { ::usleep(3'200'000); }

Inventory without_notes(Inventory inventory) {
  inventory.notes.clear();
  return inventory;
}

struct Change {
  std::string what;
  std::function<void(Host&)> make;
};

const std::vector<Change>& changes() {
  static const std::vector<Change> all{
      {"a library is added",
       [](Host& host) {
         host.tree().write(kLibraries + "libnvidia-opencl.so.999.88.77",
                           host.tree().read(kLibraries + "libcuda.so.999.88.77"));
       }},
      {"a library is removed",
       [](Host& host) { fs::remove(host.tree().below(kLibraries + "libcuda.so.999.88.77")); }},
      {"a library is written over",
       [](Host& host) { host.tree().write(kLibraries + "libcuda.so.999.88.77", "no library"); }},
      {"an alternative is switched",
       [](Host& host) {
         host.files.file(kLibraries + "nvidia/new/libnvidia-ml.so.999.88.77", "libnvidia-ml.so.1");
         fs::remove(host.tree().below("/etc/alternatives/nvidia--ml"));
         host.tree().link("/etc/alternatives/nvidia--ml",
                          kLibraries + "nvidia/new/libnvidia-ml.so.999.88.77");
       }},
      {"a program appears in a directory that comes first",
       [](Host& host) { host.tree().write("/usr/local/bin/nvidia-smi"); }},
      {"a directory appears that was not there",
       [](Host& host) { host.tree().write("/opt/bin/nvidia-cuda-mps-control"); }},
      {"a directory gives way to a link",
       [](Host& host) {
         fs::rename(host.tree().below("/usr/bin"), host.tree().below("/usr/other"));
         host.tree().link("/usr/bin", "other");
       }},
      {"the loader cache is written anew",
       [](Host& host) {
         host.files.library("/usr/lib64/libnvidia-cfg.so.999.88.77", "libnvidia-cfg.so.1");
       }},
      {"the driver has another version",
       [](Host& host) {
         host.tree().write("/proc/driver/nvidia/version",
                           "NVRM version: NVIDIA UNIX x86_64 Kernel Module  999.88.78  Tue\n");
         host.tree().write(
             kLibraries + "libnvidia-ml.so.999.88.78",
             host.tree().read(kLibraries + "nvidia/current/libnvidia-ml.so.999.88.77"));
       }},
      {"a GPU is added", [](Host& host) { host.files.gpu("0000:47:00.0", 2, "GPU-c"); }},
      {"a GPU is gone",
       [](Host& host) {
         fs::remove_all(host.tree().below("/proc/driver/nvidia/gpus/0000:07:00.0"));
       }},
      {"a GPU has another number", [](Host& host) { host.files.gpu("0000:07:00.0", 5, "GPU-a"); }},
      {"what is kept is torn",
       [](Host& host) { fs::resize_file(host.kept(), fs::file_size(host.kept()) - 5); }},
      {"others can write what is kept",
       [](Host& host) { fs::permissions(host.kept(), fs::perms::all); }},
      {"a link is in the place of what is kept",
       [](Host& host) {
         fs::rename(host.kept(), host.kept().string() + "~");
         fs::create_symlink(host.kept().string() + "~", host.kept());
       }},
      {"others can write its directory",
       [](Host& host) { fs::permissions(host.directory(), fs::perms::all); }},
  };
  return all;
}

TEST(HostCache, EveryChangeIsNoticed) {
  if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  std::vector<std::unique_ptr<Host>> hosts;
  for (std::size_t i = 0; i < changes().size(); ++i) hosts.push_back(std::make_unique<Host>());
  let_settle();
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    SCOPED_TRACE(changes()[i].what);
    Host& host = *hosts[i];
    const Inventory first = host.probe();
    EXPECT_THAT(first.notes, Not(tells(kFromMemory)));
    const Inventory second = host.probe();
    EXPECT_THAT(second.notes, tells(kFromMemory));
    EXPECT_EQ(without_notes(second), without_notes(first));
    changes()[i].make(host);
    const Inventory third = host.probe();
    EXPECT_THAT(third.notes, Not(tells(kFromMemory)));
    EXPECT_EQ(without_notes(third), without_notes(host.probe(false)));
  }
}

TEST(HostCache, WhatMayStillChangeUnseenIsNotKept) {
  if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  const Host host;
  const Inventory inventory = host.probe();
  EXPECT_FALSE(fs::exists(host.kept()));
  EXPECT_THAT(inventory.notes, tells("changed within the last seconds"));
}

TEST(HostCache, WhatTheDriverWillTellLaterIsNotKept) {
  if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  Host unnamed;
  unnamed.files.gpu("0000:47:00.0", 2,
                    "GPU-\?\?\?\?\?\?\?\?-\?\?\?\?-\?\?\?\?-\?\?\?\?-\?\?\?\?\?\?\?\?\?\?\?\?");
  Host lost;
  lost.tree().write("/proc/driver/nvidia/gpus/0000:47:00.0/information", "");
  let_settle();
  for (const Host* host : {&unnamed, &lost}) {
    static_cast<void>(host->probe());
    EXPECT_FALSE(fs::exists(host->kept()));
  }
}

}  // namespace
}  // namespace nvhook
