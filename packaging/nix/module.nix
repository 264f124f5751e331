# SPDX-License-Identifier: Apache-2.0
# NixOS: `hardware.oci-nvidia-hook.enable = true` gives Podman, CRI-O and Docker the hook. Do not enable
# `hardware.nvidia-container-toolkit` with it: both have programs of the same names.
self:
{ config, lib, pkgs, ... }:

let
  cfg = config.hardware.oci-nvidia-hook;
  package = cfg.package;
in {
  options.hardware.oci-nvidia-hook = {
    enable = lib.mkEnableOption "the NVIDIA driver in containers, by oci-nvidia-hook";
    package = lib.mkOption {
      type = lib.types.package;
      default = self.packages.${pkgs.stdenv.hostPlatform.system}.default;
      description = "The package of oci-nvidia-hook.";
    };
    cdi = lib.mkEnableOption "nvidia-cdi-hook, and a CDI specification that is kept fresh";
    settings = lib.mkOption {
      type = (pkgs.formats.toml { }).type;
      default = { };
      example = { accept-nvidia-visible-devices-envvar-when-unprivileged = false; };
      description = "What /etc/oci-nvidia-hook/config.toml says (oci-nvidia-hook.toml(5)).";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [{
      assertion = !(config.hardware.nvidia-container-toolkit.enable or false);
      message = "oci-nvidia-hook and nvidia-container-toolkit have programs of the same names: enable one of them";
    }];
    environment.systemPackages = [ package ] ++ lib.optional cfg.cdi package.cdi;
    environment.etc."containers/oci/hooks.d/oci-nvidia-hook.json".source =
      "${package}/share/containers/oci/hooks.d/oci-nvidia-hook.json";
    environment.etc."oci-nvidia-hook/config.toml" = lib.mkIf (cfg.settings != { }) {
      source = (pkgs.formats.toml { }).generate "config.toml" cfg.settings;
    };
    services.udev.packages = [ package ] ++ lib.optional cfg.cdi package.cdi;
    systemd.packages = [ package ] ++ lib.optional cfg.cdi package.cdi;
    systemd.tmpfiles.packages = [ package ] ++ lib.optional cfg.cdi package.cdi;
    # NixOS does not read [Install] of units that a package brings.
    systemd.services.oci-nvidia-cdi.wantedBy = lib.mkIf cfg.cdi [ "multi-user.target" ];
    systemd.paths.oci-nvidia-cdi.wantedBy = lib.mkIf cfg.cdi [ "paths.target" ];
    # dockerd looks for nvidia-container-runtime-hook on its PATH.
    systemd.services.docker.path = lib.mkIf config.virtualisation.docker.enable [ package ];
  };
}
