// SPDX-License-Identifier: Apache-2.0
// Parses the command line of nvidia-container-cli with GNU getopt_long.
#include "nvidia_container_cli/cli_options.hpp"

#include <getopt.h>

#include <optional>
#include <string_view>

#include "nvidia_container_cli/cli_tables.hpp"
#include "print.hpp"

namespace nvhook {
namespace {

constexpr int kUsageError = 1;

/// Reads one option after the other. getopt keeps its state in globals, so only one reader may
/// exist at a time.
class OptionReader {
 public:
  enum class Order { stop_at_operand, any };

  OptionReader(std::string name, const CliSyntax& syntax, std::vector<std::string> words,
               Order order)
      : name_(std::move(name)), syntax_(syntax), words_(std::move(words)) {
    words_.insert(words_.begin(), name_);
    for (std::string& word : words_) {
      if (word == "-?") word = "--help";  // getopt reports an error with this character
      arguments_.push_back(word.data());
    }
    arguments_.push_back(nullptr);
    letters_ = order == Order::stop_at_operand ? "+" : "";
    for (const auto options : {syntax.options, common_options()}) {
      for (const CliOption& option : options) add(option);
    }
    long_options_.push_back({});
    ::optind = 0;  // makes getopt reset its state
    ::opterr = 1;
  }

  /// Returns the key of the next option. nullopt at the end of the options, and if the program must
  /// end now (help, version, usage error): then status() is set.
  std::optional<int> next() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
    const int key = ::getopt_long(static_cast<int>(words_.size()), arguments_.data(),
                                  letters_.c_str(), long_options_.data(), nullptr);
    switch (key) {
      case -1:
        return std::nullopt;
      case '?':
        return stop(complain, cli_hint(name_), kUsageError);
      case kKeyHelp:
        return stop(tell, cli_help(name_, syntax_), 0);
      case kKeyUsage:
        return stop(tell, cli_usage(name_, syntax_), 0);
      case 'V':
        return stop(tell, cli_version(), 0);
      default:
        return key;
    }
  }

  /// The exit status if the program must end now; nullopt as long as there is work to do.
  [[nodiscard]] std::optional<int> status() const { return status_; }

  [[nodiscard]] static std::string value() { return ::optarg == nullptr ? "" : ::optarg; }

  /// The arguments after the options.
  [[nodiscard]] std::vector<std::string> operands() const {
    return {arguments_.begin() + ::optind, arguments_.end() - 1};
  }

  /// Prints the usage text and ends with an error.
  int fail() {
    stop(complain, cli_usage(name_, syntax_) + cli_hint(name_), kUsageError);
    return kUsageError;
  }

  int fail(const std::string& why) {
    stop(complain, name_ + ": " + why + "\n" + cli_hint(name_), kUsageError);
    return kUsageError;
  }

 private:
  void add(const CliOption& option) {
    const int kind = option.argument == nullptr ? no_argument
                     : option.is_optional       ? optional_argument
                                                : required_argument;
    long_options_.push_back({option.name, kind, nullptr, option.key});
    if (option.key >= kKeyUsage) return;
    letters_ += static_cast<char>(option.key);
    letters_.append(static_cast<std::size_t>(kind), ':');
  }

  static void tell(std::string_view text) { static_cast<void>(print(text)); }

  std::nullopt_t stop(void (*say)(std::string_view), const std::string& text, int status) {
    say(text);
    status_ = status;
    return std::nullopt;
  }

  std::string name_;
  const CliSyntax& syntax_;
  std::vector<std::string> words_;
  std::vector<char*> arguments_ = {};
  std::string letters_ = {};
  std::vector<option> long_options_ = {};
  std::optional<int> status_ = {};
};

void set_global(CliOptions& options, int key, const std::string& value) {
  switch (key) {
    case 'd':
      options.debug_file = value;
      break;
    case 'k':
      options.load_kmods = true;
      break;
    case 'n':
      options.without_effect.emplace_back("--no-pivot: no other root is entered");
      break;
    case 'u':
      options.without_effect.emplace_back("--user: the driver is asked without any right");
      break;
    case 'r':
      options.driver_root = value;
      break;
    case 'l':
      options.loader_cache = value;
      break;
    default:
      options.create_imex_channels = false;
  }
}

/// Sets an option that list and configure share; returns false for any other.
bool set_shared(CliSelection& selection, int key, const std::string& value) {
  switch (key) {
    case 'd':
      selection.devices.push_back(value);
      return true;
    case kKeyMigConfig:
      selection.mig_config.push_back(value);
      return true;
    case kKeyMigMonitor:
      selection.mig_monitor.push_back(value);
      return true;
    case kKeyImexChannel:
      selection.imex_channels.push_back(value);
      return true;
    case kKeyNoPersistenced:
      selection.left_out.persistenced = true;
      return true;
    case kKeyNoFabricmanager:
      selection.left_out.fabric_manager = true;
      return true;
    default:
      return false;
  }
}

void set_list(CliOptions& options, int key, const std::string& value) {
  ListSections& sections = options.sections;
  if (key == 'd') sections.devices = true;
  if (set_shared(options.selection, key, value)) return;
  switch (key) {
    case 'l':
      sections.libraries = true;
      break;
    case 'b':
      sections.binaries = true;
      break;
    case 'i':
      sections.ipcs = true;
      break;
    case 'f':
      sections.firmwares = true;
      break;
    default:
      sections.compat32 = true;
  }
}

std::optional<Capability> capability_of(int key) {
  switch (key) {
    case 'c':
      return Capability::compute;
    case 'u':
      return Capability::utility;
    case 'v':
      return Capability::video;
    case 'g':
      return Capability::graphics;
    case 'D':
      return Capability::display;
    case 'n':
      return Capability::ngx;
    case kKeyCompat32:
      return Capability::compat32;
    default:
      return std::nullopt;
  }
}

void set_configure(CliOptions& options, int key, const std::string& value) {
  CliSelection& selection = options.selection;
  if (set_shared(selection, key, value)) return;
  if (const auto capability = capability_of(key)) return selection.capabilities.insert(*capability);
  switch (key) {
    case 'p':
      options.pid = value;
      break;
    case 'r':
      selection.requirements.push_back(value);
      break;
    case 'l':
      options.without_effect.emplace_back("--ldconfig: the loader cache is written directly");
      break;
    case kKeyNoCgroups:
      options.no_cgroups = true;
      break;
    case kKeyNoDevbind:
      selection.left_out.device_nodes = true;
      break;
    case kKeyNoFirmware:
      selection.left_out.firmware = true;
      break;
    case kKeyNoCntlibs:
      options.no_cntlibs = true;
      break;
    default:
      options.cuda_compat_modes.push_back(value);
  }
}

const CliSyntax& syntax_of(CliCommand command) {
  switch (command) {
    case CliCommand::info:
      return info_syntax();
    case CliCommand::list:
      return list_syntax();
    case CliCommand::configure:
      break;
  }
  return configure_syntax();
}

void set(CliOptions& options, int key, const std::string& value) {
  switch (options.command) {
    case CliCommand::info:
      options.format = InfoFormat::csv;
      break;
    case CliCommand::list:
      set_list(options, key, value);
      break;
    case CliCommand::configure:
      set_configure(options, key, value);
      break;
  }
}

/// `list` without options, or with one IMEX option alone, lists everything.
void complete_list(CliOptions& options, const std::vector<std::string>& arguments) {
  const bool one_imex_option =
      arguments.size() == 1 && arguments.front().starts_with("--imex-channel=");
  if (options.command != CliCommand::list || (!arguments.empty() && !one_imex_option)) return;
  options.selection.devices = {"all"};
  options.sections = {.devices = true,
                      .libraries = true,
                      .binaries = true,
                      .ipcs = true,
                      .firmwares = true,
                      .compat32 = true};
}

std::variant<CliOptions, int> parse_command(const std::string& name, CliOptions options,
                                            const std::vector<std::string>& arguments) {
  OptionReader reader(name, syntax_of(options.command), arguments, OptionReader::Order::any);
  while (const auto key = reader.next()) set(options, *key, OptionReader::value());
  if (reader.status()) return *reader.status();
  const std::vector<std::string> operands = reader.operands();
  const std::size_t wanted = options.command == CliCommand::configure ? 1 : 0;
  if (operands.size() < wanted) return reader.fail();
  if (operands.size() > wanted) return reader.fail("Too many arguments");
  if (wanted == 1) options.rootfs = operands.front();
  complete_list(options, arguments);
  return options;
}

std::optional<CliCommand> command_of(std::string_view word) {
  if (word == "info") return CliCommand::info;
  if (word == "list") return CliCommand::list;
  if (word == "configure") return CliCommand::configure;
  return std::nullopt;
}

}  // namespace

std::variant<CliOptions, int> parse_cli_options(const std::string& name,
                                                const std::vector<std::string>& arguments) {
  CliOptions options;
  OptionReader reader(name, global_syntax(), arguments, OptionReader::Order::stop_at_operand);
  while (const auto key = reader.next()) set_global(options, *key, OptionReader::value());
  if (reader.status()) return *reader.status();
  const std::vector<std::string> words = reader.operands();
  const auto command = words.empty() ? std::nullopt : command_of(words.front());
  if (!command) return reader.fail();
  options.command = *command;
  return parse_command(name + " " + words.front(), std::move(options),
                       {words.begin() + 1, words.end()});
}

}  // namespace nvhook
