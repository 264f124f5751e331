# SPDX-License-Identifier: Apache-2.0
# The hook is static, so it needs static libraries of glibc; the libraries that have only headers, and
# Boost's program_options, protobuf and yaml-cpp, which are linked statically, too, are needed for the build.
{ lib, stdenv, cmake, ninja, pkg-config, scdoc, boost, glibc, nlohmann_json, protobuf, tomlplusplus, util-linux, yaml-cpp }:

let
  static = { enableShared = false; enableStatic = true; };
in
stdenv.mkDerivation {
  pname = "oci-nvidia-hook";
  version = lib.head (builtins.match ".*project\\(oci-nvidia-hook VERSION ([0-9.]+) .*"
    (builtins.readFile ../../CMakeLists.txt));
  src = lib.cleanSource ../..;

  nativeBuildInputs = [ cmake ninja pkg-config protobuf scdoc ];
  buildInputs = [ (boost.override static) glibc.static nlohmann_json protobuf tomlplusplus util-linux yaml-cpp ];
  cmakeFlags = [
    "-DCMAKE_BUILD_TYPE=Release"
    "-DBUILD_TESTING=OFF"
    "-DOCI_NVIDIA_ZSH_DIRECTORY=share/zsh/site-functions"
  ];
  # The name nvidia-cdi-hook is a component of its own: where Docker finds it, it takes CDI.
  outputs = [ "out" "cdi" ];
  postInstall = ''
    cmake --install . --prefix "$cdi" --component cdi-hook
    ln -sf "$out/bin/oci-nvidia-hook" "$cdi/bin/nvidia-cdi-hook"
  '';

  meta = {
    description = "NVIDIA driver for Linux containers (OCI hook, runtime, command line)";
    license = lib.licenses.asl20;
    platforms = [ "x86_64-linux" "aarch64-linux" ];
    mainProgram = "oci-nvidia";
  };
}
