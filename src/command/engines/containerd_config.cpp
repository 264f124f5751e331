// SPDX-License-Identifier: Apache-2.0
// Edits the text itself, then parses the result with toml++ to verify that containerd will find the
// handler.
#include "command/engines/containerd_config.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "command/engines/docker_config.hpp"
#include "command/render/marked_text.hpp"
#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kEnd = std::numeric_limits<std::size_t>::max();
constexpr const char* kDefaultKey = "default_runtime_name";
constexpr const char* kCdiKey = "enable_cdi";

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Code::config_invalid, why,
              "take it out, or add the runtime by hand as docs/setup.md shows; setup replaces "
              "nothing that is there");
}

/// Returns the name of the CRI plugin in this version of the configuration.
std::string cri_of(const toml::table& document, const std::string& filename) {
  const auto version = document["version"].value_or<std::int64_t>(1);
  if (version == 1) return "cri";
  if (version == 2) return "io.containerd.grpc.v1.cri";
  if (version == 3 || version == 4) return "io.containerd.cri.v1.runtime";
  throw Error(Code::config_invalid,
              filename + ": version " + std::to_string(version) + " of configuration is unknown",
              "look for a newer oci-nvidia-hook, or add the runtime by hand");
}

/// The section of the CRI plugin that contains the runtimes.
struct CriSection {
  std::vector<std::string> keys = {};
  toml::node_view<const toml::node> node = {};

  /// Returns for example `[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.nvidia]`.
  [[nodiscard]] std::string header(const std::string& below) const {
    return "[plugins.\"" + keys.at(1) + "\".containerd" + below + "]";
  }
};

CriSection section_of(const toml::table& document, const std::string& filename) {
  const std::string cri = cri_of(document, filename);
  return {.keys = {"plugins", cri, "containerd"}, .node = document["plugins"][cri]["containerd"]};
}

std::string default_of(const CriSection& section) {
  return section.node[kDefaultKey].value_or(std::string());
}

bool uses_systemd(const CriSection& section) {
  return section.node["runtimes"]["runc"]["options"]["SystemdCgroup"].value_or(false);
}

bool has_runtime(const CriSection& section, const std::string& filename) {
  const auto runtime = section.node["runtimes"][kRuntimeName];
  if (!runtime) return false;
  const std::string program = runtime["options"]["BinaryName"].value_or(std::string());
  if (!is_our_runtime(program)) {
    refuse(filename + ": the runtime `nvidia` is `" + program + "`, which is not " +
           kRuntimeProgram);
  }
  return true;
}

/// Returns true if `line` is the header of the table `keys`, however they are quoted.
bool is_header(std::string_view line, const std::vector<std::string>& keys) {
  if (!trim(line).starts_with('[') || trim(line).starts_with("[[")) return false;
  try {
    const toml::table document = parse_toml(line, "line");
    const toml::table* table = &document;
    for (const std::string& key : keys) {
      if (table->size() != 1) return false;
      table = (*table)[key].as_table();
      if (table == nullptr) return false;
    }
    return table->empty();
  } catch (const Error&) {
    return false;
  }
}

std::size_t line_of_header(std::string_view text, const std::vector<std::string>& keys) {
  const auto lines = split(text, '\n');
  const auto found = std::find_if(lines.begin(), lines.end(),
                                  [&](std::string_view line) { return is_header(line, keys); });
  return found == lines.end() ? kEnd : static_cast<std::size_t>(found - lines.begin());
}

/// Sets a key by `line` if the file already has the key, which is then `now`, or its table.
/// Otherwise returns `text` unchanged: a block at the end brings the table.
std::string with_key(const std::string& text, const std::vector<std::string>& table,
                     const toml::node_view<const toml::node>& now, const std::string& line) {
  if (now) return with_replaced_line(text, now.node()->source().begin.line - 1, {line});
  const std::size_t header = line_of_header(text, table);
  return header == kEnd ? text : with_block(text, header + 1, {line});
}

std::string with_default(const std::string& text, const CriSection& section) {
  return with_key(text, section.keys, section.node[kDefaultKey],
                  std::string("  ") + kDefaultKey + " = \"" + kRuntimeName + "\"");
}

bool reads_cdi(const toml::table& document, const std::string& filename) {
  const std::string cri = cri_of(document, filename);
  const bool by_default = document["version"].value_or<std::int64_t>(1) > 2;
  return document["plugins"][cri][kCdiKey].value_or(by_default);
}

void add_handler(std::vector<std::string>& lines, const CriSection& section,
                 const std::string& name, const std::string& program, bool uses_systemd) {
  const std::string table = ".runtimes." + name;
  lines.insert(lines.end(),
               {section.header(table), "  runtime_type = \"io.containerd.runc.v2\"",
                section.header(table + ".options"), "  BinaryName = \"" + program + "\""});
  if (uses_systemd) lines.emplace_back("  SystemdCgroup = true");
}

/// Returns the lines of the handlers' tables.
std::vector<std::string> handlers(const CriSection& section, const ContainerdRuntime& runtime) {
  const bool systemd = runtime.uses_systemd || uses_systemd(section);
  std::vector<std::string> lines;
  add_handler(lines, section, kRuntimeName, runtime.program, systemd);
  if (!runtime.all_modes) return lines;
  for (const ModeRuntime& one : kModeRuntimes) {
    add_handler(lines, section, one.name, runtime.program + one.ending, systemd);
  }
  return lines;
}

/// Throws Error(config_invalid) unless containerd would find in `text` what was to be added.
void verify(const std::string& text, bool as_default, const std::string& filename) {
  try {
    const toml::table document = parse_toml(text, filename);
    const CriSection section = section_of(document, filename);
    if (has_runtime(section, filename) && (!as_default || default_of(section) == kRuntimeName)) {
      return;
    }
  } catch (const Error&) {
    // Inline tables cannot be extended.
  }
  refuse(filename + ": the tables of its CRI plugin are written so that none can be added");
}

/// Returns whether setup wrote all of `text`.
bool is_new_file(const std::string& text) {
  for (const std::int64_t version : {2, 3, 4}) {
    for (const bool imports : {false, true}) {
      if (text == new_containerd_config({version, imports})) return true;
    }
  }
  return false;
}

}  // namespace

std::string new_containerd_config(const ContainerdSupport& support) {
  std::string text =
      "# Written by `oci-nvidia setup containerd`.\nversion = " + std::to_string(support.version) +
      "\n";
  // The file takes the place of containerd's default configuration, which has this.
  if (support.imports_drop_ins) text += std::string("imports = [\"") + kContainerdDropIns + "\"]\n";
  return text;
}

std::string with_containerd_runtime(const std::optional<std::string>& text,
                                    const ContainerdRuntime& runtime, const std::string& filename) {
  const std::string now = text.value_or(new_containerd_config(runtime.support));
  const toml::table document = parse_toml(now, filename);
  const CriSection section = section_of(document, filename);
  const bool adds_runtime = !has_runtime(section, filename);
  const bool adds_default = runtime.as_default && default_of(section) != kRuntimeName;
  std::string edited = now;
  std::vector<std::string> lines =
      adds_runtime ? handlers(section, runtime) : std::vector<std::string>{};
  if (adds_default) {
    edited = with_default(now, section);
    if (edited == now) {
      lines.insert(lines.begin(), {section.header(""), std::string("  ") + kDefaultKey + " = \"" +
                                                           kRuntimeName + "\""});
    }
  }
  if (!lines.empty()) edited = with_block(edited, kEnd, lines);
  if (edited != now) verify(edited, adds_default, filename);
  return edited;
}

std::string with_containerd_cdi(const std::string& text, const std::string& filename) {
  const toml::table document = parse_toml(text, filename);
  if (reads_cdi(document, filename)) return text;
  const std::string cri = cri_of(document, filename);
  const std::string line = std::string("  ") + kCdiKey + " = true";
  const toml::table& constant = document;
  std::string edited = with_key(text, {"plugins", cri}, constant["plugins"][cri][kCdiKey], line);
  if (edited == text) edited = with_block(text, kEnd, {"[plugins.\"" + cri + "\"]", line});
  try {
    if (reads_cdi(parse_toml(edited, filename), filename)) return edited;
  } catch (const Error&) {
    // Inline tables cannot be extended.
  }
  refuse(filename + ": the table of its CRI plugin is written so that nothing can be added");
}

std::optional<std::string> without_containerd_runtime(const std::optional<std::string>& text,
                                                      const std::string& filename) {
  if (!text) return text;
  std::string before = without_blocks(*text, filename);
  if (before != *text && is_new_file(before)) return std::nullopt;
  static_cast<void>(parse_toml(before, filename));
  return before;
}

ImportedRuntime imported_runtime(const std::vector<NamedText>& files) {
  ImportedRuntime runtime;
  for (std::size_t i = 1; i < files.size(); ++i) {
    const toml::table document = parse_toml(files[i].text, files[i].path);
    const CriSection section = section_of(document, files[i].path);
    if (has_runtime(section, files[i].path)) runtime.path = files[i].path;
    if (const std::string name = default_of(section); !name.empty()) {
      runtime.is_default = name == kRuntimeName;
    }
    runtime.uses_systemd = runtime.uses_systemd || uses_systemd(section);
  }
  return runtime;
}

bool has_containerd_runtime(const std::string& text, const std::string& filename) {
  const toml::table document = parse_toml(text, filename);
  return has_runtime(section_of(document, filename), filename);
}

bool disables_cri(const std::string& text, const std::string& filename) {
  const toml::table document = parse_toml(text, filename);
  const toml::array* const disabled = document["disabled_plugins"].as_array();
  if (disabled == nullptr) return false;
  return std::any_of(disabled->begin(), disabled->end(), [](const toml::node& plugin) {
    const std::string name = plugin.value_or(std::string());
    return name == "cri" || name == "io.containerd.grpc.v1.cri" ||
           name == "io.containerd.cri.v1.runtime";
  });
}

}  // namespace nvhook
