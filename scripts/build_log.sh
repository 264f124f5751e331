# SPDX-License-Identifier: Apache-2.0
# Shows how far a build is, and extracts the errors from its log. The build scripts source this file.
# shellcheck shell=bash

# with_progress LOG COMMAND...: runs a build, adds what it prints to LOG, and shows how much of it is
# done, by ninja's `[17/290]`: in one line on a terminal, else in a line for each tenth. Returns the
# status of the command.
with_progress() {
  local log=$1
  shift
  "$@" 2>&1 | tee -a "$log" | show_progress
  return "${PIPESTATUS[0]}"
}

show_progress() {
  local line done=0 all=0 shown=0
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    done=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
    if [[ -t 1 ]]; then
      printf '\r  %s of %s ' "$done" "$all"
    elif ((done * 10 / all > shown)); then
      shown=$((done * 10 / all))
      printf '  %s of %s\n' "$done" "$all"
    fi
  done
  [[ ! -t 1 || $all == 0 ]] || printf '\n'
}

# show_failure LOG: prints the lines that say what failed, or the last lines of a log without such
# lines. Errors of CMake are printed as whole paragraphs, because their first line names only a
# place. What debhelper appends is left out: CMake's cache, and failures that CMake tried and
# expected.
show_failure() {
  local said
  said=$(awk '
    /^==> .*CMake[A-Za-z]*\.(txt|log|yaml) <==$/ { copied = 1 }
    /^dh_[a-z_]+: error: / { copied = 0 }
    copied { next }
    /^CMake Error/ { paragraph = 1; print; next }
    paragraph && /^(  .*)?$/ { if ($0 != "") print; next }
    { paragraph = 0 }
    /(^|[^[:alnum:]])(fatal )?[Ee]rror: / || /[Uu]nmet build dependencies|is needed by|: not found$|command not found/ ||
      /^--   No package .* found/ || /undefined (reference|symbol)/ || /: Failure$|^FAILED: |\*\*\*Failed|\(Failed\)/' "$1" |
    awk '!seen[$0]++' | head -n 60)
  printf '%s\n' "${said:-$(tail -n 40 "$1")}"
}
