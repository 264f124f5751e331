// SPDX-License-Identifier: Apache-2.0
// Fuzzes the parsers of driver version, device classes, parameters, ID maps and passwd.
#include <algorithm>

#include "fuzz/fuzz.hpp"
#include "host/facts/proc_text.hpp"
#include "os/device_number.hpp"
#include "text/pci_address.hpp"
#include "text/process_text.hpp"
#include "text/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nvhook;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto version = parse_driver_version(text)) {
    fuzz::require(Version::parse(version->str()).has_value(), "a version is one");
    static_cast<void>(cuda_version_of(*version));
  }
  for (const char* name : {"nvidia", "nvidia-uvm", "nvidia-caps"}) {
    static_cast<void>(find_character_major(text, name));
  }
  static_cast<void>(find_driver_major(text));
  static_cast<void>(parse_device_file_minor(text));
  static_cast<void>(parse_device_number(text));
  static_cast<void>(parse_numbered(text, "gpu"));
  static_cast<void>(parse_pci_address(text));
  static_cast<void>(outer_id(text, 0));
  static_cast<void>(outer_id(text, 0xffffffff));
  if (const auto home = home_of(text, 0))
    fuzz::require(home->starts_with('/'), "a home is an absolute path");
  const DeviceFileSettings settings = parse_device_file_settings(text);
  fuzz::require(!settings.modify || settings.mode <= 0777, "a file that is made has a mode");
  const std::string params = forbid_device_file_changes(text);
  const bool was_allowed = text.find("ModifyDeviceFiles: 1") != std::string_view::npos;
  const auto changed = std::mismatch(text.begin(), text.end(), params.begin(), params.end());
  fuzz::require(was_allowed == (changed.first != text.end()), "a permission is taken back");
  fuzz::require(
      params.size() == text.size() && std::equal(changed.first + (was_allowed ? 1 : 0), text.end(),
                                                 changed.second + (was_allowed ? 1 : 0)),
      "all else stays");
  return 0;
}
