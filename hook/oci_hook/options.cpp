// SPDX-License-Identifier: Apache-2.0
// Parses the hook's command line by hand. Boost.Program_options would start the C++ library's
// streams and locales, which takes longer than everything that a container without a request needs
// (docs/performance.md).
#include "oci_hook/options.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "text/text.hpp"

namespace nvhook {
namespace {

struct Word {
  std::string_view name;
  Command command;
  std::string_view purpose;
};

constexpr std::array kWords{
    Word{"prestart", Command::run,
         "put the NVIDIA driver into the container whose state is on stdin"},
    Word{"createRuntime", Command::run, "the same"},
    Word{"createContainer", Command::run, "the same, as far as that stage allows"},
    Word{"startContainer", Command::run, "the same, as far as that stage allows"},
    Word{"precreate", Command::precreate,
         "read a config.json on stdin and print it with the driver in it (Podman)"},
    Word{"create-device-nodes", Command::create_device_nodes,
         "load the driver's modules and make its device nodes on this host"},
    Word{"remove-drop-ins", Command::remove_drop_ins,
         "remove what the hook left beside systemd scopes that are gone"},
    Word{"poststart", Command::nothing, "no-op"},
    Word{"poststop", Command::nothing, "no-op"},
};

bool to_bool(std::string_view text) {
  if (const auto value = parse_bool(text)) return *value;
  throw UsageError("invalid boolean value \"" + std::string(text) + "\"");
}

RuntimeMode to_mode(std::string_view text) {
  if (const auto mode = parse_runtime_mode(text)) return *mode;
  throw UsageError("unknown mode \"" + std::string(text) + "\"");
}

Command find_command(const std::string& name) {
  const auto* const found = std::find_if(kWords.begin(), kWords.end(),
                                         [&](const Word& word) { return word.name == name; });
  if (found == kWords.end()) throw UsageError("unknown command \"" + name + "\"");
  return found->command;
}

/// Follows Go's flag.FlagSet.Parse.
class FlagParser {
 public:
  explicit FlagParser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  Options parse() {
    while (next_ < arguments_.size() && is_flag(arguments_[next_])) {
      if (arguments_[next_++] == "--") break;
      parse_flag(arguments_[next_ - 1]);
    }
    if (help_) {
      options_.command = Command::help;
    } else if (version_) {
      options_.command = Command::version;
    } else if (next_ >= arguments_.size()) {
      throw UsageError("a command is missing");
    } else {
      options_.command = find_command(arguments_[next_]);
    }
    return std::move(options_);
  }

 private:
  static bool is_flag(std::string_view word) { return word.size() > 1 && word.front() == '-'; }

  void parse_flag(std::string_view word) {
    const std::string_view text = word.substr(word.starts_with("--") ? 2 : 1);
    const std::size_t equals = text.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view name = text.substr(0, equals);
    const std::string_view value = has_value ? text.substr(equals + 1) : std::string_view();
    if (name == "config") {
      options_.config_file = has_value ? value : next_word(name);
    } else if (name == "cdi") {
      options_.cdi = has_value ? value : next_word(name);
    } else if (name == "mode") {
      options_.mode = to_mode(has_value ? value : next_word(name));
    } else if (bool* const flag = find_flag(name)) {
      *flag = !has_value || to_bool(value);
    } else {
      throw UsageError("unknown flag " + std::string(word));
    }
  }

  bool* find_flag(std::string_view name) {
    if (name == "debug") return &options_.debug;
    if (name == "dry-run") return &options_.dry_run;
    if (name == "complete") return &options_.complete;
    if (name == "version") return &version_;
    return name == "help" || name == "h" ? &help_ : nullptr;
  }

  std::string_view next_word(std::string_view name) {
    if (next_ >= arguments_.size()) {
      throw UsageError("flag needs an argument: -" + std::string(name));
    }
    return arguments_[next_++];
  }

  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  Options options_ = {};
  bool version_ = false;
  bool help_ = false;
};

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  Options options = FlagParser(arguments).parse();
  const bool is_about_host = options.command == Command::create_device_nodes ||
                             options.command == Command::remove_drop_ins;
  if (options.dry_run && is_about_host) {
    throw UsageError("-dry-run is not for create-device-nodes and remove-drop-ins");
  }
  return options;
}

std::string usage(const std::string& name) {
  std::string text = "Usage of " + name +
                     ":\n"
                     "  -config string\n    \tconfiguration file, instead of the usual ones\n"
                     "  -debug\n    \tlog every decision to standard error\n"
                     "  -dry-run\n    \tprint what would be done as JSON, and change nothing\n"
                     "  -complete\n    \tdo what an edited config.json leaves (precreate and "
                     "nvidia-container-runtime add it)\n"
                     "  -cdi string\n    \tdo what a CDI specification leaves, with these "
                     "capabilities (`oci-nvidia cdi generate` adds it)\n"
                     "  -mode string\n    \tmode of the runtime, instead of the configured one "
                     "(nvidia-container-runtime adds it)\n"
                     "  -version\n    \tprint the version\n"
                     "\nCommands:\n";
  for (const Word& word : kWords) {
    text += "  " + std::string(word.name) + "\n    \t" + std::string(word.purpose) + "\n";
  }
  return text;
}

}  // namespace nvhook
