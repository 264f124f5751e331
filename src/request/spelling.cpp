// SPDX-License-Identifier: Apache-2.0
// Tables of mistakes that people report, and a distance between words for typing errors.
#include "request/spelling.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "config/capability.hpp"
#include "config/cdi_kind.hpp"
#include "text/nearest.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kShownOfWord = 60;  // bytes of a word; longer than any right one

std::string shown(std::string_view word) {
  return "`" + std::string(word.substr(0, kShownOfWord)) +
         (word.size() > kShownOfWord ? "…`" : "`");
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  std::transform(small.begin(), small.end(), small.begin(), [](unsigned char letter) {
    return letter < 0x80U ? static_cast<char>(std::tolower(letter)) : static_cast<char>(letter);
  });
  return small;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Words that mean the same.
struct Meaning {
  std::string_view word;
  std::string_view meant;
};

template <std::size_t size>
std::string_view meaning_of(std::string_view word, const std::array<Meaning, size>& meanings) {
  const auto* const found = std::find_if(meanings.begin(), meanings.end(),
                                         [&](const Meaning& row) { return row.word == word; });
  return found == meanings.end() ? std::string_view() : found->meant;
}

// ---- devices

constexpr std::array kSelections{
    Meaning{"-1", "all"},     Meaning{"*", "all"},       Meaning{"any", "all"},
    Meaning{"auto", "all"},   Meaning{"enabled", "all"}, Meaning{"every", "all"},
    Meaning{"gpu", "all"},    Meaning{"gpus", "all"},    Meaning{"on", "all"},
    Meaning{"true", "all"},   Meaning{"yes", "all"},     Meaning{"disabled", "void"},
    Meaning{"empty", "void"}, Meaning{"false", "void"},  Meaning{"no", "void"},
    Meaning{"null", "void"},  Meaning{"off", "void"},
};

/// What NVIDIA's CDI specifications other than those of GPUs stand for.
constexpr std::array kCdiKinds{
    Meaning{"nvidia.com/gds", "set NVIDIA_GDS=enabled"},
    Meaning{"nvidia.com/mofed", "set NVIDIA_MOFED=enabled"},
    Meaning{"nvidia.com/gdrcopy", "set NVIDIA_GDRCOPY=enabled"},
    Meaning{"nvidia.com/nvswitch", "set NVIDIA_NVSWITCH=enabled"},
    Meaning{"nvidia.com/imex-channel", "set NVIDIA_IMEX_CHANNELS to the numbers of the channels"},
    Meaning{"management.nvidia.com/gpu",
            "set NVIDIA_VISIBLE_DEVICES=all; for MIG administration also "
            "NVIDIA_MIG_CONFIG_DEVICES=all"},
};

std::string cdi_remedy(std::string_view name) {
  const std::string_view kind = name.substr(0, name.find('='));
  const std::string_view meant = meaning_of(kind, kCdiKinds);
  if (!meant.empty()) return std::string(meant);
  return "ask the engine for " + shown(name) +
         " (--device, or a CDI annotation): of names by CDI only those of NVIDIA's kinds count "
         "here";
}

/// Returns the index in `gpu0`, `/dev/nvidia0`, `cuda:0` or `device=0`.
std::optional<unsigned> index_in(std::string_view name) {
  constexpr std::size_t kDigits = 3;  // more are the beginning of a UUID
  for (const std::string_view prefix :
       {"/dev/nvidia", "nvidia", "gpu", "cuda", "device", "dev", "id", "index", "#"}) {
    if (!starts_with_ignoring_case(name, prefix)) continue;
    std::string_view rest = name.substr(prefix.size());
    if (!rest.empty() && contains(":=-_# ", rest.substr(0, 1))) rest.remove_prefix(1);
    if (rest.size() > kDigits) continue;
    if (const auto index = parse_numbered(rest, "")) return index;
  }
  return std::nullopt;
}

/// Whether the name is a range such as `0-3` or `0..3`.
bool is_range(std::string_view name) {
  const auto end = name.find_first_not_of("0123456789");
  if (end == 0 || end == std::string_view::npos) return false;
  std::string_view rest = name.substr(end);
  if (!rest.starts_with('-') && !rest.starts_with("..")) return false;
  rest.remove_prefix(rest.starts_with('-') ? 1 : 2);
  return parse_numbered(rest, "").has_value();
}

/// Whether the name is a UUID without the `GPU-` or `MIG-` before it.
bool is_bare_uuid(std::string_view name) {
  constexpr std::array<std::size_t, 5> kDigits{8, 4, 4, 4, 12};
  const auto groups = split(name, '-');
  return groups.size() == kDigits.size() &&
         std::equal(groups.begin(), groups.end(), kDigits.begin(),
                    [](std::string_view group, std::size_t digits) {
                      return group.size() == digits &&
                             group.find_first_not_of("0123456789abcdefABCDEF") ==
                                 std::string_view::npos;
                    });
}

std::string selection_remedy(std::string_view name) {
  const std::string small = in_small_letters(name);
  std::string_view meant = meaning_of(small, kSelections);
  if (meant.empty()) meant = nearest(small, {"all", "none", "void"});
  if (meant.empty()) return {};
  const std::string_view brings = meant == "all"    ? "for all GPUs"
                                  : meant == "none" ? "for the driver without a GPU"
                                                    : "for nothing at all";
  return "write `" + std::string(meant) + "` " + std::string(brings);
}

// ---- capabilities

constexpr std::array kCapabilityMeanings{
    Meaning{"3d", "graphics"},
    Meaning{"egl", "graphics"},
    Meaning{"gl", "graphics"},
    Meaning{"gles", "graphics"},
    Meaning{"glx", "graphics"},
    Meaning{"gpu", "compute"},
    Meaning{"optix", "graphics"},
    Meaning{"opengl", "graphics"},
    Meaning{"raytracing", "graphics"},
    Meaning{"rtx", "graphics"},
    Meaning{"vulkan", "graphics"},
    Meaning{"cuda", "compute"},
    Meaning{"cudnn", "compute"},
    Meaning{"opencl", "compute"},
    Meaning{"tensorrt", "compute"},
    Meaning{"nvidia-smi", "utility"},
    Meaning{"nvml", "utility"},
    Meaning{"smi", "utility"},
    Meaning{"tools", "utility"},
    Meaning{"utilities", "utility"},
    Meaning{"utils", "utility"},
    Meaning{"codec", "video"},
    Meaning{"cuvid", "video"},
    Meaning{"decode", "video"},
    Meaning{"encode", "video"},
    Meaning{"ffmpeg", "video"},
    Meaning{"nvcuvid", "video"},
    Meaning{"nvdec", "video"},
    Meaning{"nvenc", "video"},
    Meaning{"vaapi", "video"},
    Meaning{"vdpau", "video"},
    Meaning{"x11", "display"},
    Meaning{"xorg", "display"},
    Meaning{"dlss", "ngx"},
    Meaning{"32bit", "compat32"},
    Meaning{"i386", "compat32"},
    Meaning{"any", "all"},
    Meaning{"*", "all"},
    Meaning{"every", "all"},
    Meaning{"enabled", "all"},
    Meaning{"true", "all"},
    Meaning{"yes", "all"},
};

std::string_view capability_near(const std::string& small) {
  const std::string_view meant = meaning_of(small, kCapabilityMeanings);
  if (!meant.empty()) return meant;
  std::vector<std::string_view> words{"all"};
  for (const Capability capability : kCapabilities) words.push_back(to_string(capability));
  return nearest(small, words);
}

}  // namespace

std::string quotes_remedy(std::string_view value) {
  for (const std::string_view quote : {"\"", "'", "`", "“", "”", "‘", "’"}) {
    if (contains(value, quote)) {
      return "leave out the quotes: they are part of the value here (Docker's --env-file and "
             "`- NAME=\"value\"` in a compose file do not remove them)";
    }
  }
  return {};
}

std::string with_quotes_remedy(std::string_view value, const std::string& remedy) {
  const std::string quotes = quotes_remedy(value);
  return quotes.empty() ? remedy : quotes + "; or " + remedy;
}

bool is_cdi_name(std::string_view name) { return parse_qualified_name(name).has_value(); }

std::string device_remedy(std::string_view name) {
  if (std::string quotes = quotes_remedy(name); !quotes.empty()) return quotes;
  if (contains(name, "nvidia-container-devices")) {
    return "let devices be asked for by volume mounts: "
           "`accept-nvidia-visible-devices-as-volume-mounts = true` in config.toml, and a mount of "
           "/dev/null on /var/run/nvidia-container-devices/NAME for each device";
  }
  if (starts_with_ignoring_case(name, "nvidia.com/gpu") ||
      starts_with_ignoring_case(name, "runtime.nvidia.com/gpu")) {
    return "write nvidia.com/gpu=NAME, with an index, whole UUID or `all`";
  }
  if (is_cdi_name(name)) return cdi_remedy(name);
  if (contains(name, "$")) return "let the shell or the compose file replace " + shown(name);
  if (name.find_first_of(" \t\n;|+") != std::string_view::npos) return "put commas between names";
  if (name.find_first_of("[]{}()") != std::string_view::npos) return "leave out the brackets";
  if (is_range(name)) return "write a range of indices as `0-3`, the smaller one first";
  if (const auto index = index_in(name)) {
    return "name a GPU by its index alone, such as `" + std::to_string(*index) + "`";
  }
  if (is_bare_uuid(name)) return "write the UUID with its prefix: `GPU-" + std::string(name) + "`";
  return selection_remedy(name);
}

std::string capability_remedy(std::string_view word) {
  if (std::string quotes = quotes_remedy(word); !quotes.empty()) return quotes;
  if (word.find_first_of(" \t\n;:|+/") != std::string_view::npos) {
    return "put commas between capabilities";
  }
  const std::string_view near = capability_near(in_small_letters(word));
  if (near.empty()) return {};
  return "write `" + std::string(near) + "` instead of " + shown(word);
}

}  // namespace nvhook
