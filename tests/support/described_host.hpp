// SPDX-License-Identifier: Apache-2.0
// Hosts that are described by files in tests/golden/hosts; the README there says how.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_host.hpp"
#include "support/golden_case.hpp"
#include "support/hosts.hpp"

namespace nvhook::test {

inline std::filesystem::path host_description(const std::string& name) {
  return std::filesystem::path(TEST_DATA_DIR) / "golden" / "hosts" / name;
}

/// Carries out the lines of a description.
class HostDescription {
 public:
  explicit HostDescription(const std::string& name) : host_(driver_of(name)) {
    variables_["V"] = host_.driver();
    read(name);
  }

  FakeHost take() { return std::move(host_); }

 private:
  struct Library {
    std::string path = {};
    std::string soname = {};
    bool is_64bit = true;
  };

  /// The first line of a description is `driver VERSION`.
  static std::string driver_of(const std::string& name) {
    std::istringstream text(read_text(host_description(name)));
    for (std::string word; text >> word;) {
      if (word != "driver") {
        text.ignore(1 << 20, '\n');
      } else if (text >> word) {
        return word;
      }
    }
    throw std::runtime_error("no driver in the description of " + name);
  }

  void read(const std::string& name) {
    std::istringstream lines(for_this_machine(read_text(host_description(name))));
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty() && line[0] != '#') carry_out(expand(line));
    }
  }

  [[nodiscard]] std::string expand(std::string line) const {
    for (const auto& [name, value] : variables_) {
      const std::string variable = "{" + name + "}";
      for (std::size_t at = 0; (at = line.find(variable, at)) != std::string::npos;
           at += value.size()) {
        line.replace(at, variable.size(), value);
      }
    }
    return line;
  }

  void carry_out(const std::string& line) {
    std::istringstream words(line);
    std::string what;
    std::string first;
    std::string second;
    words >> what >> first >> second;
    const TemporaryDirectory& tree = host_.tree();
    if (what == "set") {
      variables_[first] = second;
    } else if (what == "use") {
      read(first);
    } else if (what == "lib" || what == "lib32") {
      add_library({.path = first, .soname = second, .is_64bit = what == "lib"});
    } else if (what == "program" || what == "data") {
      tree.write(first);
    } else if (what == "link") {
      tree.link(first, second);
    } else if (what == "links") {
      link_all(first, second);
    } else if (what == "icd") {
      tree.write(first, R"({"ICD": {"library_path": ")" + second + "\"}}");
    } else if (what == "layer") {
      tree.write(first, R"({"layer": {"library_path": ")" + second + "\"}}");
    } else if (what == "text") {
      tree.write(first, second + "\n");
    } else if (what == "ldconfig") {
      for (const Library& library : libraries_) list_library(library, first);
    } else if (what == "gpu") {
      add_gpu(first, second);
    } else if (what == "without") {
      std::filesystem::remove_all(tree.below(first));
    } else if (what == "open") {
      tree.write("/proc/driver/nvidia/version",
                 for_this_machine("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  ") +
                     host_.driver() + "  Release Build  (dvs-builder@U22-I3-H04)\n");
    } else if (what != "driver") {
      throw std::runtime_error("not a line of a description: " + line);
    }
  }

  /// A library, and the link that ldconfig makes to it. `-` for a SONAME: it has none; nothing: its
  /// file name.
  void add_library(Library library) {
    const std::string name = library.path.substr(library.path.rfind('/') + 1);
    if (library.soname.empty()) library.soname = name;
    if (library.soname == "-") library.soname.clear();
    host_.file(library.path, library.soname, library.is_64bit);
    if (!library.soname.empty() && library.soname != name) {
      const std::string link = directory_of(library.path) + "/" + library.soname;
      if (!std::filesystem::exists(std::filesystem::symlink_status(host_.tree().below(link)))) {
        host_.tree().link(link, name);
      }
    }
    libraries_.push_back(std::move(library));
  }

  void list_library(const Library& library, const std::string& directory) {
    if (directory_of(library.path) != directory || library.soname.empty()) return;
    host_.listed(library.soname, directory + "/" + library.soname, library.is_64bit);
  }

  /// Links in `directory` to all that is in `target`, as in a profile of Guix or Nix.
  void link_all(const std::string& directory, const std::string& target) {
    for (const auto& entry : std::filesystem::directory_iterator(host_.tree().below(target))) {
      const std::string name = "/" + entry.path().filename().string();
      host_.tree().link(directory + name, target + name);
    }
  }

  void add_gpu(const std::string& pci, const std::string& minor) {
    const auto number = static_cast<unsigned>(std::stoul(minor));
    host_.gpu(pci, number,
              "GPU-5c14f29e-9a3b-4d4c-8f0e-" + std::string(12 - minor.size(), '0') + minor);
    const std::string drm = "/sys/bus/pci/devices/" + pci + "/drm/";
    const std::vector<std::pair<std::string, unsigned>> nodes{
        {"card" + std::to_string(number + 1), number + 1},
        {"renderD" + std::to_string(number + 128), number + 128}};
    for (const auto& [name, node] : nodes) {
      host_.tree().write(drm + name + "/dev", "226:" + std::to_string(node) + "\n");
      host_.tree().write("/dev/dri/" + name);
    }
  }

  static std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
  }

  FakeHost host_;
  std::map<std::string, std::string> variables_ = {};
  std::vector<Library> libraries_ = {};
};

/// Makes the host of a golden case: the one that the file of that name describes, or one of
/// named_host().
inline FakeHost golden_host(const std::string& name) {
  if (!std::filesystem::exists(host_description(name))) return named_host(name);
  return HostDescription(name).take();
}

}  // namespace nvhook::test
