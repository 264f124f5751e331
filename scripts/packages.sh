# SPDX-License-Identifier: Apache-2.0
# Lists of Debian packages. The other scripts source this file.
# shellcheck shell=bash disable=SC2034

build_packages=(ca-certificates cmake g++ libboost-program-options-dev libgmock-dev libgtest-dev libmount-dev
                libprotobuf-dev libtomlplusplus-dev libyaml-cpp-dev ninja-build nlohmann-json3-dev pkg-config protobuf-compiler
                scdoc)
# To build for arm64 and to run that, besides the above; only scripts/in-debian installs them.
arm64_packages=(crossbuild-essential-arm64 qemu-user-static pkg-config:arm64 libboost-program-options-dev:arm64
                libgmock-dev:arm64 libgtest-dev:arm64 libmount-dev:arm64 libprotobuf-dev:arm64
                libtomlplusplus-dev:arm64 libyaml-cpp-dev:arm64)
# One OCI runtime, and tools to make and examine its containers.
container_packages=(busybox-static jq mount musl-tools python3 runc strace util-linux)
engine_packages=(containerd crun debootstrap docker.io fish lxc patch podman python3-grpcio python3-jsonschema
                 python3-yaml uidmap zsh)
# What the engine tests of `--today` need in addition, where the kernel starts no 32-bit program.
today_packages=(qemu-user-static)
# What tests/bench needs in addition.
bench_packages=(libbenchmark-dev valgrind)
# To build and test packages. ccache, because most code is compiled twice with the same options.
package_packages=(ccache debhelper debootstrap dpkg-dev gcc lintian python3 rpm rpmlint runc scdoc)
# To make a release in a Debian of its own (scripts/release), and to build and test for arm64 there.
release_packages=(build-essential debhelper python3 rpm)
# The tools that tests/gpu/make-kit packs.
kit_packages=(debootstrap patchelf runc strace)
# libclang-rt-dev contains the sanitizers and libFuzzer; clang only suggests it. git says which sources changed.
check_packages=(clang clang-format clang-tidy codespell cppcheck git libclang-rt-dev)
# For tests/scripts/documents_test, which reads manual pages and examples.
document_packages=(groff man-db mandoc python3-yaml)
# Everything that .ci/run needs except the engines, which scripts/test --engines installs.
ci_packages=("${build_packages[@]}" "${container_packages[@]}" "${bench_packages[@]}" "${check_packages[@]}"
             "${document_packages[@]}" "${package_packages[@]}")

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
  local name
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || echo "$name"
  done
}

# install_packages NAME...: installs missing packages without asking. Prints what is missing if it
# may not or cannot install it.
install_packages() {
  local missing log
  mapfile -t missing < <(missing_packages "$@")
  [[ ${#missing[@]} -gt 0 ]] || return 0
  if [[ $EUID -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "missing: ${missing[*]}" >&2
    echo "as root on Debian: apt-get install ${missing[*]}" >&2
    return 1
  fi
  echo "installing ${missing[*]}"
  log=$(mktemp)
  if ! { apt-get update && apt_install "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" </dev/null
}
