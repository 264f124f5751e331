# SPDX-License-Identifier: Apache-2.0
# The source package. Scripts that build packages source this file in the repository's root.
# shellcheck shell=bash

source_name=oci-nvidia-hook

# The version in CMakeLists.txt; scripts/lint checks that the other files have the same.
source_version() { sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# The time for everything that is built: that of the release, from Debian's changelog.
source_epoch() { date --date "$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)" +%s; }

# source_files: prints tracked and new files; without git, everything except build trees.
source_files() {
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard
  else
    find . \( -path './build*' -o -path ./.git \) -prune -o ! -type d -printf '%P\n'
  fi | while read -r name; do
    if [[ -e $name || -L $name ]]; then printf '%s\n' "$name"; fi
  done | LC_ALL=C sort
}

# make_tarball FILE [EXCLUDED_DIRECTORY]: makes the same bytes at any time and on any machine.
make_tarball() {
  source_files | grep -v "^${2-none}/" |
    tar --create --files-from=- --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go+rX,go-w \
      --format=gnu --transform="flags=r;s,^,$source_name-$(source_version)/," | gzip --no-name -9 >"$1"
}

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(source_epoch)}
