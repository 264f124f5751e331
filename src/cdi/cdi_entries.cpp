// SPDX-License-Identifier: Apache-2.0
// Which device of which file a CDI name means.
#include "cdi/cdi_entries.hpp"

#include <map>

namespace nvhook {
namespace {

struct Place {
  std::size_t entry = 0;
  unsigned priority = 0;
};

/// Of the places that have one name: those of the highest priority count, if there is one such.
void decide(const std::vector<Place>& places, std::vector<CdiEntry>& entries) {
  for (const Place& place : places) {
    CdiEntry& entry = entries[place.entry];
    for (const Place& other : places) {
      if (other.entry == place.entry || other.priority < place.priority) continue;
      const bool hides = other.priority > place.priority;
      if (entry.state == CdiEntryState::hidden && !hides) continue;
      entry.state = hides ? CdiEntryState::hidden : CdiEntryState::conflict;
      entry.other_file = entries[other.entry].file;
    }
  }
}

}  // namespace

std::vector<CdiEntry> cdi_entries(const std::vector<CdiFile>& files) {
  std::vector<CdiEntry> entries;
  std::map<std::string, std::vector<Place>> places;
  for (const CdiFile& file : files) {
    if (!file.spec) continue;
    for (const CdiDevice& device : file.spec->devices) {
      const std::string name = file.spec->kind + "=" + device.name;
      places[name].push_back({.entry = entries.size(), .priority = file.priority});
      entries.push_back({.name = name, .file = file.path});
    }
  }
  for (const auto& [name, found] : places) decide(found, entries);
  return entries;
}

}  // namespace nvhook
