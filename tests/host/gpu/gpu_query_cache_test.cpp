// SPDX-License-Identifier: Apache-2.0
// The cached answer of the probe: used if it is root's and the key is the same, else ignored.
#include "host/gpu/gpu_query_cache.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/probe_fixture.hpp"

namespace nvhook {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::SizeIs;

namespace fs = std::filesystem;

class GpuQueryCached : public ProbeFixture {
 protected:
  void SetUp() override {
    if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
    use_fake("answer");
    first_ = query_gpus(query_);
  }

  [[nodiscard]] std::string file() const { return query_.cache_directory + "/gpus.json"; }

  /// From now on only the cache can answer.
  void remove_probe() { query_.probe = directory_ + "/none"; }

  void replace_in_file(const std::string& piece, const std::string& by) const {
    std::string text = read_file(file());
    const auto at = text.find(piece);
    ASSERT_NE(at, std::string::npos) << text;
    write_file(file(), text.replace(at, piece.size(), by));
  }

  DriverDetails first_;
};

auto note_with(const std::string& text) { return Contains(Field(&Note::text, HasSubstr(text))); }

TEST_F(GpuQueryCached, AnswersWithoutAProbe) {
  remove_probe();
  const DriverDetails second = query_gpus(query_);
  EXPECT_EQ(second.gpus, first_.gpus);
  EXPECT_EQ(second.cuda, first_.cuda);
  EXPECT_THAT(second.notes, ElementsAre(info("GPU facts taken from the cache")));
}

TEST_F(GpuQueryCached, SaysWhenItAskedTheDriver) {
  EXPECT_THAT(first_.notes, note_with("asked NVML: "));
}

TEST_F(GpuQueryCached, KeepsAFileThatOnlyRootReads) {
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms{0600});
  EXPECT_EQ(fs::status(query_.cache_directory).permissions(), fs::perms{0755});
  EXPECT_THAT(std::vector(fs::directory_iterator(query_.cache_directory), {}), SizeIs(1));
}

TEST_F(GpuQueryCached, AsksAgainForAnotherDriver) {
  query_.driver = Version::parse("550.54.15").value();
  EXPECT_THAT(query_gpus(query_).notes,
              note_with("is not about this boot, driver, GPUs and MIG devices"));
  remove_probe();
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
}

TEST_F(GpuQueryCached, AsksAgainForAnotherSetOfGpus) {
  query_.pci_addresses.emplace_back("0000:0f:00.0");
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, AsksAgainForOtherMigDevices) {
  query_.mig_devices = {"gpu0/gi7/ci0", "gpu0/gi9/ci0"};
  EXPECT_THAT(query_gpus(query_).notes, note_with("asked NVML: "));
  EXPECT_THAT(query_gpus(query_).notes, note_with("taken from the cache"));
  query_.mig_devices.pop_back();
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, AsksAnewWhenTheAnswerWasNotGoodEnough) {
  EXPECT_TRUE(query_gpus(query_).from_cache);
  query_.bypass_cache = true;
  EXPECT_FALSE(query_gpus(query_).from_cache);
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, KeepsMigDevices) {
  use_library(NVML_MOCK);
  configure_mock("mig=0000:07:00.0 2 7 1 MIG-12345678-0002\n");
  const DriverDetails asked = query_gpus(query_);
  remove_probe();
  const DriverDetails kept = query_gpus(query_);
  EXPECT_EQ(kept.driver, asked.driver);
  EXPECT_EQ(kept.gpus, asked.gpus);
  EXPECT_THAT(kept.gpus.front().mig, SizeIs(1));
}

TEST_F(GpuQueryCached, IsNotKeptIfAMigDeviceCouldNotBeAsked) {
  fs::remove(file());
  use_library(NVML_MOCK);
  configure_mock("mig=0000:07:00.0 0 7 0 MIG-12345678-0000\nbroken-mig=0000:07:00.0 0\n");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(8));
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, AsksAgainForAnotherLibrary) {
  write_file(query_.driver_root + query_.nvml_library, "another");
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, IsNotKeptIfAGpuCouldNotBeAsked) {
  fs::remove(file());
  use_library(NVML_MOCK);
  configure_mock("broken=0000:4e:00.0\n");
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(7));
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

TEST_F(GpuQueryCached, IsNotKeptForAnOrdinaryUser) {
  const uid_t user = 12345;
  if (::seteuid(user) != 0) GTEST_SKIP() << "needs the host's root, who can become somebody else";
  Notes notes;
  const bool opened = open_gpu_query_cache(query_, notes).has_value();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_FALSE(opened);
  EXPECT_THAT(notes, ElementsAre(info("not cached: only root has a place for it")));
}

/// A cache that was damaged: how, and the note about it.
struct Spoilt {
  const char* name = nullptr;
  void (*spoil)(const std::string& directory) = nullptr;
  const char* note = nullptr;
};

void chown_to_somebody(const std::string& path) {
  // In a user namespace with one user there is no other owner.
  if (::fchownat(AT_FDCWD, path.c_str(), 12345, 12345, AT_SYMLINK_NOFOLLOW) != 0) {
    GTEST_SKIP() << "needs the host's root, who can give files away";
  }
}

void replace_by_link(const std::string& path) {
  fs::rename(path, path + ".moved");
  fs::create_symlink(path + ".moved", path);
}

const std::vector<Spoilt>& spoilt_caches() {
  static const std::vector<Spoilt> kCaches{
      {"ByAnotherBoot",
       [](const std::string& directory) {
         std::string text = read_file(directory + "/gpus.json");
         std::string boot = read_file("/proc/sys/kernel/random/boot_id");
         boot.pop_back();
         char& digit = text.at(text.find(boot));
         digit = digit == '0' ? '1' : '0';
         write_file(directory + "/gpus.json", text);
       },
       "is not about this boot"},
      {"ByGarbage",
       [](const std::string& directory) { write_file(directory + "/gpus.json", "garbage"); },
       "is not about this boot"},
      {"ByTruncation",
       [](const std::string& directory) { fs::resize_file(directory + "/gpus.json", 100); },
       "is not about this boot"},
      {"ByItsSize",
       [](const std::string& directory) { fs::resize_file(directory + "/gpus.json", 2UL << 20U); },
       "File too large"},
      {"ByAForeignOwner",
       [](const std::string& directory) { chown_to_somebody(directory + "/gpus.json"); },
       "belongs to user 12345"},
      {"ByGroupWriteAccess",
       [](const std::string& directory) {
         fs::permissions(directory + "/gpus.json", fs::perms{0620});
       },
       "is writable by group or others"},
      {"ByWorldWriteAccess",
       [](const std::string& directory) {
         fs::permissions(directory + "/gpus.json", fs::perms{0602});
       },
       "is writable by group or others"},
      {"ByALink", [](const std::string& directory) { replace_by_link(directory + "/gpus.json"); },
       "Too many levels of symbolic links"},
      {"ByAFifo",
       [](const std::string& directory) {
         fs::remove(directory + "/gpus.json");
         ASSERT_EQ(::mkfifoat(AT_FDCWD, (directory + "/gpus.json").c_str(), 0600), 0);
       },
       "is no regular file"},
      {"ByADirectory",
       [](const std::string& directory) {
         fs::remove(directory + "/gpus.json");
         fs::create_directory(directory + "/gpus.json");
       },
       "is no regular file"},
      {"ByItsDirectorysOwner", &chown_to_somebody, "belongs to user 12345"},
      {"ByItsDirectorysMode",
       [](const std::string& directory) { fs::permissions(directory, fs::perms{0777}); },
       "is writable by group or others"},
      {"ByALinkForItsDirectory", &replace_by_link, "cannot be opened"},
  };
  return kCaches;
}

class SpoiltCache : public GpuQueryCached, public ::testing::WithParamInterface<Spoilt> {};

TEST_P(SpoiltCache, IsIgnored) {
  GetParam().spoil(query_.cache_directory);
  if (IsSkipped() || HasFatalFailure()) return;
  EXPECT_THAT(query_gpus(query_).notes, note_with(GetParam().note));
}

TEST_P(SpoiltCache, IsNotBelieved) {
  GetParam().spoil(query_.cache_directory);
  if (IsSkipped() || HasFatalFailure()) return;
  remove_probe();
  EXPECT_EQ(failure().code(), Code::probe_failed);
}

INSTANTIATE_TEST_SUITE_P(Cache, SpoiltCache, ::testing::ValuesIn(spoilt_caches()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(GpuQueryCached, ReplacesABadFile) {
  write_file(file(), "garbage");
  static_cast<void>(query_gpus(query_));
  remove_probe();
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
}

TEST_F(GpuQueryCached, ReplacesALinkAndNotWhatItPointsTo) {
  const std::string precious = directory_ + "/precious";
  write_file(precious, "precious");
  fs::remove(file());
  fs::create_symlink(precious, file());
  static_cast<void>(query_gpus(query_));
  EXPECT_EQ(read_file(precious), "precious");
  EXPECT_FALSE(fs::is_symlink(file()));
}

TEST_F(GpuQueryCached, SurvivesATemporaryFileThatWasLeft) {
  fs::remove(file());
  const std::string left = query_.cache_directory + "/.gpus.json." + std::to_string(::getpid());
  write_file(left, "left");
  static_cast<void>(query_gpus(query_));
  EXPECT_TRUE(fs::exists(left)) << "it is not ours";
  remove_probe();
  EXPECT_THAT(query_gpus(query_).gpus, SizeIs(1));
}

TEST_F(GpuQueryCached, AnswersEvenIfNothingCanBeKept) {
  query_.cache_directory = directory_ + "/no/such/parent";
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, SizeIs(1));
  EXPECT_THAT(details.notes, note_with("cannot be made: No such file or directory"));
}

}  // namespace
}  // namespace nvhook
