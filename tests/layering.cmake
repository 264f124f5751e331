# SPDX-License-Identifier: Apache-2.0
# Proves that the core library is pure: no file, process, environment or clock among its undefined symbols.
#   cmake -DARCHIVE=liboci_nvidia_core.a -DNM=nm -P layering.cmake
execute_process(COMMAND ${NM} -uC ${ARCHIVE} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
set(calls
  access open openat openat2 creat read pread write pwrite close stat lstat fstat fstatat statx
  readlink readlinkat opendir readdir mkdir mkdirat unlink unlinkat rename renameat renameat2
  symlink symlinkat mount umount umount2 setns unshare fork vfork clone execve execveat posix_spawn
  system popen dlopen socket connect syscall ioctl getenv secure_getenv setenv clearenv getpid
  getuid geteuid time clock_gettime gettimeofday)
list(JOIN calls "|" calls)
string(REGEX MATCHALL
  " U (${calls})(64)?[@\n][^\n]*| U std::(filesystem::(status|symlink_status|canonical|read_symlink|create_|remove|exists)|basic_[io]?f(ile)?(stream|buf)<|chrono::_V2::)[^\n]*"
  forbidden "${symbols}\n")
if(forbidden)
  message(FATAL_ERROR "core must stay pure, but references:\n${forbidden}")
endif()
