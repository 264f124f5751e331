// SPDX-License-Identifier: Apache-2.0
// Follows `imports` as containerd does: breadth first, each file once.
#include "command/engines/containerd_files.hpp"

#include <fnmatch.h>

#include <algorithm>

#include "formats/toml_document.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxConfig = 1UL << 20U;
/// containerd 2.3 has 60 MB.
constexpr std::size_t kMaxProgram = 512UL << 20U;

/// containerd takes only a path with a `*` for a pattern, and `*` for names with a dot, too.
std::vector<std::string> expand(const RootDir& system, const std::string& pattern) {
  if (pattern.find('*') == std::string::npos) return {pattern};
  std::vector<std::string> paths{""};
  for (const std::string_view part : split_list(pattern, '/')) {
    const std::string component(part);
    std::vector<std::string> longer;
    for (const std::string& path : paths) {
      const auto names = system.list(path + "/", [&](std::string_view name) {
        return ::fnmatch(component.c_str(), std::string(name).c_str(), 0) == 0;
      });
      for (const std::string& name : names) longer.push_back(path + "/" + name);
    }
    paths = std::move(longer);
  }
  return paths;
}

bool is_among(const std::vector<NamedText>& files, const std::string& path) {
  return std::any_of(files.begin(), files.end(),
                     [&](const NamedText& file) { return file.path == path; });
}

std::vector<std::string> imports_of(const NamedText& file) {
  try {
    return parse_containerd_config(file.text, file.path).imports;
  } catch (const Error&) {
    return {};  // whoever parses the file reports it
  }
}

void add_imports(const RootDir& system, const NamedText& from, std::vector<NamedText>& files) {
  const std::string directory = from.path.substr(0, from.path.rfind('/') + 1);
  for (const std::string& import : imports_of(from)) {
    const std::string pattern = clean_path(import.starts_with('/') ? import : directory + import);
    for (const std::string& path : expand(system, pattern)) {
      if (is_among(files, path)) continue;
      if (auto text = system.read(path, kMaxConfig)) files.push_back({path, *std::move(text)});
    }
  }
}

std::int64_t version_of(const NamedText& file) {
  try {
    return parse_toml(file.text, file.path)["version"].value_or(std::int64_t{0});
  } catch (const Error&) {
    return 0;  // whoever parses the file reports it
  }
}

}  // namespace

std::vector<NamedText> with_imports(const RootDir& system, NamedText root) {
  std::vector<NamedText> files{std::move(root)};
  for (std::size_t i = 0; i < files.size(); ++i) {
    const NamedText from = files[i];  // the vector grows meanwhile
    add_imports(system, from, files);
  }
  return files;
}

std::int64_t config_version(const NamedText& file) {
  try {
    return parse_toml(file.text, file.path)["version"].value_or(std::int64_t{1});
  } catch (const Error&) {
    return 0;
  }
}

std::optional<std::string> drop_in_directory(const NamedText& config) {
  constexpr std::int64_t kOfContainerd2 = 3;
  constexpr std::string_view kAll = "/*.toml";
  if (config_version(config) < kOfContainerd2) return std::nullopt;
  for (const std::string& import : imports_of(config)) {
    if (import.starts_with('/') && import.ends_with(kAll)) {
      return import.substr(0, import.size() - kAll.size());
    }
  }
  return std::nullopt;
}

std::vector<std::string> unread_drop_ins(const RootDir& system,
                                         const std::vector<NamedText>& files) {
  std::vector<std::string> paths = expand(system, kContainerdDropIns);
  std::erase_if(paths, [&](const std::string& path) { return is_among(files, path); });
  return paths;
}

std::optional<std::string> version_conflict(const std::vector<NamedText>& files) {
  const NamedText* root = nullptr;  // the first that says its version
  std::int64_t highest = 0;
  for (const NamedText& file : files) {
    const std::int64_t version = version_of(file);
    if (root == nullptr && version > 0) {
      root = &file;
      highest = version;
    }
    if (version <= highest) continue;
    return file.path + " has version " + std::to_string(version) + ", and " + root->path +
           ", which is read before it, version " + std::to_string(highest) +
           ": containerd 2.3 and later do not start with that";
  }
  return std::nullopt;
}

ContainerdSupport containerd_support(const RootDir& system, const std::string& program) {
  const std::string text = system.read(program, kMaxProgram).value_or("");
  const auto knows = [&](const char* name) { return text.find(name) != std::string::npos; };
  ContainerdSupport support{.imports_drop_ins = knows(kContainerdDropIns)};
  // Version 3 (containerd 2.0) made two plugins of the CRI plugin, version 4 (2.3) made plugins of
  // the tables of its servers.
  if (knows("io.containerd.cri.v1")) support.version = 3;
  if (knows("io.containerd.server.v1")) support.version = 4;
  return support;
}

}  // namespace nvhook
