// SPDX-License-Identifier: Apache-2.0
// The order: programs, their configuration, the engine's, its restart, labels; and back in the
// other direction.
#include "command/node/node_install.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <ostream>

#include "command/doctor/doctor_checks.hpp"
#include "command/doctor/doctor_read.hpp"
#include "command/engines/host_config.hpp"
#include "command/node/node_labels.hpp"
#include "host/host_facts.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr mode_t kText = 0644;

std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// Absent: this node has no driver that can be read now.
std::optional<Inventory> read_inventory(CommandContext& context) {
  try {
    const HostConfig config = read_host_config(context);
    const Request everything{.devices = AllDevices{}, .capabilities = CapabilitySet::all()};
    return read_host(everything, config.seen_from_here, context.system, context.log).inventory;
  } catch (const Error& error) {
    context.log.line(error.what());
    return std::nullopt;
  }
}

void add(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

}  // namespace

NodeInstaller::NodeInstaller(const NodeTask& task, const RootDir& root, NodeClaim& claim,
                             CommandContext& context)
    : task_(task), claim_(claim), context_(context), files_(root, [this](const std::string& path) {
        add(claim_.record().made, path);
        claim_.save();
      }) {}

void NodeInstaller::say(const std::string& line) { context_.err << printable(line) << '\n'; }

void NodeInstaller::remember(const std::string& file) {
  add(claim_.record().files, file);
  claim_.save();
}

void NodeInstaller::install() {
  NodeRecord& record = claim_.record();
  const bool moves = !record.directory.empty() && record.directory != task_.directory;
  if (moves) {
    take_engine_back();
    take_programs_back();
    files_.remove_empty(record.made);
  }
  record.directory = task_.directory;
  record.version = OCI_NVIDIA_VERSION;
  for (const NodeProgram& program : task_.programs) add(record.programs, program.name);
  claim_.save();
  put_programs(task_.programs, task_.directory, files_);
  say("programs of version " + record.version + " are in " + task_.directory);
  put_texts();
  configure_engine();
  restart_engine();
  refresh_labels();
  tell_findings();
}

/// What `oci-nvidia doctor` would say is no reason to end: the driver may come later.
void NodeInstaller::tell_findings() {
  if (!task_.is_checked) return;
  const std::string& engine = claim_.record().engine;
  if (engine != "containerd" && engine != "crio") return;  // the others' files are elsewhere
  try {
    for (const Diagnosis& finding : examine(read_report(context_, engine), all_checks(engine))) {
      const Seen& seen = finding.seen;
      if (seen.verdict != Verdict::bad && seen.verdict != Verdict::warning) continue;
      say("doctor: " + std::string(to_string(seen.verdict)) + ": " + seen.text +
          (seen.remedy.empty() ? "" : ". Try: " + seen.remedy));
    }
  } catch (const Error& error) {
    say("doctor: " + to_line(error));
  }
}

void NodeInstaller::put_texts() {
  for (const NodeText& text : task_.texts) {
    const auto& ours = claim_.record().files;
    const bool is_ours = std::find(ours.begin(), ours.end(), text.path) != ours.end();
    if (!is_ours && !text.replaces && files_.root().open(text.path, O_PATH | O_NOFOLLOW)) {
      say(text.path + " is there, and stays as it is: nobody but you decides which requests count");
      continue;
    }
    const auto content = text.made ? text.made() : std::optional(text.text);
    if (!content) continue;
    remember(text.path);
    files_.put(text.path, *content, kText);
  }
}

SetupPlan NodeInstaller::plan_engine(const NodeEngine& engine, const SetupRequest& request) const {
  return plan_node_engine(engine, request,
                          engine.written_at.empty() ? files_.root() : context_.system);
}

bool NodeInstaller::change_engine(const NodeEngine& engine, const SetupPlan& plan) {
  NodeRecord& record = claim_.record();
  bool changes = false;
  for (FileChange change : plan.changes) {
    if (!change.is_needed()) continue;
    changes = true;
    record.restart_is_due = true;
    claim_.save();
    if (!engine.written_at.empty()) change.path = engine.written_at;
    static_cast<void>(files_.directory(parent_of(change.path)));
    write_change(files_.root(), change);
  }
  return changes;
}

void NodeInstaller::configure_engine() {
  NodeRecord& record = claim_.record();
  if (!task_.engine) return;
  const NodeEngine& engine = *task_.engine;
  if (!record.engine.empty() &&
      (record.engine != engine.name || record.engine_config != engine.config)) {
    take_engine_back();
  }
  record.restart_is_due = record.restart_is_due || (record.engine.empty() && engine.config.empty());
  record.engine = engine.name;
  record.engine_config = engine.config;
  record.engine_imports = engine.imports;
  record.engine_written_at = engine.written_at;
  claim_.save();
  const std::string& written = engine.written_at.empty() ? engine.config : engine.written_at;
  if (!written.empty()) files_.remove_leftovers(written);
  const SetupPlan plan = plan_engine(engine, task_.setup);
  for (const std::string& line : plan.lacking) say("warning: " + line);
  if (change_engine(engine, plan)) say("configured " + engine.name + " in " + engine.config);
}

void NodeInstaller::restart_engine() {
  NodeRecord& record = claim_.record();
  if (!record.restart_is_due) return;
  std::string told;
  if (restart_node_engine(record.engine, task_.restart,
                          {.files = files_.root(), .host = context_.system}, told)) {
    say("restarted " + record.engine);
  } else {
    say(told);
  }
  record.restart_is_due = false;
  claim_.save();
}

void NodeInstaller::refresh_labels() {
  if (!task_.has_labels) return;
  const auto inventory = read_inventory(context_);
  remember(kNodeLabelsFile);
  files_.put(kNodeLabelsFile, node_labels(OCI_NVIDIA_VERSION, inventory ? &*inventory : nullptr),
             kText);
}

void NodeInstaller::take_engine_back() {
  const NodeRecord& record = claim_.record();
  if (record.engine.empty()) return;
  const NodeEngine engine{.name = record.engine,
                          .config = record.engine_config,
                          .imports = record.engine_imports,
                          .written_at = record.engine_written_at};
  const std::string& written = engine.written_at.empty() ? engine.config : engine.written_at;
  if (!written.empty()) files_.remove_leftovers(written);
  if (change_engine(engine, plan_engine(engine, {.undo = true}))) {
    say("took the runtime out of " + engine.config);
  }
}

void NodeInstaller::take_programs_back() {
  NodeRecord& record = claim_.record();
  const std::size_t users = containers_started_by(record.directory, context_.system);
  if (users != 0) {
    say(record.directory + " stays, because " + std::to_string(users) +
        " containers that run were started with it: when they are gone, `oci-nvidia node --remove` "
        "removes it");
    return;
  }
  for (const std::string& name : record.programs) files_.take_away(record.directory + "/" + name);
  record.programs.clear();
  record.directory.clear();
}

void NodeInstaller::take_back() {
  NodeRecord& record = claim_.record();
  const bool finds_programs = !record.engine.empty() && record.engine_config.empty();
  take_engine_back();
  if (!finds_programs) restart_engine();
  for (const std::string& file : record.files) files_.take_away(file);
  record.files.clear();
  take_programs_back();
  if (finds_programs) {
    record.restart_is_due = true;
    restart_engine();
  }
  record.engine.clear();
  files_.remove_empty(record.made);
  record.owner.clear();
  if (record.directory.empty()) {
    claim_.forget();
    say("everything is taken back");
  } else {
    claim_.save();
  }
}

}  // namespace nvhook
