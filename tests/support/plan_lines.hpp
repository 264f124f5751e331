// SPDX-License-Identifier: Apache-2.0
// A plan as sorted lines, one for each step: short enough to be read for a driver of eighty files.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "plan/plan.hpp"

namespace nvhook::test {

inline std::string sorted_lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

/// `file TARGET = SOURCE`, without the source if it has the same path; `link`, `cache` (or
/// `cache32`: SONAME and path for the loader), `tmpfs`, `musl` and `note`. Flags, reasons, and
/// notes of what a driver could also have, are not shown: the plans that are compared as JSON have
/// them.
inline std::string plan_lines(const Plan& plan) {
  std::ostringstream out;
  for (const TmpfsMount& step : plan.tmpfs) out << "tmpfs " << step.target.str() << "\n";
  for (const BindMount& step : plan.mounts) {
    const char* const what = step.device                          ? "node "
                             : step.type == SourceType::regular   ? "file "
                             : step.type == SourceType::directory ? "directory "
                                                                  : "socket ";
    out << what << step.target.str();
    if (step.source.path.str() != step.target.str()) out << " = " << step.source.path.str();
    out << "\n";
  }
  for (const Symlink& step : plan.symlinks) {
    out << "link " << step.link.str() << " -> " << step.target << "\n";
  }
  for (const LoaderEntry& entry : plan.loader_entries) {
    out << (entry.abi == Abi::native ? "cache " : "cache32 ") << entry.soname << " => "
        << entry.path.str() << "\n";
  }
  if (plan.loader_path) {
    for (const auto& directory : plan.loader_path->directories) {
      out << "musl " << directory.str() << "\n";
    }
  }
  for (const Note& note : plan.notes) {
    if (note.text.starts_with("missing ")) continue;
    out << (note.level == Note::Level::info ? "note " : "warning ") << note.text << "\n";
  }
  return sorted_lines(out.str());
}

}  // namespace nvhook::test
