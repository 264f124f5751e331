// SPDX-License-Identifier: Apache-2.0
// The hook's command line. Nothing else includes Boost.
#include "options.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <string_view>

namespace nvhook {
namespace {

namespace po = boost::program_options;

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
    Word{"poststart", Command::nothing, "no-op"},
    Word{"poststop", Command::nothing, "no-op"},
};

/// strconv.ParseBool.
bool parse_bool(const std::string& text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  throw UsageError("invalid boolean value \"" + text + "\"");
}

po::options_description flags() {
  po::options_description description;
  const auto flag = [] { return po::value<std::string>()->implicit_value("true"); };
  description.add_options()("config", po::value<std::string>())("debug", flag())("dry-run", flag())(
      "complete", flag())("version", flag())("help", flag())("h", flag());
  return description;
}

/// Where the flags end: at `--`, or at the first word that is neither a flag nor the value of one.
std::size_t count_flags(const std::vector<std::string>& arguments) {
  std::size_t i = 0;
  while (i < arguments.size() && arguments[i].size() > 1 && arguments[i].front() == '-' &&
         arguments[i] != "--") {
    const bool takes_next = arguments[i] == "-config" || arguments[i] == "--config";
    i += takes_next ? 2 : 1;
  }
  return std::min(i, arguments.size());
}

Command find_command(const std::vector<std::string>& arguments, std::size_t at) {
  if (at < arguments.size() && arguments[at] == "--") ++at;
  if (at >= arguments.size()) throw UsageError("a command is missing");
  const auto* const found = std::find_if(
      kWords.begin(), kWords.end(), [&](const Word& word) { return word.name == arguments[at]; });
  if (found == kWords.end()) throw UsageError("unknown command \"" + arguments[at] + "\"");
  return found->command;
}

po::variables_map parse_flags(const std::vector<std::string>& arguments) {
  using namespace po::command_line_style;  // NOLINT(google-build-using-namespace): a set of flags
  po::variables_map values;
  try {
    const po::options_description description = flags();
    const po::parsed_options parsed =
        po::command_line_parser(arguments)
            .options(description)
            .style(allow_long | allow_long_disguise | long_allow_adjacent | long_allow_next)
            .run();
    for (const po::option& option : parsed.options) {
      // A disguised flag that is not known passes as a word of its own.
      if (option.string_key.empty()) throw UsageError("unknown flag " + option.value.front());
    }
    po::store(parsed, values);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  return values;
}

}  // namespace

Options parse_options(const std::vector<std::string>& arguments) {
  const std::size_t flag_count = count_flags(arguments);
  const po::variables_map values =
      parse_flags({arguments.begin(), arguments.begin() + static_cast<std::ptrdiff_t>(flag_count)});
  const auto is_set = [&](const char* name) {
    return values.count(name) != 0 && parse_bool(values[name].as<std::string>());
  };
  Options options;
  if (values.count("config") != 0) options.config_file = values["config"].as<std::string>();
  options.debug = is_set("debug");
  options.dry_run = is_set("dry-run");
  options.complete = is_set("complete");
  if (is_set("help") || is_set("h")) {
    options.command = Command::help;
  } else if (is_set("version")) {
    options.command = Command::version;
  } else {
    options.command = find_command(arguments, flag_count);
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
                     "  -version\n    \tprint the version\n"
                     "\nCommands:\n";
  for (const Word& word : kWords) {
    text += "  " + std::string(word.name) + "\n    \t" + std::string(word.purpose) + "\n";
  }
  return text;
}

}  // namespace nvhook
