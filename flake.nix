# SPDX-License-Identifier: Apache-2.0
# For Nix: the package, and a module for NixOS. packaging/README.md says what of this was tried.
{
  description = "NVIDIA driver for Linux containers (OCI hook, runtime, command line)";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forEach = nixpkgs.lib.genAttrs systems;
    in {
      packages = forEach (system: rec {
        oci-nvidia-hook = nixpkgs.legacyPackages.${system}.callPackage ./packaging/nix/package.nix { };
        default = oci-nvidia-hook;
      });
      nixosModules.default = import ./packaging/nix/module.nix self;
    };
}
