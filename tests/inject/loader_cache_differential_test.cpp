// SPDX-License-Identifier: Apache-2.0
// Random loader caches, edited: our parser, the real ldconfig and the real loader must agree on
// each.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "formats/ld_cache.hpp"
#include "support/loader_root.hpp"
#include "support/make_ld_cache.hpp"

namespace nvhook::test {
namespace {

std::uint64_t setting(const char* name, std::uint64_t fallback) {
  const char* const text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

// Library directories of an image and of the driver.
const std::vector<std::string> kDirectories = {"/opt/a", "/opt/b", "/opt/c/deeper", "/opt/driver"};
constexpr std::size_t kDriver = 3;

/// Names on which sort orders differ: digits, leading zeros, signs, case, length, bytes beyond
/// ASCII. No two numbers are 2^31 apart: glibc compares by the wrapped difference, which is no
/// order then.
std::vector<std::string> library_names() {
  std::vector<std::string> names = {
      "libcuda.so.1",   "libcuda.so",           "libnvidia-ml.so.1", "lib.so",
      "libX11.so.6",    "libx11.so.6",          "lib+x.so",          "lib_x.so.1",
      "lib-x.so.1",     "lib~x.so.1",           "lib\xc3\xa4.so.1",  "libd-20240102.so.1",
      "libd-9999.so.1", "libbig.so.4294967297", "libbig.so.1",       "libbig.so.3000000000"};
  for (const char* version : {"0", "00", "01", "1", "1.2", "1.10", "2", "09", "9", "10", "010", "a",
                              "1a", "a1", "-1", "+"}) {
    names.push_back(std::string("libv.so.") + version);
  }
  for (const char* name : {"9", "10", "9x", "x9", "x264", "x26"}) {
    names.push_back(std::string("lib") + name + ".so.1");
  }
  names.push_back("lib" + std::string(150, 'l') + ".so.1");
  return names;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_);
  }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <typename T>
  const T& one_of(const std::vector<T>& items) {
    return items[below(items.size())];
  }

 private:
  std::mt19937_64 engine_;
};

/// The key by which the loader looks up a name: numbers are compared by value, in 32 bits, so that
/// `libv.so.01` finds `libv.so.1`.
std::string loader_key(const std::string& name) {
  std::string key;
  for (std::size_t at = 0; at < name.size();) {
    std::uint32_t number = 0;
    const std::size_t start = at;
    for (; at < name.size() && name[at] >= '0' && name[at] <= '9'; ++at) {
      number = number * 10 + static_cast<std::uint32_t>(name[at] - '0');
    }
    key += at == start ? std::string(1, name[at++]) : "#" + std::to_string(number);
  }
  return key;
}

/// The lines that `ldconfig -p` would print for these entries.
std::vector<std::string> lines_of(const std::vector<LdCacheEntry>& entries) {
  std::vector<std::string> lines;
  lines.reserve(entries.size());
  for (const LdCacheEntry& entry : entries) lines.push_back(entry.name + " => " + entry.path);
  return lines;
}

/// `\tlibz.so.1 (libc6,x86-64, hwcap: "x86-64-v2") => /lib/libz.so.1` without the part in brackets.
std::vector<std::string> lines_of(const std::vector<std::string>& printed) {
  std::vector<std::string> lines;
  lines.reserve(printed.size());
  for (const std::string& line : printed) {
    const std::size_t name_end = line.find(" (");
    const std::size_t path = line.find(") => ", name_end);
    lines.push_back(line.substr(1, name_end - 1) + " => " + line.substr(path + 5));
  }
  return lines;
}

class LoaderCacheDifferential : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto compiler = find_program("cc");
    const auto ldconfig = find_program("ldconfig");
    if (!compiler || !ldconfig) return;
    root_ = std::make_unique<LoaderRoot>(testing::TempDir(), *compiler, *ldconfig);
    root_->add_path_probe();
    names_ = library_names();
    for (std::size_t i = 0; i < kDirectories.size(); ++i) {
      // One object for each directory, under many names: asked by name, a loader ignores the
      // SONAME.
      root_->add_library(kDirectories[i], "object.so", static_cast<int>(i) + 1);
      for (const std::string& name : names_) {
        std::filesystem::copy_file(root_->host_path(kDirectories[i]) / "object.so",
                                   root_->host_path(kDirectories[i]) / name);
      }
    }
  }
  static void TearDownTestSuite() { root_.reset(); }

  void SetUp() override {
    if (!root_) GTEST_SKIP() << "this test needs cc and ldconfig";
  }

  LdCacheEntry random_entry() {
    const std::string& name = dice_.one_of(names_);
    LdCacheEntry entry{.flags = dice_.one_in(4) ? compat32_library_flags() : native_library_flags(),
                       .name = name,
                       .path = kDirectories[dice_.below(kDriver)] + "/" + name};
    if (dice_.one_in(8))
      entry.flags = dice_.one_of(std::vector<std::int32_t>{1, 0x0803, 0x0a03, 0x0103});
    return entry;
  }

  /// Sorted by the editor itself; below, a loader's binary search shows whether that is right.
  CacheSpec random_cache() {
    CacheSpec spec;
    const std::size_t count = dice_.one_in(5) ? dice_.below(4) : dice_.below(500);
    std::vector<LdCacheEntry> entries;
    for (std::size_t i = 0; i < count; ++i) entries.push_back(random_entry());
    spec.entries = parse_ld_cache(edit_ld_cache("", entries).bytes).value();
    spec.format = dice_.one_in(6) && count > 0 ? CacheFormat::combined : CacheFormat::modern;
    if (dice_.one_in(2)) spec.generator = "ldconfig (GNU libc) stable release version 2.36";
    if (spec.format == CacheFormat::modern && dice_.one_in(3))
      spec.hwcaps = {"x86-64-v3", "x86-64-v2"};
    if (dice_.one_in(5)) spec.flags = 0;
    if (!spec.hwcaps.empty()) {
      for (LdCacheEntry& entry : spec.entries) {
        // Levels that the loader may prefer; the number is an index into the names above.
        if (dice_.one_in(6)) entry.hwcap = (std::uint64_t{1} << 62U) | dice_.below(2);
      }
    }
    return spec;
  }

  std::vector<LdCacheEntry> random_additions() {
    std::set<std::string> chosen;
    for (std::size_t i = dice_.below(12); i > 0; --i) chosen.insert(dice_.one_of(names_));
    std::vector<LdCacheEntry> additions;
    for (const std::string& name : chosen) {
      additions.push_back({.flags = native_library_flags(),
                           .name = name,
                           .path = kDirectories[kDriver] + "/" + name});
      if (dice_.one_in(3)) {
        additions.push_back(
            {.flags = compat32_library_flags(), .name = name, .path = "/opt/driver32/" + name});
      }
    }
    return additions;
  }

  /// Returns where the loader finds each name with `cache`; nullopt if it cannot run in the root.
  std::optional<std::map<std::string, std::string>> loaded(const std::string& cache) {
    return root_->paths(cache, names_);
  }

  /// Compares what our parser, ldconfig and the loader read from an edit.
  void judge(const std::string& original, const std::vector<LdCacheEntry>& additions,
             const std::string& edited) {
    const auto entries = parse_ld_cache(edited);
    ASSERT_TRUE(entries);
    EXPECT_EQ(lines_of(root_->print(edited)), lines_of(*entries));
    const auto before = loaded(original);
    const auto after = loaded(edited);
    if (!before || !after)
      GTEST_SKIP() << "no chroot for the loader: neither root nor a user namespace";
    std::map<std::string, std::string> expected = *before;
    std::set<std::string> won;
    for (const LdCacheEntry& addition : additions) {
      const std::string key = loader_key(addition.name);
      if (addition.flags != native_library_flags() || !won.insert(key).second) continue;
      for (auto& [name, path] : expected) {
        if (loader_key(name) == key) path = addition.path;
      }
    }
    EXPECT_EQ(*after, expected);
  }

  static std::unique_ptr<LoaderRoot> root_;
  static std::vector<std::string> names_;
  std::uint64_t seed_ = setting("OCI_NVIDIA_DIFFERENTIAL_SEED", 1);
  std::size_t rounds_ = setting("OCI_NVIDIA_DIFFERENTIAL_ROUNDS", 60);
  Dice dice_{seed_};
};

std::unique_ptr<LoaderRoot> LoaderCacheDifferential::root_ = {};
std::vector<std::string> LoaderCacheDifferential::names_ = {};

TEST_F(LoaderCacheDifferential, OfCachesByHand) {
  for (std::size_t round = 0; round < rounds_ && !HasFailure() && !IsSkipped(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", round " + std::to_string(round));
    const std::string original = make_ld_cache(random_cache());
    const auto additions = random_additions();
    const LdCacheEdit edit = edit_ld_cache(original, additions);
    EXPECT_TRUE(edit.kept_existing);
    judge(original, additions, edit.bytes);
  }
}

TEST_F(LoaderCacheDifferential, OfCachesByLdconfig) {
  const std::vector<std::string> directories = {"/srv/x", "/srv/y",
                                                "/srv/x/glibc-hwcaps/x86-64-v2"};
  for (std::size_t round = 0; round < rounds_ / 4 && !HasFailure() && !IsSkipped(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", round " + std::to_string(round));
    std::filesystem::remove_all(root_->host_path("/srv"));
    for (std::size_t i = dice_.below(60); i > 0; --i) {
      const std::string& directory = dice_.one_of(directories);
      const auto target = root_->host_path(directory) / dice_.one_of(names_);
      std::filesystem::create_directories(target.parent_path());
      std::filesystem::copy_file(root_->host_path("/opt/a/object.so"), target,
                                 std::filesystem::copy_options::overwrite_existing);
    }
    const auto original = root_->ldconfig({"/srv/y", "/srv/x"}, dice_.one_in(3) ? "compat" : "new");
    if (!original) GTEST_SKIP() << "no chroot for ldconfig: neither root nor a user namespace";
    const auto additions = random_additions();
    const LdCacheEdit edit = edit_ld_cache(*original, additions);
    EXPECT_TRUE(edit.kept_existing);
    EXPECT_EQ(lines_of(root_->print(*original)), lines_of(*parse_ld_cache(*original)));
    judge(*original, additions, edit.bytes);
  }
}

// The usable part of a damaged cache is kept; what is written is always valid.
TEST_F(LoaderCacheDifferential, OfDamagedCaches) {
  for (std::size_t round = 0; round < rounds_ * 2 && !HasFailure(); ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed_) + ", round " + std::to_string(round));
    std::string bytes = make_ld_cache(random_cache());
    for (std::size_t i = dice_.below(8) + 1; i > 0; --i) {
      // Damage matters most in the header and the first entries.
      const std::size_t at =
          dice_.below(dice_.one_in(2) ? std::min<std::size_t>(bytes.size(), 200) : bytes.size());
      bytes[at] = static_cast<char>(dice_.below(256));
    }
    if (dice_.one_in(4)) bytes.resize(dice_.below(bytes.size()));
    const auto additions = random_additions();
    const std::string edited = edit_ld_cache(bytes, additions).bytes;
    const auto entries = parse_ld_cache(edited);
    ASSERT_TRUE(entries);
    const Outcome printed = root_->print_outcome(edited);
    EXPECT_EQ(printed.status, 0) << printed.output;
    EXPECT_TRUE(printed.output.starts_with(std::to_string(entries->size()) + " libs found"))
        << printed.output;
  }
}

}  // namespace
}  // namespace nvhook::test
