// SPDX-License-Identifier: Apache-2.0
// Prints each device name of the CDI specifications, and which of them no engine resolves.
#include "command/cdi/cdi_list.hpp"

#include <algorithm>
#include <ostream>

#include "command/cdi/cdi_files.hpp"
#include "command/render/table.hpp"
#include "command/shell/json_document.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string_view to_string(CdiEntryState state) {
  switch (state) {
    case CdiEntryState::usable:
      return "usable";
    case CdiEntryState::hidden:
      return "hidden";
    case CdiEntryState::conflict:
      return "conflict";
  }
  return {};
}

/// Empty for an entry without problems.
std::string remark(const CdiEntry& entry) {
  switch (entry.state) {
    case CdiEntryState::usable:
      return {};
    case CdiEntryState::hidden:
      return "hidden by " + entry.other_file;
    case CdiEntryState::conflict:
      return "refused: also in " + entry.other_file;
  }
  return {};
}

Json to_document(const std::vector<CdiFile>& files, const std::vector<CdiEntry>& entries) {
  Json document = json_document("cdi-list", 1);
  document["devices"] = Json::array();
  for (const CdiEntry& entry : entries) {
    Json device = {{"name", entry.name}, {"file", entry.file}, {"state", to_string(entry.state)}};
    if (!entry.other_file.empty()) device["other_file"] = entry.other_file;
    document["devices"].push_back(std::move(device));
  }
  document["errors"] = Json::array();
  for (const CdiFile& file : files) {
    if (file.spec) continue;
    document["errors"].push_back({{"file", file.path}, {"error", file.error}});
  }
  return document;
}

void print_table(const std::vector<CdiEntry>& entries, CommandContext& context) {
  Table table{.head = {"DEVICE", "FILE"}};
  for (const CdiEntry& entry : entries) {
    const Colour colour = entry.state == CdiEntryState::conflict ? Colour::bad : Colour::warning;
    table.rows.push_back({{entry.name, {}}, {entry.file, {}}, {remark(entry), colour}});
  }
  context.out << to_text(table, context.style);
}

}  // namespace

void add_cdi_list_options(boost::program_options::options_description& options) {
  add_spec_dir_option(options);
}

Outcome run_cdi_list(const OptionValues& values, CommandContext& context) {
  const std::vector<CdiFile> files = read_cdi_files(context.system, spec_dirs(values));
  const std::vector<CdiEntry> entries = cdi_entries(files);
  if (context.json) {
    print_json(to_document(files, entries), context.out);
  } else if (!entries.empty()) {
    print_table(entries, context);
  } else {
    context.err << "no CDI device on this host; `oci-nvidia cdi generate --help` tells how to name "
                   "its GPUs\n";
  }
  bool is_good = true;
  for (const CdiFile& file : files) {
    if (file.spec) continue;
    is_good = false;
    if (!context.json) {
      context.err << "warning: " << printable(file.path + ": " + file.error) << '\n';
    }
  }
  is_good = is_good && std::none_of(entries.begin(), entries.end(), [](const CdiEntry& entry) {
              return entry.state == CdiEntryState::conflict;
            });
  return is_good ? Outcome::good : Outcome::warning;
}

}  // namespace nvhook
