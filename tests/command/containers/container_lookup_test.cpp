// SPDX-License-Identifier: Apache-2.0
// Tests which container a word names if unprivileged users have records, too, and which of their
// files are read.
#include "command/containers/container_lookup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "command/containers/record_reader.hpp"
#include "support/fails_with.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kMebibyte = std::size_t{1} << 20U;

class ContainerLookup : public testing::Test {
 protected:
  /// Adds a container of root's runc.
  void add_roots(const std::string& id) const {
    host_.write("/run/runc/" + id + "/state.json", R"({"config":{"labels":["bundle=/roots"]}})");
  }
  /// Adds a container that is recorded as one of a user's crun.
  void add_users(const std::string& user, const std::string& id) const {
    host_.write("/run/user/" + user + "/crun/" + id + "/status", R"({"bundle":"/users"})");
  }
  [[nodiscard]] ContainerRecord find(const std::string& word) const {
    return find_container(word, *open_root(host_.path()), {});
  }

  test::TemporaryDirectory host_ = {};
};

TEST_F(ContainerLookup, RootsContainerIsTheOneOfItsNameWhateverUsersWrite) {
  add_roots("web");
  add_users("1000", "web");
  add_users("1000", "webserver");
  EXPECT_EQ(find("web").bundle, "/roots");
  EXPECT_EQ(find("we").bundle, "/roots");
  EXPECT_EQ(describe(find("web")), "container web (runc)");
}

TEST_F(ContainerLookup, AUsersContainerIsFoundWhereRootHasNoneAndIsSaidToBeHis) {
  add_users("1000", "web");
  EXPECT_EQ(find("web"),
            (ContainerRecord{.engine = "crun", .id = "web", .bundle = "/users", .user = "1000"}));
  EXPECT_EQ(describe(find("web")), "container web (crun of user 1000)");
}

TEST_F(ContainerLookup, AUsersContainerIsNamedWithItsUser) {
  add_roots("web");
  add_users("1000", "web");
  add_users("1001", "web");
  EXPECT_EQ(find("1001:web").user, "1001");
  EXPECT_THAT([&] { static_cast<void>(find("1002:web")); },
              fails_with(Code::container_not_found, "1002:web"));
}

TEST_F(ContainerLookup, TwoUsersOfOneNameAreAmbiguous) {
  add_users("1000", "web");
  add_users("1001", "web");
  EXPECT_THAT([&] { static_cast<void>(find("web")); },
              fails_with(Code::container_not_found, "any of 2 containers"));
}

TEST_F(ContainerLookup, AllThatRunAreFound) {
  const auto record = [&](const std::string& path, int pid) {
    host_.write(path + "/status", R"({"bundle":"/b","pid":)" + std::to_string(pid) + "}");
  };
  for (const char* pid : {"7", "8"})
    host_.write(std::string("/proc/") + pid + "/stat", "7 (a) S 1");
  record("/run/crun/web", 7);
  record("/run/crun/ended", 9);
  record("/run/user/1000/crun/web", 8);
  std::vector<std::string> found;
  for (const ContainerRecord& one : running_containers(*open_root(host_.path()), {})) {
    found.push_back(describe(one) + " " + word_of(one));
  }
  EXPECT_THAT(found, testing::ElementsAre("container web (crun) web",
                                          "container web (crun of user 1000) 1000:web"));
}

TEST_F(ContainerLookup, DockersContainersAreFoundThatDoNotRun) {
  host_.write("/etc/docker/daemon.json", R"({"data-root":"/data"})");
  host_.write("/data/containers/4f1c/config.v2.json", R"({"Name":"/web"})");
  host_.write("/data/1000.1000/containers/77aa/config.v2.json", R"({"Name":"/mapped"})");
  EXPECT_EQ(find("web"), (ContainerRecord{.engine = "Docker",
                                          .id = "4f1c",
                                          .name = "web",
                                          .docker_files = "/data/containers/4f1c"}));
  EXPECT_EQ(find("77").name, "mapped");
  EXPECT_THAT(running_containers(*open_root(host_.path()), {}), IsEmpty());
}

class StrangersFiles : public testing::Test {
 protected:
  test::TemporaryDirectory host_ = {};
  RootDir root_ = *open_root(host_.path());
  RecordReader reader_{root_, Writer::stranger};
};

TEST_F(StrangersFiles, AreRegularOnesOfAtMostAMebibyte) {
  host_.write("/a", std::string(kMebibyte, 'a'));
  host_.write("/b", std::string(kMebibyte + 1, 'b'));
  host_.link("/link", "a");
  ASSERT_EQ(::mkfifo(host_.below("/fifo").c_str(), 0644), 0);
  EXPECT_THAT(reader_.read("/a"), SizeIs(kMebibyte));
  for (const char* name : {"/b", "/link", "/fifo", "/nothing"}) {
    EXPECT_THAT(reader_.read(name), IsEmpty()) << name;
  }
  RecordReader trusting(root_, Writer::trusted);
  EXPECT_THAT(trusting.read("/b"), SizeIs(kMebibyte + 1));
}

TEST_F(StrangersFiles, HaveAnEnd) {
  host_.write("/a", std::string(kMebibyte, 'a'));
  std::size_t bytes = 0;
  for (int i = 0; i < 100; ++i) bytes += reader_.read("/a").size();
  EXPECT_EQ(bytes, 32 * kMebibyte);
}

TEST_F(StrangersFiles, HaveAnEndOfNames) {
  for (int i = 0; i < 5000; ++i) host_.write("/d/" + std::to_string(i));
  EXPECT_THAT(reader_.list("/d"), SizeIs(4096));
  EXPECT_THAT(reader_.list("/d"), IsEmpty());
}

}  // namespace
}  // namespace nvhook
