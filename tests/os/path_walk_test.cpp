// SPDX-License-Identifier: Apache-2.0
// Tests walk_path against openat2 on random trees, and during concurrent renames.
#include "os/path_walk.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <random>
#include <set>
#include <sstream>

#include "os/mount_id.hpp"
#include "os/refused_calls.hpp"
#include "os/syscalls.hpp"
#include "support/private_namespaces.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using namespace test;

constexpr std::array<std::uint64_t, 7> kResolves = {
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    RESOLVE_IN_ROOT,
    RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
    RESOLVE_BENEATH,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
};
constexpr std::array<int, 8> kFlags = {
    O_PATH,
    O_PATH | O_NOFOLLOW,
    O_PATH | O_DIRECTORY,
    O_PATH | O_DIRECTORY | O_NOFOLLOW,
    O_RDONLY | O_NONBLOCK,
    O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
    O_RDONLY | O_DIRECTORY,
    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW,
};

UniqueFd by_kernel(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? 0600 : 0;
  how.resolve = resolve;
  UniqueFd fd;
  // Any rename on this machine causes EAGAIN. The kernel also counts links twice if it restarts the
  // walk for another reason.
  int loops = 0;
  do {
    fd = UniqueFd(
        static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how)));
  } while (!fd && (errno == EAGAIN || (errno == ELOOP && ++loops < 8)));
  return fd;
}

UniqueFd by_walk(int directory, const std::string& path, int flags, std::uint64_t resolve) {
  return walk_path(directory, path.c_str(), static_cast<std::uint64_t>(flags), resolve,
                   (flags & O_CREAT) != 0 ? 0600 : 0);
}

/// Describes what was opened, or the error. A file that was made is removed again and described by
/// its name.
std::string outcome(const UniqueFd& fd, int flags) {
  if (!fd) return "errno " + std::to_string(errno) + " " + errno_text(errno);
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  if ((flags & O_CREAT) != 0) {
    const std::string name = std::filesystem::read_symlink(link);
    ::unlink(name.c_str());
    return "made " + name;
  }
  struct stat status {};
  ::fstat(fd.get(), &status);
  constexpr int kMode = O_ACCMODE | O_PATH | O_NONBLOCK;
  std::ostringstream text;
  text << status.st_dev << ':' << status.st_ino << " on mount " << mount_id_of(fd.get())
       << ", flags " << (::fcntl(fd.get(), F_GETFL) & kMode) << ", exec "
       << ::fcntl(fd.get(), F_GETFD);
  return text.str();
}

class RandomTree {
 public:
  explicit RandomTree(unsigned seed) : random_(seed) { fill("", 3); }

  [[nodiscard]] std::string root() const { return tree_.path().string(); }

  std::string path() {
    std::string path = pick(6) == 0 ? "/" : "";
    for (std::size_t left = 1 + pick(6); left > 0; --left) {
      path += component();
      if (left > 1 || pick(5) == 0) path += pick(8) == 0 ? "//" : "/";
    }
    return path;
  }

 private:
  std::size_t pick(std::size_t count) {
    return std::uniform_int_distribution<std::size_t>(0, count - 1)(random_);
  }
  std::string component() {
    static const std::array<const char*, 12> names = {"a", "b", "c",  "d",  "e", "a",
                                                      "b", ".", "..", "..", "f", "g"};
    return names.at(pick(names.size()));
  }
  void fill(const std::string& directory, int depth) {
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
      const std::string path = directory + "/" + name;
      const std::size_t kind = pick(10);
      if (kind < 4 && depth > 0) {
        tree_.directory(path);
        fill(path, depth - 1);
      } else if (kind < 6) {
        tree_.write(path, path);
      } else if (kind == 6) {
        ::mkfifo(tree_.below(path).c_str(), 0600);
      } else if (kind < 10 && pick(8) != 0) {
        tree_.link(path, this->path());
      }
    }
  }

  TemporaryDirectory tree_ = {};
  std::mt19937 random_;
};

/// Compares the results for `path` with all flags and restrictions.
void compare(int root, const std::string& path) {
  for (const std::uint64_t resolve : kResolves) {
    for (const int flags : kFlags) {
      // For a file that exists on another mount the walk fails with EEXIST, openat2 with EXDEV.
      if ((flags & O_CREAT) != 0 && (resolve & RESOLVE_NO_XDEV) != 0) continue;
      const std::string wanted = outcome(by_kernel(root, path, flags, resolve), flags);
      const std::string seen = outcome(by_walk(root, path, flags, resolve), flags);
      ASSERT_EQ(seen, wanted) << "`" << path << "` flags " << std::oct << flags << " resolve "
                              << std::hex << resolve;
    }
  }
}

UniqueFd open_directory(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

class PathWalk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (is_openat2_refused()) GTEST_SKIP() << "there is no openat2 to compare with";
  }
};

TEST_F(PathWalk, FindsInRandomTreesWhatOpenat2Finds) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomTree tree(seed);
    const UniqueFd root = open_directory(tree.root());
    for (int count = 0; count < 60; ++count) {
      compare(root.get(), tree.path());
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(PathWalk, AgreesWithOpenat2OnOddPaths) {
  const TemporaryDirectory tree;
  tree.write("/file");
  tree.write("/deep/er/file");
  tree.link("/to_file", "file");
  tree.link("/to_directory", "deep/");
  tree.link("/to_both", "to_directory/er");
  tree.link("/to_file_as_directory", "file/");
  tree.link("/absolute", "/deep/er");
  tree.link("/host", "/etc/hostname");
  tree.link("/up", "../../../../../../deep");
  tree.link("/root", "/");
  tree.link("/dots", "..");
  tree.link("/loop", "loop");
  tree.link("/dangling", "nothing");
  tree.link("/chain0", "file");
  for (int link = 1; link <= 41; ++link) {
    tree.link("/chain" + std::to_string(link), "chain" + std::to_string(link - 1));
  }
  const std::string long_name(255, 'n');
  const UniqueFd root = open_directory(tree.path().string());
  for (const std::string name : {"file",
                                 "to_file",
                                 "to_directory",
                                 "to_both",
                                 "to_file_as_directory",
                                 "absolute",
                                 "host",
                                 "up",
                                 "root",
                                 "dots",
                                 "loop",
                                 "dangling",
                                 "chain38",
                                 "chain39",
                                 "chain40",
                                 "deep/er/../..",
                                 "absolute/../er",
                                 "file/..",
                                 "up/..",
                                 "..",
                                 "../..",
                                 ".",
                                 "/",
                                 "//",
                                 "/./",
                                 "/.."}) {
    for (const std::string& path :
         {name, name + "/", name + "/.", name + "/..", "./" + name, "/" + name, "deep/../" + name,
          name + "/file", name + "/er", "../" + name, name + "//"}) {
      compare(root.get(), path);
    }
  }
  for (const std::string& path :
       {std::string(), long_name, long_name + "n", long_name + "n/file", std::string(4095, 'p'),
        std::string(4096, 'p'), std::string(4095, '/'), std::string(4096, '/')}) {
    compare(root.get(), path);
  }
}

TEST_F(PathWalk, AgreesWithOpenat2OnMountsAndProcfs) {
  in_private_namespaces([] {
    const TemporaryDirectory tree;
    tree.directory("/volume");
    tree.directory("/proc");
    tree.link("/to_volume", "volume/inside");
    tree.link("/to_root", "proc/self/root");
    tree.write("/over");
    const std::string root_path = tree.path().string();
    ASSERT_EQ(::mount("none", (root_path + "/volume").c_str(), "tmpfs", 0, nullptr), 0);
    tree.write("/volume/inside/file");
    tree.link("/volume/out", "../over");
    ASSERT_EQ(::mount((root_path + "/volume/inside/file").c_str(), (root_path + "/over").c_str(),
                      nullptr, MS_BIND, nullptr),
              0);
    ASSERT_EQ(::mount("none", (root_path + "/proc").c_str(), "proc", 0, nullptr), 0);
    const UniqueFd root = open_directory(root_path);
    for (const std::string name :
         {"volume", "volume/inside/file", "volume/out", "to_volume", "volume/..",
          "volume/inside/../..", "over", "proc", "proc/self", "proc/self/status", "proc/self/root",
          "proc/self/root/etc", "proc/self/exe", "proc/self/fd/1", "to_root", "proc/mounts",
          "proc/self/ns/mnt", "proc/self/fd/99"}) {
      compare(root.get(), name);
      compare(root.get(), std::string(name) + "/");
    }
  });
}

TEST_F(PathWalk, FollowsNoStrangersLinkInADirectoryThatAnybodyCanWriteTo) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a link to somebody else";
  const TemporaryDirectory tree;
  tree.write("/file");
  tree.link("/tmp/own", "/file");
  tree.link("/tmp/strangers", "/file");
  ::chmod(tree.below("/tmp").c_str(), 01777);
  ASSERT_EQ(::lchown(tree.below("/tmp/strangers").c_str(), 1234, 1234), 0);
  const UniqueFd root = open_directory(tree.path().string());
  EXPECT_TRUE(by_walk(root.get(), "tmp/own", O_PATH, RESOLVE_IN_ROOT));
  EXPECT_FALSE(by_walk(root.get(), "tmp/strangers", O_PATH, RESOLVE_IN_ROOT));
  EXPECT_EQ(errno, EACCES);
}

/// Runs `swap` again and again in another process.
class Racer {
 public:
  explicit Racer(const std::function<void()>& swap) : child_(::fork()) {
    if (child_ != 0) return;
    while (true) swap();
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;
  Racer(Racer&&) = delete;
  Racer& operator=(Racer&&) = delete;
  ~Racer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }

 private:
  pid_t child_;
};

/// Opens `path` below /root many times while two names are exchanged; returns what was found there.
std::set<std::string> found_meanwhile(const TemporaryDirectory& tree, const std::string& path,
                                      const std::string& one, const std::string& other) {
  const std::string a = tree.below(one);
  const std::string b = tree.below(other);
  const Racer racer(
      [&] { ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE); });
  const UniqueFd root = open_directory(tree.below("/root"));
  std::set<std::string> found;
  for (int count = 0; count < 30000; ++count) {
    const UniqueFd fd =
        by_walk(root.get(), path, O_RDONLY | O_NONBLOCK, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    std::array<char, 64> text{};
    const ssize_t length = fd ? ::read(fd.get(), text.data(), text.size()) : -1;
    if (length > 0) found.emplace(text.data(), static_cast<std::size_t>(length));
  }
  return found;
}

TEST_F(PathWalk, NeverLeavesTheRootWhileNamesAreSwapped) {
  const TemporaryDirectory tree;
  tree.write("/outside/file", "of the host");
  tree.write("/root/dir/file", "of the image");
  tree.link("/root/link", tree.below("/outside").string());
  tree.write("/root/plain", "of the image");
  tree.link("/root/to_host", tree.below("/outside/file").string());
  const std::set<std::string> only_the_images = {"of the image"};
  EXPECT_EQ(found_meanwhile(tree, "dir/file", "/root/dir", "/root/link"), only_the_images);
  EXPECT_EQ(found_meanwhile(tree, "plain", "/root/plain", "/root/to_host"), only_the_images);
}

TEST_F(PathWalk, GoesBackToWhereItCameFromWhenADirectoryIsMovedOutOfTheRoot) {
  const TemporaryDirectory tree;
  tree.write("/file", "of the host");
  tree.directory("/outside/moved");
  tree.directory("/root/dir/moved");
  tree.write("/root/file", "of the image");
  const std::set<std::string> only_the_images = {"of the image"};
  EXPECT_EQ(found_meanwhile(tree, "dir/moved/../../file", "/root/dir/moved", "/outside/moved"),
            only_the_images);
}

}  // namespace
}  // namespace nvhook
