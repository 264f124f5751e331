// SPDX-License-Identifier: Apache-2.0
// Plans the changes, shows them, writes the files and restarts the engine.
#include "command/setup/setup.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <ostream>

#include "command/engines/docker_config.hpp"
#include "command/render/unified_diff.hpp"
#include "command/setup/engine_presence.hpp"
#include "command/setup/setup_plan.hpp"
#include "command/shell/json_document.hpp"
#include "command/shell/service.hpp"
#include "text/error.hpp"
#include "text/nearest.hpp"
#include "text/text.hpp"

namespace nvhook {

namespace {

namespace po = boost::program_options;

struct Engine {
  std::string_view name;
  std::string_view program;
  SetupPlan (*plan)(const SetupRequest& request, const RootDir& system);
  bool has_runtimes;
  bool has_cdi_switch;  ///< otherwise it reads CDI specifications without being told, or never
};

constexpr std::array kEngines{Engine{"docker", "dockerd", plan_docker, true, true},
                              Engine{"podman", "podman", plan_podman, true, false},
                              Engine{"crio", "crio", plan_crio, true, false},
                              Engine{"containerd", "containerd", plan_containerd, true, true},
                              Engine{"lxc", "lxc-start", plan_lxc, false, false}};

[[noreturn]] void refuse_engine(const std::string& name, const std::string& known) {
  std::vector<std::string_view> names;
  names.reserve(kEngines.size());
  for (const Engine& engine : kEngines) names.push_back(engine.name);
  const std::string near(nearest(name, names));
  throw UsageFault("`" + name + "` is no" + known +
                   (near.empty() ? "" : "; perhaps `" + near + "`"));
}

const Engine& engine_of(const OptionValues& values) {
  const auto names = values.count("operand") == 0
                         ? std::vector<std::string>{}
                         : values["operand"].as<std::vector<std::string>>();
  const std::string known = std::string(" engine: ") + kSetupOperands;
  if (names.size() != 1) throw UsageFault("`setup` needs one" + known);
  const auto* const found =
      std::find_if(kEngines.begin(), kEngines.end(),
                   [&](const Engine& engine) { return engine.name == names[0]; });
  if (found == kEngines.end()) refuse_engine(names[0], known);
  return *found;
}

bool is_set(const OptionValues& values, const char* name) { return values[name].as<bool>(); }

/// Returns `file` as a path from the root of the host below --host-root.
std::string absolute(const std::string& file, const CommandContext& context) {
  if (file.empty() || file.starts_with('/')) return file;
  const std::string directory = context.system.path_of(context.caller.working_directory.get());
  if (directory.empty()) {
    throw UsageFault("--config-file must be an absolute path where --host-root is not above us");
  }
  return clean_path(directory + "/" + file);
}

std::string user_config(const CallerContext& caller) {
  if (::geteuid() == 0) return {};
  if (caller.config_home.starts_with('/')) return caller.config_home;
  if (caller.home.starts_with('/')) return caller.home + "/.config";
  throw Error(Code::config_unreadable, "neither XDG_CONFIG_HOME nor HOME is set",
              "set HOME, or run it with sudo for the host's engine");
}

void check(const Engine& engine, const SetupRequest& request) {
  if (request.undo && (request.runtime || request.cdi)) {
    throw UsageFault("--undo takes out all that setup added; leave the other options out");
  }
  const std::string name = "`" + std::string(engine.name) + "`";
  if (request.runtime && !engine.has_runtimes) {
    throw UsageFault(name + " has no runtimes; leave --runtime out");
  }
  if (request.cdi && !engine.has_cdi_switch && !engine.has_runtimes) {
    throw UsageFault(name + " reads no CDI specifications; leave --cdi out");
  }
  const std::string& path = request.runtime_path;
  if (!path.empty() && (!path.starts_with('/') || !is_our_runtime(path))) {
    throw UsageFault("--runtime-path is an absolute path to a " + std::string(kRuntimeProgram) +
                     ", not `" + path + "`");
  }
}

/// What an ordinary user sets up is an engine of his own; if he has none, he means the system's.
void choose_docker(const OptionValues& values, const CommandContext& context,
                   SetupRequest& request) {
  const std::string& user = request.user_config;
  if (user.empty() || !request.config_file.empty()) return;
  if (has_rootless_docker(user, context.caller, context.system)) return;
  if (!is_set(values, "dry-run")) {
    throw Error(Code::engine_config_not_writable, "you have no rootless Docker",
                "for the system's Docker: sudo oci-nvidia setup docker; for one of your own: "
                "dockerd-rootless-setuptool.sh install");
  }
  request.user_config.clear();
}

SetupRequest request_of(const Engine& engine, const OptionValues& values,
                        const CommandContext& context) {
  SetupRequest request{.runtime = is_set(values, "runtime") || is_set(values, "set-default"),
                       .set_default = is_set(values, "set-default"),
                       .undo = is_set(values, "undo"),
                       .cdi = is_set(values, "cdi")};
  if (values.count("runtime-path") != 0) {
    request.runtime = !request.undo;  // with --undo: which one to take out
    request.runtime_path = values["runtime-path"].as<std::string>();
  }
  check(engine, request);
  if (values.count("config-file") != 0) {
    request.config_file = absolute(values["config-file"].as<std::string>(), context);
  }
  request.user_config = user_config(context.caller);
  if (engine.name == "docker") choose_docker(values, context, request);
  return request;
}

/// The members are in the order in which they are printed.
struct Report {
  const SetupPlan& plan;
  std::string_view engine = {};
  bool is_undo = false;
  bool is_dry_run = false;
  bool is_restarted = false;
  bool is_systems = true;  ///< the host's engine, not a user's

  [[nodiscard]] bool has_changes() const {
    return std::any_of(plan.changes.begin(), plan.changes.end(),
                       [](const FileChange& change) { return change.is_needed(); });
  }
  [[nodiscard]] std::string state() const {
    if (has_changes()) return is_dry_run ? "would change" : "changed";
    if (is_undo) return "nothing to undo";
    return plan.lacking.empty() ? "already set up" : "incomplete";
  }
};

void print_document(const Report& report, std::ostream& out) {
  Json document = json_document("setup", 1);
  document["engine"] = report.engine;
  document["state"] = report.state();
  document["files"] = Json::array();
  for (const FileChange& change : report.plan.changes) {
    if (!change.is_needed()) continue;
    const char* kind = !change.before ? "created" : !change.after ? "removed" : "edited";
    document["files"].push_back({{"path", change.path},
                                 {"change", kind},
                                 {"diff", unified_diff(change.path, change.before, change.after)}});
  }
  document["found"] = report.plan.found;
  document["lacking"] = report.plan.lacking;
  document["activation"] = report.plan.activation;
  document["activated"] = report.is_restarted;
  document["next"] = report.plan.next;
  print_json(document, out);
}

/// Who may run `words`: root for the host's engine, the user for his own.
std::string command_line(const Report& report, std::string_view words) {
  return (report.is_systems ? "sudo " : "") + std::string(words);
}

/// The command that does what a dry run showed.
std::string without_dry_run(const Report& report, const OptionValues& values) {
  std::string line = std::string(kCommandProgram) + " setup " + std::string(report.engine);
  for (const char* name : {"runtime", "set-default", "undo", "cdi", "restart"}) {
    if (is_set(values, name)) line += std::string(" --") + name;
  }
  for (const char* name : {"config-file", "runtime-path"}) {
    if (values.count(name) != 0) {
      line += std::string(" --") + name + " " + shell_word(values[name].as<std::string>());
    }
  }
  return command_line(report, line);
}

/// What to do is last, where people look.
void tell(const Report& report, const OptionValues& values, CommandContext& context) {
  std::ostream& err = context.err;
  const SetupPlan& plan = report.plan;
  for (const std::string& line : plan.found) err << "found: " << printable(line) << '\n';
  for (const std::string& line : plan.lacking) err << "missing: " << printable(line) << '\n';
  err << report.engine << ": " << report.state()
      << (report.is_dry_run ? "; dry run: nothing was written" : "") << '\n';
  const std::string activation = join(plan.activation, " ");
  if (report.is_restarted) err << "done: " << activation << '\n';
  if (report.is_dry_run && report.has_changes()) {
    err << "apply with: " << without_dry_run(report, values) << '\n';
  }
  if (!activation.empty() && !report.is_restarted) {
    err << (report.is_dry_run ? "and then: " : "apply with: ") << command_line(report, activation)
        << '\n';
  }
  if (report.is_dry_run) return;
  for (const std::string& line : plan.next) err << "try it: " << line << '\n';
}

enum class Show { difference, file, nothing };

Show show_of(const OptionValues& values) {
  const auto word = values["show"].as<std::string>();
  if (word == "difference") return Show::difference;
  if (word == "file") return Show::file;
  if (word == "nothing") return Show::nothing;
  throw UsageFault("--show is difference, file or nothing, not `" + word + "`");
}

void print_changes(const SetupPlan& plan, Show show, CommandContext& context) {
  for (const FileChange& change : plan.changes) {
    if (show == Show::file) context.out << change.after.value_or("");
    if (show != Show::difference) continue;
    context.out << unified_diff(change.path, change.before, change.after, context.style);
  }
}

void require_this_host(const RootDir& system) {
  if (system.path_of(system.fd()) == "/") return;
  throw UsageFault("--restart is for this host; leave --host-root out");
}

}  // namespace

void add_setup_options(po::options_description& options) {
  options.add_options()("runtime", po::bool_switch(),
                        "register the runtime `nvidia` too (containerd: in any case)")(
      "set-default", po::bool_switch(), "make it the runtime of all containers; implies --runtime")(
      "undo", po::bool_switch(), "take out what setup added, and nothing else")(
      "dry-run", po::bool_switch(), "show the difference and change nothing")(
      "restart", po::bool_switch(), "restart or reload the engine if it has to be")(
      "config-file", po::value<std::string>()->value_name("FILE"),
      "edit this file in place of the engine's own")(
      "runtime-path", po::value<std::string>()->value_name("FILE"),
      "the runtime's program, if not the installed one; implies --runtime")(
      "cdi", po::bool_switch(), "make Docker or containerd read CDI specifications")(
      "show",
      po::value<std::string>()->value_name("difference|file|nothing")->default_value("difference"),
      "what to print of the changes");
}

Outcome run_setup(const OptionValues& values, CommandContext& context) {
  const Engine& engine = engine_of(values);
  const SetupRequest request = request_of(engine, values, context);
  const bool is_dry_run = is_set(values, "dry-run");
  const bool restarts = is_set(values, "restart") && !is_dry_run;
  if (restarts) require_this_host(context.system);
  const Show show = show_of(values);
  SetupPlan plan = engine.plan(request, context.system);
  if (request.cdi && !engine.has_cdi_switch) {
    plan.found.push_back(std::string(engine.name) +
                         ": reads CDI specifications without being told");
  }
  if (!request.undo && request.config_file.empty()) {
    const std::string why = why_not_installed(engine.program, context.system);
    if (!why.empty()) plan.lacking.push_back(why);
  }
  for (const FileChange& change : plan.changes) {
    if (!is_dry_run && change.is_needed()) write_change(context.system, change);
  }
  const bool is_restarted = restarts && !plan.activation.empty();
  if (is_restarted) {
    run_systemctl(context.system, plan.activation,
                  request.user_config.empty() ? std::string() : context.caller.runtime_directory);
  }
  const Report report{.plan = plan,
                      .engine = engine.name,
                      .is_undo = request.undo,
                      .is_dry_run = is_dry_run,
                      .is_restarted = is_restarted,
                      .is_systems = request.user_config.empty()};
  if (context.json) {
    print_document(report, context.out);
  } else {
    print_changes(plan, show, context);
    static_cast<void>(context.show_now());
    tell(report, values, context);
  }
  return plan.lacking.empty() ? Outcome::good : Outcome::warning;
}

}  // namespace nvhook
