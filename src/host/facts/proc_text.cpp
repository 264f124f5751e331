// SPDX-License-Identifier: Apache-2.0
// All parsers take the text as it is; unknown lines and missing fields are no error.
#include "host/facts/proc_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the trimmed value of the line `<key>: <value>`, or nullopt if there is no such line.
std::optional<std::string_view> find_field(std::string_view text, std::string_view key) {
  for (const std::string_view line : split(text, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) != key) continue;
    return trim(line.substr(colon + 1));
  }
  return std::nullopt;
}

struct DriverBranch {
  unsigned branch = 0;
  std::string_view cuda = {};
};

// From the CUDA toolkit release notes, in ascending order. 430 is missing because it was shipped
// with two values.
constexpr std::array kBranches{
    DriverBranch{410, "10.0"}, DriverBranch{418, "10.1"}, DriverBranch{435, "10.1"},
    DriverBranch{440, "10.2"}, DriverBranch{450, "11.0"}, DriverBranch{455, "11.1"},
    DriverBranch{460, "11.2"}, DriverBranch{465, "11.3"}, DriverBranch{470, "11.4"},
    DriverBranch{495, "11.5"}, DriverBranch{510, "11.6"}, DriverBranch{515, "11.7"},
    DriverBranch{520, "11.8"}, DriverBranch{525, "12.0"}, DriverBranch{530, "12.1"},
    DriverBranch{535, "12.2"}, DriverBranch{545, "12.3"}, DriverBranch{550, "12.4"},
    DriverBranch{555, "12.5"}, DriverBranch{560, "12.6"}, DriverBranch{565, "12.7"},
    DriverBranch{570, "12.8"}, DriverBranch{575, "12.9"}, DriverBranch{580, "13.0"},
    DriverBranch{590, "13.1"}, DriverBranch{595, "13.2"}, DriverBranch{610, "13.3"},
    DriverBranch{615, "13.4"},
};

/// Parses `config`, `monitor`, `gpu0/gi1/access` or `gpu0/gi1/ci0/access`.
std::optional<MigCapability> parse_mig_path(std::string_view path) {
  if (path == "config") return MigCapability{.role = MigCapability::Role::config};
  if (path == "monitor") return MigCapability{.role = MigCapability::Role::monitor};
  const auto parts = split(path, '/');
  if ((parts.size() != 3 && parts.size() != 4) || parts.back() != "access") return std::nullopt;
  const auto gpu = parse_numbered(parts[0], "gpu");
  const auto instance = parse_numbered(parts[1], "gi");
  if (!gpu || !instance) return std::nullopt;
  MigCapability capability{
      .role = MigCapability::Role::instance, .gpu_minor = *gpu, .gpu_instance = *instance};
  if (parts.size() == 4) {
    capability.compute_instance = parse_numbered(parts[2], "ci");
    if (!capability.compute_instance) return std::nullopt;
  }
  return capability;
}

}  // namespace

std::optional<Version> parse_driver_version(std::string_view text) {
  const std::string_view first_line = text.substr(0, text.find('\n'));
  const auto words = split_list(first_line, ' ');
  if (words.empty() || words.front() != "NVRM") return std::nullopt;
  // The words before the version differ between the open and the closed module; the version is the
  // first word with a dot that parses.
  for (const std::string_view word : words) {
    if (word.find('.') == std::string_view::npos) continue;
    if (auto version = Version::parse(word)) return version;
  }
  return std::nullopt;
}

std::string_view find_build_version(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  const auto words = split_list(text.substr(0, text.find('\n')), ' ');
  if (words.empty() || words.front() != "NVRM") return {};
  const auto found = std::find_if(words.begin(), words.end(), [&](std::string_view word) {
    const auto dot = word.find_first_not_of(kDigits);
    return dot != 0 && dot != std::string_view::npos && word[dot] == '.';
  });
  return found == words.end() ? std::string_view() : *found;
}

std::optional<Gpu> parse_gpu_information(std::string_view text, std::string_view pci) {
  const auto minor_text = find_field(text, "Device Minor");
  const auto minor = minor_text ? parse_unsigned_int(*minor_text) : std::nullopt;
  if (!minor) return std::nullopt;
  Gpu gpu{.minor = *minor, .pci = std::string(pci)};
  gpu.model = find_field(text, "Model").value_or("");
  gpu.excluded = find_field(text, "GPU Excluded").value_or("No") == "Yes";
  // Before a GPU is initialised, the kernel prints question marks for the digits.
  const std::string_view uuid = find_field(text, "GPU UUID").value_or("");
  if (uuid.find('?') == std::string_view::npos) gpu.uuid = uuid;
  return gpu;
}

std::optional<unsigned> find_character_major(std::string_view devices, std::string_view name) {
  bool in_section = false;
  for (const std::string_view line : split(devices, '\n')) {
    if (line == "Character devices:") {
      in_section = true;
    } else if (trim(line).empty()) {
      if (in_section) return std::nullopt;
    } else if (in_section) {
      const std::string_view entry = trim(line);
      const auto space = entry.find(' ');
      if (space != std::string_view::npos && trim(entry.substr(space)) == name) {
        return parse_unsigned_int(entry.substr(0, space));
      }
    }
  }
  return std::nullopt;
}

std::optional<unsigned> parse_device_file_minor(std::string_view text) {
  const auto value = find_field(text, "DeviceFileMinor");
  return value ? parse_unsigned_int(*value) : std::nullopt;
}

std::vector<MigCapability> parse_mig_minors(std::string_view text) {
  std::vector<MigCapability> capabilities;
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_list(line, ' ');
    const auto minor = words.size() == 2 ? parse_unsigned_int(words[1]) : std::nullopt;
    if (!minor) continue;
    auto capability = parse_mig_path(words[0]);
    if (!capability) continue;
    capability->minor = *minor;
    capabilities.push_back(*capability);
  }
  return capabilities;
}

std::string forbid_device_file_changes(std::string_view params) {
  static constexpr std::string_view kAllowed = "ModifyDeviceFiles: 1";
  std::string text(params);
  if (const auto at = text.find(kAllowed); at != std::string::npos) {
    text[at + kAllowed.size() - 1] = '0';
  }
  return text;
}

std::optional<Version> cuda_version_of(const Version& driver) {
  const auto* const found =
      std::find_if(kBranches.begin(), kBranches.end(),
                   [&](const DriverBranch& row) { return row.branch == driver.major(); });
  return found == kBranches.end() ? std::nullopt : Version::parse(found->cuda);
}

std::optional<Version> least_cuda_version_of(const Version& driver) {
  const auto* const later =
      std::find_if(kBranches.begin(), kBranches.end(),
                   [&](const DriverBranch& row) { return row.branch > driver.major(); });
  return later == kBranches.begin() ? std::nullopt : Version::parse(std::prev(later)->cuda);
}

unsigned find_driver_major(std::string_view devices) {
  constexpr unsigned kAssigned = 195;
  for (const std::string_view name : {"nvidia-frontend", "nvidia"}) {
    if (const auto found = find_character_major(devices, name)) return *found;
  }
  return kAssigned;
}

DeviceFileSettings parse_device_file_settings(std::string_view text) {
  constexpr unsigned kMaxMode = 0777;
  DeviceFileSettings settings;
  const auto read = [&](std::string_view key, unsigned& value) {
    const auto field = find_field(text, key);
    if (!field) return;
    const auto number = parse_unsigned_int(*field);
    value = number.value_or(value);
    settings.modify = settings.modify && number;
  };
  read("DeviceFileUID", settings.uid);
  read("DeviceFileGID", settings.gid);
  read("DeviceFileMode", settings.mode);
  settings.modify = settings.modify && settings.mode <= kMaxMode;
  for (const std::string_view key : {"ModifyDeviceFiles", "DeviceFileModify"}) {
    settings.modify = settings.modify && find_field(text, key).value_or("1") == "1";
  }
  return settings;
}

}  // namespace nvhook
