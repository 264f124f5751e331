// SPDX-License-Identifier: Apache-2.0
// Decides whether the CUDA forward compatibility libraries of an image fit the host's kernel driver
// and GPUs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "image/container_facts.hpp"
#include "request/request.hpp"
#include "text/version.hpp"

namespace nvhook {

/// The note that NVIDIA's linker puts into a forward compatibility libcuda: section and owner.
inline constexpr std::string_view kCompatNoteSection = ".note.cuda.fwd_compatibility";
inline constexpr std::string_view kCompatNoteOwner = "NVIDIA Corporation";

/// Parses `{"Format": 1, "CUDA Version": "13.1", "Driver": [535, 550], "Device": [1, 2]}`; zero
/// bytes around it are allowed. A missing member leaves its field empty; unknown members are
/// ignored. Returns nullopt for another format, a member of another type, a list of more than 256
/// numbers, or if neither CUDA version nor drivers are given.
[[nodiscard]] std::optional<CompatNote> parse_compat_note(std::string_view json);

/// Whether a container with this request may use the libraries at all: it gets compute libraries,
/// and the configuration allows it (docs/behaviour.md §5.13).
[[nodiscard]] bool wants_cuda_compat(const Request& request, const Config& config);

struct CompatDecision {
  bool use = false;
  /// Versions, GPUs (only the decisive one, if there is one) and rule, in one short sentence.
  std::string reason = {};

  friend bool operator==(const CompatDecision&, const CompatDecision&) = default;
};

/// With a note, decides by the note: it must list the kernel driver's branch, and the libraries
/// must be newer than that driver; or, if it lists no branches, the libraries must be of a newer
/// CUDA version. It must also list the class of every GPU. Without a note, the libraries must be of
/// a later driver branch, and no GPU may be of a class (GeForce, TITAN, NVS) on which CUDA refuses
/// to start with them (CUDA errors 803 and 804). Numbers are compared as numbers (docs/behaviour.md
/// §8.6). `gpu_models` are texts of /proc/driver/nvidia/gpus such as `NVIDIA A100-SXM4-40GB`.
[[nodiscard]] CompatDecision decide_cuda_compat(const CompatLibraries& libraries,
                                                const Version& driver,
                                                const std::vector<std::string>& gpu_models);

}  // namespace nvhook
