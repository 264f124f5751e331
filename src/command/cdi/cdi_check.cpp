// SPDX-License-Identifier: Apache-2.0
// Compares each CDI specification with the host's current driver and prints what no longer fits.
#include "command/cdi/cdi_check.hpp"

#include <algorithm>
#include <ostream>

#include "cdi/cdi_remedy.hpp"
#include "command/cdi/cdi_files.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/json_document.hpp"
#include "host/host_facts.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

/// A specification file and what is wrong with it.
struct Checked {
  std::string file = {};
  std::string kind = {};  ///< empty if the file is not a valid specification
  std::vector<CdiFinding> findings = {};
  std::string remedy = {};  ///< empty if nothing is wrong

  [[nodiscard]] Outcome outcome() const {
    if (findings.empty()) return Outcome::good;
    const bool is_broken = std::any_of(findings.begin(), findings.end(),
                                       [](const CdiFinding& one) { return one.is_broken; });
    return is_broken ? Outcome::broken : Outcome::warning;
  }
};

bool is_nvidias(const CdiFile& file) {
  if (!file.spec) return true;
  const std::string& kind = file.spec->kind;
  return kind.starts_with("nvidia.com/") || kind.find(".nvidia.com/") != std::string::npos ||
         is_of_this_program(*file.spec);
}

std::vector<CdiFile> files_to_check(const OptionValues& values, const CommandContext& context) {
  std::vector<CdiFile> files;
  if (values.count("operand") == 0) {
    files = read_cdi_files(context.system, spec_dirs(values));
    std::erase_if(files, [](const CdiFile& file) { return !is_nvidias(file); });
    return files;
  }
  for (const std::string& path : values["operand"].as<std::vector<std::string>>()) {
    files.push_back(read_cdi_file(context.system, path_from_caller(path, context)));
  }
  return files;
}

/// Reads the host as it is now, without changing it.
HostFacts read_today(CommandContext& context) {
  const Config config = read_host_config(context).seen_from_here;
  const Request request{.devices = AllDevices{}, .capabilities = CapabilitySet::all()};
  HostFacts host = read_host(request, config, context.system, context.log);
  if (!host.inventory.mig_devices.empty()) {
    static_cast<void>(ask_about_gpus(host, config, context.log));
  }
  return host;
}

Checked check(const CdiFile& file, const Inventory& inventory, const std::vector<CdiEntry>& entries,
              const RootDir& system) {
  Checked checked{.file = file.path};
  if (!file.spec) {
    checked.findings.push_back({.is_broken = true, .text = "engines skip it: " + file.error});
  } else {
    checked.kind = file.spec->kind;
    checked.findings = check_cdi(*file.spec, inventory, look_at(system, host_paths(*file.spec)));
  }
  checked.remedy = cdi_remedy(file, checked.findings, entries, OCI_NVIDIA_HOOK_PATH);
  for (const CdiEntry& entry : entries) {
    if (entry.file != file.path || entry.state == CdiEntryState::usable) continue;
    const bool is_conflict = entry.state == CdiEntryState::conflict;
    checked.findings.push_back({.is_broken = is_conflict,
                                .text = "`" + entry.name + "` is also in " + entry.other_file +
                                        (is_conflict ? ": engines refuse it" : ", which counts")});
  }
  return checked;
}

std::string_view word_for(Outcome outcome) {
  if (outcome == Outcome::good) return "fits";
  return outcome == Outcome::warning ? "incomplete" : "stale";
}

Json to_document(const std::vector<Checked>& all, const Inventory& inventory) {
  Json document = json_document("cdi-check", 1);
  document["driver"] = inventory.driver.str();
  document["files"] = Json::array();
  for (const Checked& checked : all) {
    Json findings = Json::array();
    for (const CdiFinding& finding : checked.findings) {
      findings.push_back(
          {{"severity", finding.is_broken ? "broken" : "warning"}, {"text", finding.text}});
    }
    Json file = {{"file", checked.file},
                 {"kind", checked.kind},
                 {"state", word_for(checked.outcome())},
                 {"findings", std::move(findings)}};
    if (!checked.remedy.empty()) file["remedy"] = checked.remedy;
    document["files"].push_back(std::move(file));
  }
  return document;
}

void print_text(const std::vector<Checked>& all, CommandContext& context) {
  for (const Checked& checked : all) {
    const Outcome outcome = checked.outcome();
    const Colour colour = outcome == Outcome::good      ? Colour::good
                          : outcome == Outcome::warning ? Colour::warning
                                                        : Colour::bad;
    context.out << printable(checked.file) << ": " << context.style(colour, word_for(outcome))
                << '\n';
    for (const CdiFinding& finding : checked.findings) {
      context.out << "  " << printable(finding.text) << '\n';
    }
    if (!checked.remedy.empty()) context.out << "  Try: " << printable(checked.remedy) << '\n';
  }
}

}  // namespace

void add_cdi_check_options(po::options_description& options) { add_spec_dir_option(options); }

Outcome run_cdi_check(const OptionValues& values, CommandContext& context) {
  const std::vector<CdiFile> files = files_to_check(values, context);
  const HostFacts host = read_today(context);
  const std::vector<CdiEntry> entries = cdi_entries(files);
  std::vector<Checked> all;
  Outcome worst = Outcome::good;
  for (const CdiFile& file : files) {
    all.push_back(check(file, host.inventory, entries, context.system));
    worst = std::max(worst, all.back().outcome());
  }
  if (context.json) {
    print_json(to_document(all, host.inventory), context.out);
  } else if (all.empty()) {
    context.err << "no CDI specification of NVIDIA GPUs on this host; `oci-nvidia cdi generate "
                   "--help` tells how to write one\n";
  } else {
    print_text(all, context);
  }
  return worst;
}

}  // namespace nvhook
