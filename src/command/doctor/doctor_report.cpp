// SPDX-License-Identifier: Apache-2.0
// Predicates and parsers for the values of a report.
#include "command/doctor/doctor_report.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Origin origin_of(const std::string& resolved) {
  return file_name(resolved) == "oci-nvidia-hook" ? Origin::ours : Origin::other;
}

bool HookDefinition::is_gpu_hook() const {
  if (!program.path.empty() && program.origin == Origin::ours) return true;
  const std::string name = file_name(program_path);
  return name == "oci-nvidia-hook" || name == "nvidia-container-runtime-hook" ||
         name == "nvidia-container-toolkit" || name == "nvidia-container-runtime.hook";
}

const FoundCdiSpec* find_gpu_spec(const HostReport& report) {
  const auto found = std::find_if(report.cdi_specs.begin(), report.cdi_specs.end(),
                                  [](const FoundCdiSpec& spec) { return spec.kind == kGpuKind; });
  return found == report.cdi_specs.end() ? nullptr : &*found;
}

const EngineReport* find_engine(const HostReport& report, std::string_view name) {
  const auto found = std::find_if(report.engines.begin(), report.engines.end(),
                                  [&](const EngineReport& engine) { return engine.name == name; });
  return found == report.engines.end() ? nullptr : &*found;
}

std::optional<LastFailure> parse_last_failure(const std::string& text) {
  LastFailure failure;
  for (const std::string_view line : split(text, '\n')) {
    const auto value = [&](std::string_view key) -> std::optional<std::string> {
      if (!line.starts_with(key)) return std::nullopt;
      return std::string(trim(line.substr(key.size())));
    };
    if (const auto time = value("time:")) {
      if (const auto seconds = parse_unsigned(*time)) {
        failure.time = static_cast<std::int64_t>(*seconds);
      }
    } else if (auto container = value("container:")) {
      failure.container = *std::move(container);
    } else if (auto message = value("message:")) {
      failure.message = *std::move(message);
    }
  }
  if (failure.message.empty()) return std::nullopt;
  return failure;
}

}  // namespace nvhook
