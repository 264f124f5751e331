// SPDX-License-Identifier: Apache-2.0
// Copies of device filters that a runtime pinned, in a bpffs of the test.
#include "cgroup/systemd/pinned_filter.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <functional>

#include "cgroup/systemd/scope_drop_in.hpp"
#include "support/restricted_cgroup.hpp"
#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kScope = "crun-a.scope";
const std::string kTheirs = "/sys/fs/bpf/crun/crun-a_scope";
const std::string kOurs = "/sys/fs/bpf/oci-nvidia-hook/crun-a+scope";

/// A host with a bpffs, in which a runtime has pinned a filter.
class Host {
 public:
  Host() {
    directory_.directory("/sys/fs/bpf");
    if (::mount("bpf", below("/sys/fs/bpf").c_str(), "bpf", 0, nullptr) != 0) {
      throw NotPossibleHere(std::string("bpffs cannot be mounted: ") + std::strerror(errno));
    }
    directory_.directory("/sys/fs/bpf/crun");
    pin(runtime_filter(kNull), "crun-a_scope");
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  Host(Host&&) = delete;
  Host& operator=(Host&&) = delete;
  ~Host() { ::umount2(below("/sys/fs/bpf").c_str(), MNT_DETACH); }

  [[nodiscard]] std::string below(const std::string& path) const {
    return directory_.below(path).string();
  }
  [[nodiscard]] RootDir root() const { return *open_root(directory_.path().string()); }

  void pin(const BpfProgram& program, const char* name) const {
    const bpf::Loaded loaded = bpf::load_device_filter(program);
    if (!loaded.program) throw NotPossibleHere("bpf(2) is refused: " + loaded.reason);
    const UniqueFd directory(
        ::open(below("/sys/fs/bpf/crun").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    require(bpf::pin(loaded.program.get(), directory.get(), name) == 0, "pin a filter");
  }

  /// The instructions of the program that is pinned as `path`; none if there is no such file.
  [[nodiscard]] BpfProgram pinned(const std::string& path) const {
    const UniqueFd file(::open(below(path).c_str(), O_PATH | O_CLOEXEC));
    const UniqueFd program = file ? bpf::open_pinned(file.get()) : UniqueFd();
    return program ? bpf::instructions_of(program.get()).value() : BpfProgram();
  }

  [[nodiscard]] bool has(const std::string& path) const {
    return std::filesystem::exists(below(path));
  }

  [[nodiscard]] const TemporaryDirectory& directory() const { return directory_; }

 private:
  TemporaryDirectory directory_;
};

void on_a_host(const std::function<void(const Host&)>& test) {
  in_private_namespaces([&] { test(Host()); });
}

TEST(PinnedFilter, IsTheRuntimesWithOurDevices) {
  on_a_host([](const Host& host) {
    PinnedFilter filter(host.root(), kScope, kTheirs);
    filter.pin({kRandom});
    EXPECT_EQ(filter.path(), kOurs);
    EXPECT_EQ(host.pinned(kOurs), prepend_device_rules(runtime_filter(kNull), {kRandom}));
  });
}

TEST(PinnedFilter, GrantsWhatItWasPinnedWith) {
  on_a_host([](const Host& host) {
    PinnedFilter filter(host.root(), kScope, kTheirs);
    EXPECT_FALSE(filter.grants({kRandom})) << "nothing is pinned";
    filter.pin({kRandom});
    EXPECT_TRUE(PinnedFilter(host.root(), kScope, kTheirs).grants({kRandom}));
    EXPECT_FALSE(filter.grants({kRandom, kUrandom}));
  });
}

// `crun update` compares it with the filter that it would make.
TEST(PinnedFilter, LeavesTheRuntimesAsItIs) {
  on_a_host([](const Host& host) {
    PinnedFilter(host.root(), kScope, kTheirs).pin({kRandom});
    EXPECT_EQ(host.pinned(kTheirs), runtime_filter(kNull));
  });
}

TEST(PinnedFilter, ReplacesAnEarlierOne) {
  on_a_host([](const Host& host) {
    PinnedFilter(host.root(), kScope, kTheirs).pin({kZero});
    PinnedFilter(host.root(), kScope, kTheirs).pin({kRandom});
    EXPECT_EQ(host.pinned(kOurs), prepend_device_rules(runtime_filter(kNull), {kRandom}));
  });
}

TEST(PinnedFilter, GoesWhenItIsUnpinned) {
  on_a_host([](const Host& host) {
    PinnedFilter filter(host.root(), kScope, kTheirs);
    filter.unpin();
    filter.pin({kRandom});
    filter.unpin();
    EXPECT_FALSE(host.has(kOurs));
    EXPECT_TRUE(host.has(kTheirs));
  });
}

TEST(PinnedFilter, OthersCannotSeeItsDirectory) {
  on_a_host([](const Host& host) {
    PinnedFilter(host.root(), kScope, kTheirs).pin({kRandom});
    struct stat status {};
    ASSERT_EQ(::stat(host.below(kPinDirectory).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U);
  });
}

std::string failure(const RootDir& system, const std::string& path) {
  try {
    PinnedFilter(system, kScope, path).pin({kRandom});
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::device_filter_failed);
    return error.what();
  }
  return {};
}

TEST(PinnedFilter, NeedsTheRuntimesFile) {
  on_a_host([](const Host& host) {
    EXPECT_THAT(failure(host.root(), "/sys/fs/bpf/crun/other"),
                HasSubstr("open the pinned device filter `/sys/fs/bpf/crun/other`: No such file"));
    EXPECT_FALSE(host.has(kPinDirectory));
  });
}

TEST(PinnedFilter, TakesNoFileOutsideOfBpffs) {
  on_a_host([](const Host& host) {
    host.directory().write("/tmp/filter", "as it was");
    EXPECT_THAT(failure(host.root(), "/tmp/filter"),
                HasSubstr("open the pinned device filter `/tmp/filter`"));
  });
}

TEST(PinnedFilter, NeedsABpffs) {
  const TemporaryDirectory host;
  host.write(kTheirs, "no program");
  EXPECT_THAT(failure(*open_root(host.path().string()), kTheirs),
              HasSubstr("open the pinned device filter"));
}

TEST(StalePins, GoWhereTheScopeIsGone) {
  on_a_host([](const Host& host) {
    host.directory().write(kTransientUnits + ("/" + kScope), "[Scope]\n");
    PinnedFilter(host.root(), kScope, kTheirs).pin({kRandom});
    PinnedFilter(host.root(), "crun-gone.scope", kTheirs).pin({kRandom});
    EXPECT_THAT(remove_stale_pins(host.root()), ElementsAre("crun-gone+scope"));
    EXPECT_TRUE(host.has(kOurs));
    EXPECT_TRUE(host.has(kTheirs));
  });
}

TEST(StalePins, AreNoneWithoutADirectory) {
  const TemporaryDirectory host;
  EXPECT_THAT(remove_stale_pins(*open_root(host.path().string())), IsEmpty());
}

}  // namespace
}  // namespace nvhook
