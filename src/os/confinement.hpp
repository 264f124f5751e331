// SPDX-License-Identifier: Apache-2.0
// Takes from this process, for good, the rights that the work ahead of it does not need.
#pragma once

namespace nvhook {

/// Before the host is looked at: keeps the capabilities that reading it, making its device nodes
/// and configuring a container take, and drops all others; empties the inheritable and the ambient
/// set (CVE-2022-29162). A process that has fewer keeps what it has. Throws Error(internal).
void keep_needed_capabilities();

/// Before the container is touched: drops also what only the host's side needed, sets
/// no_new_privs, and has the kernel refuse (EPERM) what configuring a container never does: to
/// execute a program, to start a process, to load a kernel module, to trace, to read or to signal
/// another process, to open a network socket, to make a program set-user-ID by chmod, and the like
/// (call_filter.hpp), also where the kernel would do it in our place (io_uring). From here on
/// nothing of an image can be executed, whatever went wrong. A kernel without seccomp filters is no
/// error. Throws Error(internal).
void confine_to_container_work();

}  // namespace nvhook
