// SPDX-License-Identifier: Apache-2.0
// Entries of one name are compared by the priorities of their files.
#include "cdi/cdi_entries.hpp"

#include <map>

namespace nvhook {
namespace {

struct Candidate {
  std::size_t entry = 0;
  unsigned priority = 0;
};

/// Marks the entries of one name: the one with the highest priority is usable if it is the only
/// one.
void decide(const std::vector<Candidate>& candidates, std::vector<CdiEntry>& entries) {
  for (const Candidate& candidate : candidates) {
    CdiEntry& entry = entries[candidate.entry];
    for (const Candidate& other : candidates) {
      if (other.entry == candidate.entry || other.priority < candidate.priority) continue;
      const bool hides = other.priority > candidate.priority;
      if (entry.state == CdiEntryState::hidden && !hides) continue;
      entry.state = hides ? CdiEntryState::hidden : CdiEntryState::conflict;
      entry.other_file = entries[other.entry].file;
    }
  }
}

}  // namespace

std::vector<CdiEntry> cdi_entries(const std::vector<CdiFile>& files) {
  std::vector<CdiEntry> entries;
  std::map<std::string, std::vector<Candidate>> candidates;
  for (const CdiFile& file : files) {
    if (!file.spec) continue;
    for (const CdiDevice& device : file.spec->devices) {
      const std::string name = file.spec->kind + "=" + device.name;
      candidates[name].push_back({.entry = entries.size(), .priority = file.priority});
      entries.push_back({.name = name, .file = file.path});
    }
  }
  for (const auto& [name, found] : candidates) decide(found, entries);
  return entries;
}

}  // namespace nvhook
