// SPDX-License-Identifier: Apache-2.0
// Connects, serves one runtime until it goes away, and connects again.
#include "command/nri/nri.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include "command/nri/nri_planner.hpp"
#include "command/nri/nri_socket.hpp"
#include "command/shell/end_signals.hpp"
#include "nri/nri_session.hpp"
#include "os/errno_error.hpp"
#include "os/root_dir.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

constexpr const char* kSocket = "socket";
constexpr const char* kIndex = "index";
constexpr const char* kHook = "hook";
constexpr const char* kNoHook = "no-hook";
constexpr const char* kAnnotationsOf = "annotations-of";
constexpr milliseconds kFirstPause{100};
constexpr milliseconds kLongestPause{5000};
constexpr milliseconds kForEver{-1};

struct Connection {
  std::string socket = {};
  NriPlugin plugin = {};
};

/// Whether --host-root names another directory than our own root.
bool is_in_pod(const CommandContext& context) {
  const auto own = open_root("/");
  return own && own->path_of(context.system.fd()) != "/";
}

bool is_index(const std::string& text) {
  return text.size() == 2 && std::all_of(text.begin(), text.end(),
                                         [](char digit) { return digit >= '0' && digit <= '9'; });
}

Connection connection_of(const OptionValues& values) {
  Connection connection{
      .socket = values[kSocket].as<std::string>(),
      .plugin = {.name = kCommandProgram, .index = values[kIndex].as<std::string>()}};
  if (!is_index(connection.plugin.index)) throw UsageFault("--index takes two digits, such as 90");
  return connection;
}

NriOptions options_of(const OptionValues& values, const CommandContext& context) {
  NriOptions options{.hook = values[kHook].as<std::string>()};
  if (!options.hook.starts_with('/')) throw UsageFault("--hook takes an absolute path");
  if (is_in_pod(context)) {
    options.probe = options.hook.substr(0, options.hook.rfind('/')) + "/oci-nvidia-probe";
  }
  if (values[kNoHook].as<bool>()) options.hook.clear();
  if (values.contains(kAnnotationsOf)) {
    const auto& names = values[kAnnotationsOf].as<std::vector<std::string>>();
    options.annotation_namespaces.insert(names.begin(), names.end());
  }
  return options;
}

/// From here on this process has the files of the host, as a program that was started there: in a
/// pod the host's root directory is a volume.
void enter_host(const CommandContext& context) {
  if (::fchdir(context.system.fd()) == 0 && ::chroot(".") == 0) return;
  throw Error(Code::driver_root_invalid, "enter the directory of --host-root: " + errno_text(errno),
              "give the plugin's container the capability SYS_CHROOT");
}

/// The file is read for each container, and by the hook in another directory.
void make_absolute(std::string& config_file, const CommandContext& context) {
  if (config_file.empty() || config_file.starts_with('/')) return;
  if (is_in_pod(context)) throw UsageFault("--config takes an absolute path with --host-root");
  config_file = context.system.path_of(context.caller.working_directory.get()) + "/" + config_file;
}

class Plugin {
 public:
  Plugin(Connection connection, NriOptions options, CommandContext& context)
      : connection_(std::move(connection)), options_(std::move(options)), context_(context) {}

  void run() {
    milliseconds pause = kFirstPause;
    while (true) {
      const bool was_served = serve_once();
      if (is_ended_) return;
      pause = was_served ? kFirstPause : std::min(pause * 2, kLongestPause);
      if (ends_.wait(-1, pause)) return;
    }
  }

 private:
  /// A state is told once, however often it is met.
  void say(const std::string& text) {
    if (text == said_) return;
    said_ = text;
    context_.err << printable(text) << '\n';
  }

  /// Returns whether a runtime took the plugin.
  bool serve_once() {
    const UniqueFd socket = connect_to_nri(context_.system, connection_.socket);
    if (!socket) {
      say("waiting for a runtime at " + connection_.socket + ": " + errno_text(errno));
      return false;
    }
    NriSession session(connection_.plugin, [&](const nri::CreateContainerRequest& request) {
      options_.patience = session.patience();
      return plan_by_nri(request, options_, context_);
    });
    try {
      serve(session, socket.get());
    } catch (const Error& error) {
      say(to_line(error));
    }
    return !session.runtime().empty();
  }

  void serve(NriSession& session, int socket) {
    if (!send_all(socket, session.start())) return;
    while (true) {
      is_ended_ = ends_.wait(socket, kForEver);
      if (is_ended_) return;
      const auto bytes = receive_some(socket);
      if (!bytes) {
        return say("the runtime has closed the connection" +
                   (errno == 0 ? std::string() : ": " + errno_text(errno)));
      }
      const bool was_configured = !session.runtime().empty();
      if (!send_all(socket, session.receive(*bytes))) return;
      if (!was_configured && !session.runtime().empty()) say("serving " + session.runtime());
    }
  }

  Connection connection_;
  NriOptions options_;
  CommandContext& context_;
  EndSignals ends_ = {};
  bool is_ended_ = false;
  std::string said_ = {};
};

}  // namespace

void add_nri_options(po::options_description& options) {
  options.add_options()(
      kSocket, po::value<std::string>()->value_name("PATH")->default_value("/var/run/nri/nri.sock"),
      "the runtime's socket for plugins")(
      kIndex, po::value<std::string>()->value_name("NN")->default_value("90"),
      "the place among the runtime's plugins: after those with a lower one")(
      kHook, po::value<std::string>()->value_name("PATH")->default_value(OCI_NVIDIA_HOOK_PATH),
      "where the runtime finds the hook")(
      kNoHook, po::bool_switch(),
      "devices and mounts alone, for a runtime that refuses hooks of plugins")(
      kAnnotationsOf, po::value<std::vector<std::string>>()->value_name("NAMESPACE")->composing(),
      "let the annotations of this namespace's pods count, or of all (*); may be repeated");
}

Outcome run_nri(const OptionValues& values, CommandContext& context) {
  make_absolute(context.config_file, context);
  const Connection connection = connection_of(values);
  const NriOptions options = options_of(values, context);
  if (is_in_pod(context)) enter_host(context);
  Plugin(connection, options, context).run();
  return Outcome::good;
}

}  // namespace nvhook
