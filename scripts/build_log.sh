# SPDX-License-Identifier: Apache-2.0
# Extracts the errors from a build log. The build scripts source this file.
# shellcheck shell=bash

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
