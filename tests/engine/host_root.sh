# SPDX-License-Identifier: Apache-2.0
# Makes another Debian the root of a mount namespace. boot-systemd and enter-tree source this file.
# shellcheck shell=bash

# mount_tree TREE WORK: at $WORK/host/root; what is written goes to the directory WORK.
mount_tree() {
  mkdir -p "$2"/host/{upper,work,root}
  mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/host/upper,workdir=$2/host/work" "$2/host/root"
}

# share_paths ROOT WORK PATH...: each at the same place below ROOT; WORK writable, the others not.
share_paths() {
  local root=$1 work=$2 path
  mkdir -p "$root$work"
  for path in "${@:3}"; do
    if [[ -d $path ]]; then
      mkdir -p "$root$path"
    elif [[ ! -e $root$path ]]; then  # it may lie in one that is there already
      install -D /dev/null "$root$path"
    fi
    mount --rbind "$path" "$root$path"
    mount -o remount,bind,ro "$root$path"
  done
  mount --bind "$work" "$root$work"  # may lie in one of them
}

# change_root ROOT
change_root() {
  cd "$1"
  mkdir -p old
  pivot_root . old
  umount -l /old
}
