// SPDX-License-Identifier: Apache-2.0
// What was made in a container and cannot be used is removed again.
#include "inject/target_tree.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/temporary_directory.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

/// RAII: only one more descriptor can be opened.
class OneDescriptorLeft {
 public:
  OneDescriptorLeft() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int free = ::dup(STDERR_FILENO);
    ::close(free);
    const rlimit few{.rlim_cur = static_cast<rlim_t>(free) + 1, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~OneDescriptorLeft() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  OneDescriptorLeft(const OneDescriptorLeft&) = delete;
  OneDescriptorLeft& operator=(const OneDescriptorLeft&) = delete;
  OneDescriptorLeft(OneDescriptorLeft&&) = delete;
  OneDescriptorLeft& operator=(OneDescriptorLeft&&) = delete;

 private:
  rlimit before_ = {};
};

TEST(TargetTree, ADirectoryThatCannotBeOpenedIsNotLeft) {
#ifdef OCI_NVIDIA_SANITIZERS
  GTEST_SKIP() << "sanitizers open descriptors of their own; run it from the dev preset";
#endif
  const test::TemporaryDirectory image;
  const auto root = open_root(image.path(), FileOwner::image);
  UndoStack undo;
  const OwnLayer layer({.rootfs = *root});
  const LayerWriter writer(::getuid(), ::getgid());
  TargetTree tree(*root, layer, writer, undo);
  {
    const OneDescriptorLeft few;  // used for the parent
    EXPECT_THROW(static_cast<void>(tree.directory(ContainerPath("/made"))), Error);
  }
  undo.run();
  EXPECT_TRUE(root->list("/").empty());
}

}  // namespace
}  // namespace nvhook
