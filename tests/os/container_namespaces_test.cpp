// SPDX-License-Identifier: Apache-2.0
// Which namespaces make a container.
#include "os/container_namespaces.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/private_namespaces.hpp"

namespace nvhook {
namespace {

TEST(ContainerNamespaces, ACgroupNamespaceOfItsOwnMakesAContainer) {
  test::in_private_namespaces(CLONE_NEWCGROUP, [] {
    return is_in_container() ? std::string() : "not seen as a container";
  });
}

TEST(ContainerNamespaces, APidNamespaceOfItsOwnMakesAContainer) {
  test::in_private_namespaces(CLONE_NEWPID, [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(is_in_container() ? 0 : 1);
    int status = 0;
    ::waitpid(child, &status, 0);
    return status == 0 ? std::string() : "not seen as a container";
  });
}

TEST(ContainerNamespaces, AUserNamespaceAloneIsThatOfARootlessEngine) {
  const bool before = is_in_container();
  test::in_private_namespaces(CLONE_NEWUSER, [&] {
    return is_in_container() == before ? std::string() : "a user namespace made the difference";
  });
}

}  // namespace
}  // namespace nvhook
