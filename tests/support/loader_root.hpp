// SPDX-License-Identifier: Apache-2.0
// A root directory like a container's, with this machine's own C library, loader and ldconfig.
#pragma once

#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "os/unique_fd.hpp"

namespace nvhook::test {

struct Outcome {
  int status = 0;
  std::string output = {};
};

/// Exit status of a command that needs chroot and was not allowed to use it.
inline constexpr int kRefused = 125;

enum class Privilege { none, chroot };

inline std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

/// Runs `command` with a fixed environment, below `root` if there is one. Returns its output and
/// its exit status, which is 255 if a signal killed it.
inline Outcome run(std::vector<std::string> command, Privilege privilege = Privilege::none,
                   const std::string& root = {}) {
  std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  const std::vector<char*> argv = pointers(command);
  const std::vector<char*> envp = pointers(environment);
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t child = fork();
  if (child < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
  if (child == 0) {
    dup2(writer.get(), STDOUT_FILENO);
    dup2(writer.get(), STDERR_FILENO);
    if (privilege == Privilege::chroot && geteuid() != 0 && unshare(CLONE_NEWUSER) != 0) {
      _exit(kRefused);
    }
    if (!root.empty() && (chroot(root.c_str()) != 0 || chdir("/") != 0)) {
      _exit(kRefused);
    }
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  writer = UniqueFd();
  Outcome outcome;
  std::array<char, 4096> buffer = {};
  ssize_t count = 0;
  while ((count = read(reader.get(), buffer.data(), buffer.size())) > 0) {
    outcome.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  int status = 0;
  waitpid(child, &status, 0);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
  return outcome;
}

inline std::optional<std::string> find_program(std::string_view name) {
  for (const std::string_view directory : {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const std::filesystem::path path = std::filesystem::path(directory) / name;
    if (access(path.c_str(), X_OK) == 0) {
      return path.string();
    }
  }
  return std::nullopt;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

/// The loader and the C library of this process.
inline std::vector<std::string> runtime_files() {
  std::vector<std::string> paths;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* data) {
        const std::filesystem::path path = info->dlpi_name;
        const std::string name = path.filename();
        if (name.starts_with("ld-linux") || name.starts_with("libc.so")) {
          static_cast<std::vector<std::string>*>(data)->push_back(path);
        }
        return 0;
      },
      &paths);
  return paths;
}

class LoaderRoot {
 public:
  LoaderRoot(const std::string& parent, std::string compiler, std::string ldconfig)
      : compiler_(std::move(compiler)), ldconfig_(std::move(ldconfig)) {
    std::string name = parent + "/loader-root-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::generic_category(), name);
    }
    root_ = name;
    write_bytes(root_ / "library.c", "int answer(void) { return ANSWER; }\n");
  }
  LoaderRoot(const LoaderRoot&) = delete;
  LoaderRoot& operator=(const LoaderRoot&) = delete;
  LoaderRoot(LoaderRoot&&) = delete;
  LoaderRoot& operator=(LoaderRoot&&) = delete;
  ~LoaderRoot() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  [[nodiscard]] std::filesystem::path host_path(const std::string& path) const {
    return root_ / path.substr(1);
  }

  /// Adds a library whose function `answer()` returns `answer`.
  void add_library(const std::string& directory, const std::string& soname, int answer) {
    const std::filesystem::path object = root_ / ("answer" + std::to_string(answer) + ".o");
    if (!std::filesystem::exists(object)) {
      compile(
          {"-DANSWER=" + std::to_string(answer), "-fPIC", "-c", root_ / "library.c", "-o", object});
    }
    const std::filesystem::path target = host_path(directory) / soname;
    std::filesystem::create_directories(target.parent_path());
    compile({"-shared", "-nostdlib", "-Wl,-soname," + soname, object, "-o", target});
  }

  /// Adds `/probe NAME…`, which opens the libraries and exits with the answer of the last one.
  void add_probe() {
    write_bytes(root_ / "probe.c",
                "#include <dlfcn.h>\n"
                "int main(int argc, char** argv) {\n"
                "  void* library = 0;\n"
                "  for (int i = 1; i < argc; ++i)\n"
                "    if (!(library = dlopen(argv[i], RTLD_NOW))) return 99;\n"
                "  return ((int (*)(void))dlsym(library, \"answer\"))();\n"
                "}\n");
    compile({root_ / "probe.c", "-o", root_ / "probe", "-ldl"});
    add_runtime();
  }

  /// Adds `/paths NAME…`, which prints for each the path that the loader takes, or an empty line.
  void add_path_probe() {
    write_bytes(root_ / "paths.c",
                "#define _GNU_SOURCE\n"
                "#include <dlfcn.h>\n"
                "#include <link.h>\n"
                "#include <stdio.h>\n"
                "int main(int argc, char** argv) {\n"
                "  for (int i = 1; i < argc; ++i) {\n"
                "    void* library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);\n"
                "    struct link_map* map = 0;\n"
                "    if (library && dlinfo(library, RTLD_DI_LINKMAP, &map)) return 98;\n"
                "    puts(map ? map->l_name : \"\");\n"
                "    if (library) dlclose(library);\n"
                "  }\n"
                "  return 0;\n"
                "}\n");
    compile({root_ / "paths.c", "-o", root_ / "paths", "-ldl"});
    add_runtime();
  }

  /// Returns the cache that ldconfig makes of `directories`; nullopt if it may not chroot.
  [[nodiscard]] std::optional<std::string> ldconfig(const std::vector<std::string>& directories,
                                                    const std::string& format) {
    std::string conf;
    for (const std::string& directory : directories) {
      conf += directory + "\n";
    }
    write_bytes(host_path("/etc/ld.so.conf"), conf);
    std::filesystem::remove(host_path("/etc/ld.so.cache"));
    run({ldconfig_, "-c", format, "-r", root_}, Privilege::chroot);
    if (!std::filesystem::exists(host_path("/etc/ld.so.cache"))) {
      return std::nullopt;
    }
    return read_bytes(host_path("/etc/ld.so.cache"));
  }

  /// Returns the libraries that `ldconfig -p` lists in `cache`, one per line.
  [[nodiscard]] std::vector<std::string> print(const std::string& cache) {
    const Outcome outcome = print_outcome(cache);
    std::vector<std::string> lines;
    std::size_t at = 0;
    while (at < outcome.output.size()) {
      const std::size_t end = outcome.output.find('\n', at);
      const std::string line = outcome.output.substr(at, end - at);
      if (line.starts_with('\t')) {
        lines.push_back(line);
      }
      at += line.size() + 1;
    }
    return lines;
  }

  /// Returns the whole output of `ldconfig -p` for `cache`.
  [[nodiscard]] Outcome print_outcome(const std::string& cache) {
    write_bytes(root_ / "printed.cache", cache);
    return run({ldconfig_, "-p", "-C", root_ / "printed.cache"});
  }

  /// Returns where the loader of this root finds each of `names` if `cache` is its cache; nullopt
  /// if it may not run there.
  [[nodiscard]] std::optional<std::map<std::string, std::string>> paths(
      const std::string& cache, const std::vector<std::string>& names) {
    write_bytes(host_path("/etc/ld.so.cache"), cache);
    std::vector<std::string> command = names;
    command.insert(command.begin(), "/paths");
    const Outcome outcome = run(std::move(command), Privilege::chroot, root_);
    if (outcome.status == kRefused) return std::nullopt;
    if (outcome.status != 0) throw std::runtime_error("the loader failed: " + outcome.output);
    std::map<std::string, std::string> found;
    std::istringstream lines(outcome.output);
    for (const std::string& name : names) std::getline(lines, found[name]);
    return found;
  }

  /// Returns the exit status of /probe in this root if `cache` is its loader cache.
  [[nodiscard]] int probe(const std::string& cache, std::vector<std::string> names) {
    write_bytes(host_path("/etc/ld.so.cache"), cache);
    names.insert(names.begin(), "/probe");
    return run(std::move(names), Privilege::chroot, root_).status;
  }

 private:
  void add_runtime() {
    for (const std::string& file : runtime_files()) {
      std::filesystem::create_directories(host_path(file).parent_path());
      std::filesystem::copy_file(file, host_path(file));
    }
  }

  void compile(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), compiler_);
    const Outcome outcome = run(std::move(arguments));
    if (outcome.status != 0) {
      throw std::runtime_error("the C compiler failed: " + outcome.output);
    }
  }

  std::filesystem::path root_;
  std::string compiler_;
  std::string ldconfig_;
};

}  // namespace nvhook::test
