// SPDX-License-Identifier: Apache-2.0
// Writes a CDI specification to standard output or replaces a file with it.
#include "command/cdi/cdi_output.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ostream>

#include "command/cdi/yaml_text.hpp"
#include "os/errno_error.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr mode_t kDirectoryMode = 0755;

/// Opens the directory that contains `path`. Makes it if only its last component is missing.
UniqueFd open_parent(const std::string& path, const CommandContext& context) {
  const int from = context.caller.working_directory.get();
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd opened = sys::open_beneath(from, parent.c_str(), O_PATH | O_DIRECTORY, 0);
  if (opened || errno != ENOENT) return opened;
  if (::mkdirat(from, parent.c_str(), kDirectoryMode) != 0) return UniqueFd();
  return sys::open_beneath(from, parent.c_str(), O_PATH | O_DIRECTORY, 0);
}

CdiFormat format_of_ending(const std::string& path) {
  if (path.ends_with(".json")) return CdiFormat::json;
  if (path.ends_with(".yaml") || path.ends_with(".yml")) return CdiFormat::yaml;
  throw UsageFault("--output is `-` or a file `….json`, `….yaml` or `….yml`, not `" + path + "`");
}

CdiFormat format_of_word(const std::string& word) {
  if (word == "json") return CdiFormat::json;
  if (word == "yaml") return CdiFormat::yaml;
  throw UsageFault("--format is json or yaml, not `" + word + "`");
}

}  // namespace

CdiOutput cdi_output(const std::string& path, const std::string& word, CdiFormat fallback) {
  CdiOutput output{.path = path, .format = path == "-" ? fallback : format_of_ending(path)};
  if (word.empty()) return output;
  const CdiFormat wanted = format_of_word(word);
  if (path != "-" && wanted != output.format) {
    throw UsageFault("--format " + word + " is not the format of `" + path + "`");
  }
  output.format = wanted;
  return output;
}

void write_cdi(const CdiOutput& output, const std::string& json, CommandContext& context) {
  const std::string text = output.format == CdiFormat::json ? json : json_to_yaml(json);
  if (output.path == "-") {
    context.out << text;
    return;
  }
  if (output.path.ends_with(".yml")) {
    context.err << "warning: engines read only files whose names end in .json or .yaml\n";
  }
  const UniqueFd directory = open_parent(output.path, context);
  const std::string name = output.path.substr(output.path.rfind('/') + 1);
  if (!directory || !replace_file(directory.get(), name, text, {.may_create = true})) {
    throw_errno(Code::spec_not_writable, "write `" + output.path + "`",
                "run it as root, or name another file with --output");
  }
}

}  // namespace nvhook
