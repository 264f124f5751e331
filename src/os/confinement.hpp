// SPDX-License-Identifier: Apache-2.0
// Gives up, irrevocably, rights that this process no longer needs.
#pragma once

namespace nvhook {

/// Called before the host is read. Keeps the capabilities needed to read the host, to make its
/// device nodes and to configure a container, and drops all others. Empties the inheritable and the
/// ambient set (CVE-2022-29162). A process that has fewer capabilities keeps those. Throws
/// Error(internal).
void keep_needed_capabilities();

/// Called before the container is changed. Drops also what only work on the host needed, sets
/// no_new_privs, and installs a seccomp filter that refuses (EPERM) what configuring a container
/// never does: executing a program, starting a process, loading a kernel module, tracing, reading
/// or signalling another process, opening a network socket, making a program set-user-ID by chmod,
/// and the like (call_filter.hpp), also through io_uring. After this call nothing from an image can
/// be executed, whatever went wrong. A kernel without seccomp filters is not an error. Throws
/// Error(internal).
void confine_to_container_work();

}  // namespace nvhook
