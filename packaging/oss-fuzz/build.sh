#!/bin/bash -eu
# SPDX-License-Identifier: Apache-2.0
# Builds all fuzz targets by the contract of OSS-Fuzz's base-builder: $CC, $CXX, $CFLAGS, $CXXFLAGS and
# $LIB_FUZZING_ENGINE say how, $SRC has the sources, $WORK is for what is in between, and $OUT gets
# the targets, their seeds and dictionaries. Starts in the repository.
#
# Libraries whose sources the Dockerfile put into $SRC are built; the others are the system's.
top=$(pwd)
libraries=$WORK/libraries
mkdir -p "$libraries" "$WORK/build"

build_boost() {
  mkdir -p "$WORK/boost"
  tar --extract --file "$SRC/boost.tar.bz2" --directory "$WORK/boost" --strip-components=1
  (
    cd "$WORK/boost"
    ./bootstrap.sh --with-toolset=clang --with-libraries=program_options
    ./b2 toolset=clang cxxflags="$CXXFLAGS" link=static variant=release --prefix="$libraries" install
  )
}

build_yaml_cpp() {
  mkdir -p "$WORK/yaml-cpp"
  tar --extract --file "$SRC/yaml-cpp.tar.gz" --directory "$WORK/yaml-cpp" --strip-components=1
  cmake -S "$WORK/yaml-cpp" -B "$WORK/yaml-cpp/build" -G Ninja -D YAML_CPP_BUILD_TESTS=OFF -D CMAKE_INSTALL_PREFIX="$libraries"
  cmake --build "$WORK/yaml-cpp/build" --target install
}

build_protobuf() {
  mkdir -p "$WORK/protobuf"
  tar --extract --file "$SRC/protobuf.tar.gz" --directory "$WORK/protobuf" --strip-components=1
  cmake -S "$WORK/protobuf" -B "$WORK/protobuf/build" -G Ninja -D protobuf_BUILD_TESTS=OFF -D CMAKE_INSTALL_PREFIX="$libraries"
  cmake --build "$WORK/protobuf/build" --target install
}

# OSS-Fuzz runs the targets where libmount, and what that needs, is not installed.
carry_libraries() {
  local library
  mkdir -p "$OUT/lib"
  ldd "$1" | sed -n 's,.* => \(/[^ ]*lib\(mount\|blkid\|selinux\|pcre2-8\)\.so[^ ]*\) .*,\1,p' | while read -r library; do
    cp -L "$library" "$OUT/lib/"
  done
}

[[ ! -e $SRC/boost.tar.bz2 ]] || build_boost
[[ ! -e $SRC/yaml-cpp.tar.gz ]] || build_yaml_cpp
[[ ! -e $SRC/protobuf.tar.gz ]] || build_protobuf
export PKG_CONFIG_PATH=$libraries/lib/pkgconfig:$libraries/share/pkgconfig

# A debug build, because the flags are to be those of $CXXFLAGS alone.
cmake -S "$top" -B "$WORK/build" -G Ninja -D CMAKE_BUILD_TYPE=Debug -D CMAKE_CXX_FLAGS_DEBUG="$CXXFLAGS" \
  -D CMAKE_CXX_FLAGS= -D CMAKE_BUILD_RPATH="\$ORIGIN/lib" -D CMAKE_PREFIX_PATH="$libraries" -D OCI_NVIDIA_STATIC_HOOK=OFF -D OCI_NVIDIA_MAN_PAGES=OFF \
  -D OCI_NVIDIA_FUZZ=ON -D OCI_NVIDIA_FUZZ_ENGINE="$LIB_FUZZING_ENGINE"
cmake --build "$WORK/build" --target fuzz_targets

for program in "$WORK"/build/tests/fuzz/fuzz_*; do
  [[ -f $program && -x $program ]] || continue
  name=${program##*/fuzz_}
  cp "$program" "$OUT/"
  carry_libraries "$OUT/fuzz_$name"
  (cd tests/fuzz && find "corpus/$name" "regressions/$name" -type f 2>/dev/null | sort | zip -q -j -@ "$OUT/fuzz_${name}_seed_corpus.zip")
  [[ ! -e tests/fuzz/dictionaries/$name.dict ]] || cp "tests/fuzz/dictionaries/$name.dict" "$OUT/fuzz_$name.dict"
  printf '[libfuzzer]\nmax_len = 8192\nrss_limit_mb = 1024\ntimeout = 10\n' >"$OUT/fuzz_$name.options"
done
