// SPDX-License-Identifier: Apache-2.0
// Finds CDI specification files in the directories of the engines and parses JSON and YAML.
#include "command/cdi/cdi_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "command/cdi/yaml_document.hpp"
#include "os/device_number.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kSpecDir = "spec-dir";

bool is_yaml(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }
/// Engines read no `.yml`.
bool is_specification(std::string_view name) {
  return name.ends_with(".json") || name.ends_with(".yaml");
}

CdiFile parse_file(const std::string& path, const std::string& text) {
  CdiFile file{.path = path};
  try {
    file.spec = parse_cdi_spec(is_yaml(path) ? yaml_to_json(text) : text);
  } catch (const Error& error) {
    file.error = error.what();
  }
  return file;
}

CdiPathFacts facts_of(const RootDir& system, const std::string& path) {
  const UniqueFd opened = system.open(path, O_PATH);
  if (!opened) return {};
  const FileStatus status = status_of(opened.get());
  CdiPathFacts facts{
      .exists = true,
      .executable = status.is_regular() && (status.mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0};
  if (status.is_character_device()) {
    facts.number = DeviceNumber{.major = status.device_major, .minor = status.device_minor};
  }
  return facts;
}

}  // namespace

void add_spec_dir_option(po::options_description& options) {
  options.add_options()(kSpecDir, po::value<std::vector<std::string>>()->value_name("DIR"),
                        "look for specifications there, and not in /etc/cdi and /var/run/cdi; may "
                        "be given more than once, the last counts most");
}

std::vector<std::string> spec_dirs(const OptionValues& values) {
  if (values.count(kSpecDir) != 0) return values[kSpecDir].as<std::vector<std::string>>();
  return {"/etc/cdi", "/var/run/cdi"};
}

std::vector<CdiFile> read_cdi_files(const RootDir& system,
                                    const std::vector<std::string>& directories) {
  std::vector<CdiFile> files;
  for (unsigned priority = 0; priority < directories.size(); ++priority) {
    for (const std::string& name : system.list(directories[priority], is_specification)) {
      const std::string path = directories[priority] + "/" + name;
      const auto text = system.read(path, kMaxCdiFile);
      CdiFile& file = files.emplace_back(
          text ? parse_file(path, *text)
               : CdiFile{.path = path, .error = "no file that can be read, or above 16 MiB"});
      file.priority = priority;
    }
  }
  return files;
}

std::string path_from_caller(const std::string& path, const CommandContext& context) {
  if (path.empty() || path.front() == '/') return path;
  return context.system.path_of(context.caller.working_directory.get()) + "/" + path;
}

CdiFile read_cdi_file(const RootDir& system, const std::string& path) {
  const auto text = system.read(path, kMaxCdiFile);
  if (!text) {
    throw Error(Code::config_unreadable, "`" + path + "` is no file that can be read",
                "name a CDI specification, or none for those in /etc/cdi and /var/run/cdi");
  }
  return parse_file(path, *text);
}

CdiPaths look_at(const RootDir& system, const std::set<std::string>& paths) {
  CdiPaths found;
  for (const std::string& path : paths) found[path] = facts_of(system, path);
  return found;
}

}  // namespace nvhook
