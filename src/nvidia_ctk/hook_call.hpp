// SPDX-License-Identifier: Apache-2.0
// The command line of `nvidia-cdi-hook` and `nvidia-ctk hook`, as NVIDIA's CDI specifications of
// 1.16 to 1.20 write it, as a value.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace nvhook {

/// `create-symlinks --link TARGET::LINK`: `ln -sf TARGET LINK` in the container.
struct CreateSymlinks {
  struct Link {
    std::string target = {};  ///< the text of the link
    std::string path = {};    ///< where it is made, below the container's root

    friend bool operator==(const Link&, const Link&) = default;
  };
  std::vector<Link> links = {};

  friend bool operator==(const CreateSymlinks&, const CreateSymlinks&) = default;
};

/// `update-ldcache --folder DIR`: the loader finds the libraries in these directories.
/// `create-soname-symlinks`, of 1.18's candidates, only makes the links by SONAME.
struct UpdateLoaderCache {
  std::vector<std::string> folders = {};
  bool links_only = false;

  friend bool operator==(const UpdateLoaderCache&, const UpdateLoaderCache&) = default;
};

/// `enable-cuda-compat`: the loader prefers the image's CUDA compatibility libraries if they are
/// newer than the host's driver. Without either version it does nothing.
struct EnableCudaCompat {
  std::string driver_version = {};
  std::string cuda_version = {};
  std::string directory = "/usr/local/cuda/compat";

  friend bool operator==(const EnableCudaCompat&, const EnableCudaCompat&) = default;
};

/// `disable-device-node-modification`: the driver's library leaves device nodes alone.
struct DisableNodeModification {
  friend bool operator==(const DisableNodeModification&, const DisableNodeModification&) = default;
};

/// `update-application-profile`: EGL and Vulkan see the GPUs whose nodes the container has.
struct UpdateApplicationProfile {
  friend bool operator==(const UpdateApplicationProfile&,
                         const UpdateApplicationProfile&) = default;
};

/// `chmod --mode MODE --path PATH`.
struct ChangeModes {
  unsigned mode = 0;
  std::vector<std::string> paths = {};

  friend bool operator==(const ChangeModes&, const ChangeModes&) = default;
};

/// Nothing is done: `noop`, no hook, or one that this release does not know.
struct NoHook {
  std::string warning = {};  ///< why; empty for `noop`

  friend bool operator==(const NoHook&, const NoHook&) = default;
};

using HookCall = std::variant<NoHook, CreateSymlinks, UpdateLoaderCache, EnableCudaCompat,
                              DisableNodeModification, UpdateApplicationProfile, ChangeModes>;

struct HookCommandLine {
  enum class Answer { none, help, version };

  HookCall call = NoHook{};
  std::string name = {};           ///< of the hook
  std::string state_file = {};     ///< `--container-spec`; empty: standard input
  std::optional<bool> debug = {};  ///< `--debug`; absent: the environment decides
  bool quiet = false;
  Answer answer = Answer::none;                  ///< what to print in place of running the hook
  std::vector<std::string> without_effect = {};  ///< options that mean nothing here, with reasons

  friend bool operator==(const HookCommandLine&, const HookCommandLine&) = default;
};

/// A command line that cannot be meant; what() says which word and why.
class HookUsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Parses `arguments`, without argv[0] and, for `nvidia-ctk hook`, without the word `hook`. The
/// syntax is that of urfave/cli: `--flag VALUE`, `--flag=VALUE`, one dash or two, lists by commas
/// and by repetition. An unknown hook gives NoHook with a warning, whatever its options are,
/// because a newer specification must not keep a container from starting; so does no hook at all.
/// Throws HookUsageError for an unknown option of a known hook, an option without a value, a link
/// that is not TARGET::LINK, a mode that is not octal, and an empty path.
[[nodiscard]] HookCommandLine parse_hook_call(const std::vector<std::string>& arguments);

/// Returns the text of `--help` for a program of that name.
[[nodiscard]] std::string hook_usage(const std::string& program);

}  // namespace nvhook
