// SPDX-License-Identifier: Apache-2.0
// Reads a specification from a file or standard input, and writes it with other paths.
#include "command/cdi/cdi_transform.hpp"

#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "cdi/cdi_root.hpp"
#include "command/cdi/cdi_files.hpp"
#include "command/cdi/cdi_output.hpp"
#include "command/cdi/yaml_document.hpp"
#include "os/files.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

std::string directory_of(const OptionValues& values, const char* option) {
  if (values.count(option) == 0) throw UsageFault("--" + std::string(option) + " is missing");
  auto path = values[option].as<std::string>();
  if (!path.starts_with('/')) {
    throw UsageFault("--" + std::string(option) + " is an absolute path, not `" + path + "`");
  }
  return path;
}

RootOf side_of(const std::string& word) {
  if (word == "host") return RootOf::host;
  if (word == "container") return RootOf::container;
  throw UsageFault("--relative-to is host or container, not `" + word + "`");
}

void require_root(const OptionValues& values) {
  const auto words = values.count("operand") == 0
                         ? std::vector<std::string>()
                         : values["operand"].as<std::vector<std::string>>();
  if (words != std::vector{std::string(kCdiTransformOperands)}) {
    throw UsageFault("the command is `cdi transform root`");
  }
}

std::string read_input(const std::string& path, const CommandContext& context) {
  const auto text = path == "-" ? read_all(STDIN_FILENO, kMaxCdiFile)
                                : context.system.read(path_from_caller(path, context), kMaxCdiFile);
  if (text) return *text;
  throw Error(
      Code::config_unreadable,
      (path == "-" ? "standard input" : "`" + path + "`") + " cannot be read, or is above 16 MiB",
      "name a CDI specification with --input");
}

}  // namespace

void add_cdi_transform_options(po::options_description& options) {
  const auto text = [](const char* name, const char* fallback) {
    return po::value<std::string>()->value_name(name)->default_value(fallback);
  };
  const auto own = [](const char* name) { return po::value<std::string>()->value_name(name); };
  options.add_options()("from", own("DIR"), "the directory that the paths are below")(
      "to", own("DIR"), "the directory that takes its place")(
      "relative-to", text("host|container", "host"), "whose paths are changed")(
      "input", text("FILE", "-"), "the specification, JSON or YAML; - is standard input")(
      "output,o", text("FILE", "-"), "write to this file, at once; - prints");
}

Outcome run_cdi_transform(const OptionValues& values, CommandContext& context) {
  require_root(values);
  const RootChange change{.side = side_of(values["relative-to"].as<std::string>()),
                          .from = directory_of(values, "from"),
                          .to = directory_of(values, "to")};
  const std::string text = read_input(values["input"].as<std::string>(), context);
  const bool is_json = trim(text).starts_with('{');
  const CdiOutput output = cdi_output(values["output"].as<std::string>(), "",
                                      is_json ? CdiFormat::json : CdiFormat::yaml);
  write_cdi(output, with_other_root(is_json ? text : yaml_to_json(text), change), context);
  return Outcome::good;
}

}  // namespace nvhook
