// SPDX-License-Identifier: Apache-2.0
// One table of hooks, each with its options.
#include "nvidia_ctk/hook_call.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>

#include "text/text.hpp"

namespace nvhook {
namespace {

using Values = std::vector<std::string>;
using Options = std::map<std::string_view, Values>;

constexpr unsigned kPermissions = 01777;  // set-user-ID files are never made in a container

const std::string& last_of(const Options& options, std::string_view name) {
  static const std::string kNone;
  const auto found = options.find(name);
  return found == options.end() || found->second.empty() ? kNone : found->second.back();
}

/// The words of a list option: values are split at commas, as NVIDIA's parser does.
Values list_of(const Options& options, std::string_view name) {
  Values words;
  const auto found = options.find(name);
  if (found == options.end()) return words;
  for (const std::string& value : found->second) {
    for (const std::string_view word : split(value, ',')) words.emplace_back(trim(word));
  }
  return words;
}

Values paths_of(const Options& options, std::string_view name) {
  Values paths = list_of(options, name);
  if (std::find(paths.begin(), paths.end(), "") != paths.end()) {
    throw HookUsageError("--" + std::string(name) + " names an empty path");
  }
  return paths;
}

CreateSymlinks::Link link_of(const std::string& text) {
  constexpr std::string_view kSeparator = "::";
  const auto at = text.find(kSeparator);
  const bool is_pair =
      at != std::string::npos && text.find(kSeparator, at + kSeparator.size()) == std::string::npos;
  CreateSymlinks::Link link;
  if (is_pair) {
    link = {.target = text.substr(0, at),
            .path = clean_path("/" + text.substr(at + kSeparator.size()))};
  }
  if (link.target.empty() || link.path.size() < 2) {
    throw HookUsageError("--link is TARGET::LINK, not `" + text + "`");
  }
  return link;
}

HookCall create_symlinks(const Options& options) {
  CreateSymlinks call;
  for (const std::string& text : list_of(options, "link")) {
    auto link = link_of(text);
    const auto same = std::find(call.links.begin(), call.links.end(), link);
    if (same == call.links.end()) call.links.push_back(std::move(link));
  }
  return call;
}

HookCall update_cache(const Options& options) {
  return UpdateLoaderCache{.folders = paths_of(options, "folder")};
}

HookCall create_soname_links(const Options& options) {
  return UpdateLoaderCache{.folders = paths_of(options, "folder"), .links_only = true};
}

HookCall enable_compat(const Options& options) {
  EnableCudaCompat call{.driver_version = last_of(options, "host-driver-version"),
                        .cuda_version = last_of(options, "host-cuda-version")};
  if (const auto& root = last_of(options, "cuda-compat-container-root"); !root.empty()) {
    call.directory = clean_path("/" + root);
  }
  return call;
}

HookCall disable_modification(const Options& /*options*/) { return DisableNodeModification{}; }

HookCall update_profile(const Options& /*options*/) { return UpdateApplicationProfile{}; }

HookCall change_modes(const Options& options) {
  const std::string& text = last_of(options, "mode");
  const auto mode = parse_unsigned_int(text, 8);
  if (!mode || *mode > kPermissions) {
    throw HookUsageError("--mode is an octal number up to 1777, not `" + text + "`");
  }
  return ChangeModes{.mode = *mode, .paths = paths_of(options, "path")};
}

HookCall no_operation(const Options& /*options*/) { return NoHook{}; }

struct Option {
  std::string_view name;
  std::string_view value;           ///< its name in the help
  std::string_view no_effect = {};  ///< why it means nothing here
};

struct Hook {
  std::string_view name;
  std::string_view purpose;
  HookCall (*make)(const Options& options);
  std::span<const Option> options;
};

constexpr std::array kLinkOptions{
    Option{"link", "TARGET::LINK"},
    Option{"csv-filename", "FILE", "Tegra's CSV files are not supported"},
    Option{"host-root", "DIR", "links are never followed on the host"}};
constexpr std::array kCacheOptions{
    Option{"folder", "DIR"},
    Option{"ldconfig-path", "PATH", "the cache is written without ldconfig"}};
constexpr std::array kCompatOptions{Option{"host-driver-version", "VERSION"},
                                    Option{"host-cuda-version", "VERSION"},
                                    Option{"cuda-compat-container-root", "DIR"}};
constexpr std::array kModeOptions{Option{"mode", "OCTAL"}, Option{"path", "PATH"}};

constexpr std::array kHooks{
    Hook{"create-symlinks", "make links in the container", create_symlinks, kLinkOptions},
    Hook{"update-ldcache", "let the loader find libraries in folders of the container",
         update_cache, kCacheOptions},
    Hook{"enable-cuda-compat", "prefer newer CUDA compatibility libraries of the image",
         enable_compat, kCompatOptions},
    Hook{"disable-device-node-modification",
         "keep the driver's library from changing nodes",
         disable_modification,
         {}},
    Hook{"update-application-profile",
         "show EGL and Vulkan the container's GPUs only",
         update_profile,
         {}},
    Hook{"chmod", "set permissions in the container", change_modes, kModeOptions},
    Hook{"noop", "do nothing", no_operation, {}},
    // Names in release candidates.
    Hook{"create-soname-symlinks", "make the links by SONAME in folders", create_soname_links,
         kCacheOptions},
    Hook{"cuda-compat", "enable-cuda-compat", enable_compat, kCompatOptions},
    Hook{"update-nvidia-params", "disable-device-node-modification", disable_modification, {}},
};

/// Of every hook: where the container's state is read, `-` for standard input.
constexpr Option kStateOption{"container-spec", "FILE"};

/// A word that may be an option, split.
struct Flag {
  std::string name = {};
  std::optional<std::string> value = {};
};

std::optional<Flag> flag_of(const std::string& word) {
  if (word.size() < 2 || word.front() != '-' || word == "--") return std::nullopt;
  const std::string text = word.substr(word.starts_with("--") ? 2 : 1);
  const auto equals = text.find('=');
  Flag flag{.name = text.substr(0, equals)};
  if (equals != std::string::npos) flag.value = text.substr(equals + 1);
  return flag;
}

bool is_switched_on(const Flag& flag) {
  const auto value = parse_bool(flag.value.value_or("true"));
  if (!value) {
    throw HookUsageError("--" + flag.name + " is true or false, not `" + *flag.value + "`");
  }
  return *value;
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& arguments) : arguments_(arguments) {}

  HookCommandLine parse() {
    while (next_ < arguments_.size()) {
      const auto flag = flag_of(arguments_[next_]);
      if (!flag) break;
      ++next_;
      if (!take_global(*flag)) throw HookUsageError("unknown option `" + flag->name + "`");
    }
    if (line_.answer != HookCommandLine::Answer::none) return std::move(line_);
    if (next_ >= arguments_.size()) {
      line_.call = NoHook{"no CDI hook is named"};
      return std::move(line_);
    }
    take_hook(arguments_[next_++]);
    return std::move(line_);
  }

 private:
  /// Options of the program, which may also stand behind the hook's name.
  bool take_global(const Flag& flag) {
    if (flag.name == "debug" || flag.name == "d") {
      line_.debug = is_switched_on(flag);
    } else if (flag.name == "quiet") {
      line_.quiet = is_switched_on(flag);
    } else if (flag.name == "help" || flag.name == "h") {
      line_.answer = HookCommandLine::Answer::help;
    } else if (flag.name == "version" || flag.name == "v") {
      line_.answer = HookCommandLine::Answer::version;
    } else {
      return false;
    }
    return true;
  }

  void take_hook(const std::string& name) {
    line_.name = name;
    const auto* const hook = std::find_if(kHooks.begin(), kHooks.end(),
                                          [&](const Hook& row) { return row.name == name; });
    if (hook == kHooks.end()) {
      line_.call = NoHook{"unsupported CDI hook `" + name + "`: it is left out"};
      return;
    }
    Options options;
    while (next_ < arguments_.size()) take_option(*hook, options);
    if (line_.answer == HookCommandLine::Answer::none) line_.call = hook->make(options);
  }

  /// Words that are no options are ignored, as by NVIDIA's program.
  void take_option(const Hook& hook, Options& options) {
    const std::string& word = arguments_[next_++];
    auto flag = flag_of(word);
    if (!flag || take_global(*flag)) return;
    const auto* const known =
        std::find_if(hook.options.data(), hook.options.data() + hook.options.size(),
                     [&](const Option& option) { return option.name == flag->name; });
    const bool is_known = known != hook.options.data() + hook.options.size();
    if (!is_known && flag->name != kStateOption.name) {
      throw HookUsageError(std::string(hook.name) + " has no option `" + word + "`");
    }
    if (!flag->value) {
      if (next_ >= arguments_.size()) throw HookUsageError("`" + word + "` lacks a value");
      flag->value = arguments_[next_++];
    }
    if (!is_known) {
      line_.state_file = *flag->value == "-" ? "" : *flag->value;
    } else if (!known->no_effect.empty()) {
      line_.without_effect.push_back("--" + flag->name + ": " + std::string(known->no_effect));
    } else {
      options[known->name].push_back(*std::move(flag->value));
    }
  }

  const std::vector<std::string>& arguments_;
  std::size_t next_ = 0;
  HookCommandLine line_ = {};
};

}  // namespace

HookCommandLine parse_hook_call(const std::vector<std::string>& arguments) {
  return Parser(arguments).parse();
}

std::string hook_usage(const std::string& program) {
  constexpr std::size_t kColumn = 34;
  std::string text = "Usage: " + program +
                     " [--debug] [--quiet] HOOK [OPTION]...\n"
                     "Hooks of CDI specifications by NVIDIA's tools; the container's state is read "
                     "from standard input.\n\nHooks:\n";
  for (const Hook& hook : kHooks) {
    std::string name = "  " + std::string(hook.name);
    name.resize(std::max(name.size() + 1, kColumn + 2), ' ');
    text += name + std::string(hook.purpose) + "\n";
    for (const Option& option : hook.options) {
      text += "      --" + std::string(option.name) + " " + std::string(option.value) + "\n";
    }
  }
  return text;
}

}  // namespace nvhook
