// SPDX-License-Identifier: Apache-2.0
// Tests which files containerd reads, and which version of them it knows.
#include "command/engines/containerd_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> paths_of(const std::vector<NamedText>& files) {
  std::vector<std::string> paths;
  for (const NamedText& file : files) paths.push_back(file.path);
  return paths;
}

class ContainerdFiles : public testing::Test {
 protected:
  [[nodiscard]] RootDir root() const { return *open_root(host_.path().string()); }
  [[nodiscard]] std::vector<std::string> read(const std::string& text) const {
    return paths_of(with_imports(root(), {"/etc/containerd/config.toml", text}));
  }

  TemporaryDirectory host_;
};

TEST_F(ContainerdFiles, ImportsAreFollowedInTheirOrderAndOnce) {
  host_.write("/etc/containerd/conf.d/b.toml", "imports = [\"deeper/*.toml\", \"a.toml\"]\n");
  host_.write("/etc/containerd/conf.d/a.toml", "imports = [\"b.toml\", \"/gone.toml\"]\n");
  host_.write("/etc/containerd/conf.d/.c.toml", "version = [\n");
  host_.write("/etc/containerd/conf.d/d.conf", "");
  host_.write("/etc/containerd/conf.d/deeper/e.toml", "");
  host_.write("/run/x/f.toml", "");
  EXPECT_THAT(read("imports = [\"conf.d/*.toml\", \"/r*/x/*\"]\n"),
              ElementsAre("/etc/containerd/config.toml", "/etc/containerd/conf.d/.c.toml",
                          "/etc/containerd/conf.d/a.toml", "/etc/containerd/conf.d/b.toml",
                          "/run/x/f.toml", "/etc/containerd/conf.d/deeper/e.toml"));
  EXPECT_THAT(read("version = 3\n"), ElementsAre("/etc/containerd/config.toml"));
}

TEST_F(ContainerdFiles, OfTheUsualDirectoryThatNothingImportsAreNamed) {
  host_.write("/etc/containerd/conf.d/a.toml", "");
  const auto unread = [&](const std::string& text) {
    return unread_drop_ins(root(), with_imports(root(), {"/etc/containerd/config.toml", text}));
  };
  EXPECT_THAT(unread("version = 2\n"), ElementsAre("/etc/containerd/conf.d/a.toml"));
  EXPECT_THAT(unread("imports = [\"/etc/containerd/conf.d/*.toml\"]\n"), IsEmpty());
}

TEST(ContainerdVersions, ADropInMustNotBeNewerThanWhatImportsIt) {
  const auto conflict = [](const std::string& root, const std::string& drop_in) {
    return version_conflict({{"root", root}, {"drop-in", drop_in}}).value_or("");
  };
  EXPECT_THAT(conflict("version = 2\n", "version = 3\n"),
              HasSubstr("drop-in has version 3, and root, which is read before it, version 2"));
  EXPECT_EQ(conflict("version = 4\n", "version = 3\n"), "");
  EXPECT_EQ(conflict("version = 3\n", "version = 3\n"), "");
  EXPECT_EQ(conflict("version = 2\n", ""), "");
  // containerd takes the first version that it finds for that of the root.
  EXPECT_EQ(conflict("", "version = 3\n"), "");
}

TEST_F(ContainerdFiles, TheProgramTellsWhichVersionItKnows) {
  // From containerd 1.6.20, 2.1.9, and the sources of 2.2 and 2.3.
  host_.write("/1", "x\0io.containerd.grpc.v1.cri\0");
  host_.write("/2", "io.containerd.cri.v1 images");
  host_.write("/2.2", "io.containerd.cri.v1 /etc/containerd/conf.d/*.toml");
  host_.write("/2.3", "io.containerd.cri.v1 /etc/containerd/conf.d/*.toml io.containerd.server.v1");
  const auto support = [&](const char* program) { return containerd_support(root(), program); };
  EXPECT_EQ(support("/1"), (ContainerdSupport{2, false}));
  EXPECT_EQ(support("/2"), (ContainerdSupport{3, false}));
  EXPECT_EQ(support("/2.2"), (ContainerdSupport{3, true}));
  EXPECT_EQ(support("/2.3"), (ContainerdSupport{4, true}));
  EXPECT_EQ(support(""), (ContainerdSupport{2, false}));
}

}  // namespace
}  // namespace nvhook
