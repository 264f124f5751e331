// SPDX-License-Identifier: Apache-2.0
// Whether the CUDA forward compatibility libraries of an image fit the host's kernel driver and
// GPUs.
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

/// The note that NVIDIA's linker leaves in a forward compatibility libcuda: section and owner.
inline constexpr std::string_view kCompatNoteSection = ".note.cuda.fwd_compatibility";
inline constexpr std::string_view kCompatNoteOwner = "NVIDIA Corporation";

/// `{"Format": 1, "CUDA Version": "13.1", "Driver": [535, 550], "Device": [1, 2]}`, zero bytes
/// around it allowed. A member that is absent leaves its field empty; members of other names are
/// passed over. Nothing for another format, a member of another type, a list of more than 256
/// numbers, and if neither CUDA version nor drivers are given.
[[nodiscard]] std::optional<CompatNote> parse_compat_note(std::string_view json);

/// True if a container with this request may use them at all: it gets compute libraries, and the
/// configuration does not forbid it (behaviour.md §5.13).
[[nodiscard]] bool wants_cuda_compat(const Request& request, const Config& config);

struct CompatDecision {
  bool use = false;
  /// Versions, GPUs (if one decided it, that one) and rule, in one short sentence.
  std::string reason = {};

  friend bool operator==(const CompatDecision&, const CompatDecision&) = default;
};

/// Decides as the note says if there is one: it lists the kernel driver's branch and the libraries
/// are newer than that driver, or, without such a list, they are of a newer CUDA version; and it
/// lists the class of every GPU. Without a note: the libraries are of a later driver branch, and no
/// GPU is of a class (GeForce, TITAN, NVS) on which CUDA refuses to start with them (its errors 803
/// and 804). Numbers are compared as numbers (behaviour.md §8.6). `gpu_models` are texts of
/// /proc/driver/nvidia/gpus: `NVIDIA A100-SXM4-40GB`.
[[nodiscard]] CompatDecision decide_cuda_compat(const CompatLibraries& libraries,
                                                const Version& driver,
                                                const std::vector<std::string>& gpu_models);

}  // namespace nvhook
