# SPDX-License-Identifier: Apache-2.0
# The source package, for the scripts that build packages from it, which source this file in the repository's root.
# shellcheck shell=bash

source_name=oci-nvidia-hook

# The version: CMakeLists.txt has it, and scripts/lint sees to it that the others have the same.
source_version() { sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# The time that goes into everything that is built: that of the release, as Debian's changelog has it.
source_epoch() { date --date "$(sed -n 's/^ -- .*>  //p' debian/changelog | head -n 1)" +%s; }

# source_files: tracked and new files; without git, all but build trees.
source_files() {
  if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard
  else
    find . -path './build*' -prune -o ! -type d -printf '%P\n'
  fi | while read -r name; do
    if [[ -e $name || -L $name ]]; then printf '%s\n' "$name"; fi
  done | LC_ALL=C sort
}

# make_tarball FILE [EXCLUDED_DIRECTORY]: the same bytes whoever makes it, and when.
make_tarball() {
  source_files | grep -v "^${2-none}/" |
    tar --create --files-from=- --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u+rw,go+rX,go-w \
      --format=gnu --transform="flags=r;s,^,$source_name-$(source_version)/," | gzip --no-name -9 >"$1"
}

export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(source_epoch)}
