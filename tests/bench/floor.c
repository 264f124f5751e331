// SPDX-License-Identifier: Apache-2.0
// Makes the kernel calls that give a container its driver, and nothing else: it reads no file to
// learn anything, checks nothing and decides nothing. The hook decided before what is made;
// steps.py writes that as a list.
//
//   floor LIST ROOTFS CGROUP    the container's state on standard input
//
// LIST has one step per line, with fields separated by tabs, and ends with a NUL; after it come the
// bytes that steps write. A SLOT is the number of a descriptor. CGROUP is the directory of the
// container's device cgroup.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kMaxSlots = 8192, kMaxFields = 6, kMaxList = 8 << 20, kMaxCode = 4096 };

static char list[kMaxList];
static char state[1 << 16];  // of the container
static char* field[kMaxFields];
static const char* bytes;  // after the list
static int slots[kMaxSlots];
static char** words;  // of the command line

static long checked(long result) {
  if (result >= 0) return result;
  const char* parts[] = {"floor: ", field[0],        " ", field[1], " ", field[2],
                         ": ",      strerror(errno), "\n"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
    if (parts[i] != NULL && write(2, parts[i], strlen(parts[i])) < 0) break;
  }
  _exit(1);
}

static int number(int index) { return atoi(field[index]); }
static int slot(int index) { return slots[number(index)]; }
static void set(int index, long fd) { slots[number(index)] = (int)checked(fd); }
static const char* blob(int index) { return bytes + atol(field[index]); }

static long open_below(int directory, const char* path, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC,
                         .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
  return syscall(SYS_openat2, directory, path, &how, sizeof how);
}

static long set_attributes(int tree, uint64_t attributes) {
  struct mount_attr attr = {.attr_set = attributes};
  return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr);
}

static void do_clone(void) {
  const int source = (int)checked(open_below(slot(2), field[3], O_PATH | O_NOFOLLOW));
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  set(1, syscall(SYS_open_tree, source, "", flags));
  checked(set_attributes(slot(1), strtoul(field[4], NULL, 10)));
  close(source);
}

// A directory with all that is mounted below it.
static void do_tree(void) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
  set(1, syscall(SYS_open_tree, AT_FDCWD, field[2], flags));
}

static void do_tmpfs(void) {
  const int context = (int)checked(syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
  checked(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "size", "1m", 0));
  checked(syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "mode", "0555", 0));
  checked(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
  const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  set(1, syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
  close(context);
}

static void do_write(void) {
  const mode_t mode = (mode_t)strtoul(field[3], NULL, 8);
  const int file =
      (int)checked(openat(slot(1), field[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  checked(write(file, blob(4), (size_t)atol(field[5])));
  close(file);
}

static void do_enter(void) {
  const char* pid = strstr(state, "\"pid\":") + strlen("\"pid\":");
  const int container = (int)checked(syscall(SYS_pidfd_open, atoi(pid), 0));
  checked(setns(container, CLONE_NEWNS));
}

static void do_make(void) {
  checked(mkdirat(slot(2), field[3], 0755));
  set(1, openat(slot(2), field[3], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static void do_attach(void) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  checked(syscall(SYS_move_mount, slot(1), "", slot(2), "", flags));
}

// The image's cache is read, because its contents are not known before; the new one replaces it.
static void do_cache(void) {
  static char old[1 << 20];
  const int file = openat(slot(1), "ld.so.cache", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file >= 0) {
    checked(read(file, old, sizeof old));
    close(file);
  }
  field[4] = field[2];
  field[5] = field[3];
  field[2] = ".ld.so.cache.floor";
  field[3] = "644";
  do_write();
  checked(renameat(slot(1), field[2], slot(1), "ld.so.cache"));
}

static long bpf(int command, union bpf_attr* request) {
  return checked(syscall(SYS_bpf, command, request, sizeof *request));
}

static int old_program;

// New instructions, followed by those of the attached program.
static void do_program(void) {
  static struct bpf_insn code[kMaxCode];
  const uint32_t length = (uint32_t)atol(field[4]);
  uint32_t ids[8];
  struct bpf_prog_info info = {0};
  union bpf_attr query = {0}, get = {0}, ask = {0}, load = {0};
  query.query.target_fd = (uint32_t)slot(2);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = (uintptr_t)ids;
  query.query.prog_cnt = sizeof ids / sizeof *ids;
  bpf(BPF_PROG_QUERY, &query);
  get.prog_id = ids[0];
  old_program = (int)bpf(BPF_PROG_GET_FD_BY_ID, &get);
  memcpy(code, blob(3), length);
  info.xlated_prog_insns = (uintptr_t)((char*)code + length);
  info.xlated_prog_len = (uint32_t)(sizeof code - length);
  ask.info.bpf_fd = (uint32_t)old_program;
  ask.info.info_len = sizeof info;
  ask.info.info = (uintptr_t)&info;
  bpf(BPF_OBJ_GET_INFO_BY_FD, &ask);
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = (uintptr_t)code;
  load.insn_cnt = (uint32_t)((length + info.xlated_prog_len) / sizeof *code);
  load.license = (uintptr_t) "Apache";
  set(1, bpf(BPF_PROG_LOAD, &load));
}

static void do_replace(void) {
  union bpf_attr request = {0};
  request.target_fd = (uint32_t)slot(2);
  request.attach_bpf_fd = (uint32_t)slot(1);
  request.attach_type = BPF_CGROUP_DEVICE;
  request.attach_flags = BPF_F_ALLOW_MULTI | BPF_F_REPLACE;
  request.replace_bpf_fd = (uint32_t)old_program;
  bpf(BPF_PROG_ATTACH, &request);
}

static void do_open(void) { set(1, openat(AT_FDCWD, field[2], O_PATH | O_DIRECTORY | O_CLOEXEC)); }
static void do_directory(void) { checked(mkdirat(slot(1), field[2], 0555)); }
static void do_root(void) { set(1, openat(AT_FDCWD, words[2], O_PATH | O_DIRECTORY | O_CLOEXEC)); }
static void do_find(void) { set(1, open_below(slot(2), field[3], O_PATH)); }
static void do_cgroup(void) {
  set(1, openat(AT_FDCWD, words[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
static void do_rules(void) { set(1, openat(slot(2), "devices.allow", O_WRONLY | O_CLOEXEC)); }
static void do_allow(void) { checked(write(slot(1), field[2], strlen(field[2]))); }
static void do_symlink(void) { checked(symlinkat(field[3], slot(1), field[2])); }
static void do_file(void) {
  set(1, openat(slot(2), field[3], O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
}

static const struct {
  const char* name;
  void (*run)(void);
} steps[] = {
    {"allow", do_allow},          // RULES RULE
    {"attach", do_attach},        // TREE TARGET
    {"cache", do_cache},          // DIRECTORY OFFSET LENGTH
    {"cgroup", do_cgroup},        // SLOT
    {"clone", do_clone},          // SLOT ROOT PATH ATTRIBUTES
    {"directory", do_directory},  // PARENT NAME
    {"enter", do_enter},          //
    {"file", do_file},            // SLOT PARENT NAME
    {"find", do_find},            // SLOT ROOT PATH
    {"make", do_make},            // SLOT PARENT NAME
    {"open", do_open},            // SLOT PATH
    {"program", do_program},      // SLOT CGROUP OFFSET LENGTH
    {"replace", do_replace},      // PROGRAM CGROUP
    {"root", do_root},            // SLOT
    {"rules", do_rules},          // SLOT CGROUP
    {"symlink", do_symlink},      // DIRECTORY NAME TARGET
    {"tmpfs", do_tmpfs},          // SLOT
    {"tree", do_tree},            // SLOT PATH
    {"write", do_write},          // DIRECTORY NAME MODE OFFSET LENGTH
};

static void do_step(void) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; ++i) {
    if (strcmp(field[0], steps[i].name) == 0) return steps[i].run();
  }
  errno = EINVAL;
  checked(-1);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  words = argv;
  const int file = (int)checked(open(argv[1], O_RDONLY | O_CLOEXEC));
  checked(read(file, list, sizeof list - 1));
  close(file);
  checked(read(0, state, sizeof state - 1));
  bytes = list + strlen(list) + 1;
  for (char* line = list; *line != 0;) {
    char* end = strchr(line, '\n');
    *end = 0;
    for (int i = 0; i < kMaxFields; ++i) field[i] = strsep(&line, "\t");
    do_step();
    line = end + 1;
  }
  return 0;
}
