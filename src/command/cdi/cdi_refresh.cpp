// SPDX-License-Identifier: Apache-2.0
// Writes a specification only where it has changed, so that engines, which watch the directory,
// read it again only then; and removes it with the driver.
#include "command/cdi/cdi_refresh.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <ostream>
#include <sstream>

#include "cdi/cdi_findings.hpp"
#include "command/cdi/cdi_files.hpp"
#include "command/cdi/cdi_generate.hpp"
#include "command/cdi/cdi_output.hpp"
#include "command/cdi/generate_options.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxFile = 16UL << 20U;
constexpr const char* kUsualFile = "/var/run/cdi/nvidia.com-gpu.json";

CdiOutput output_of(const OptionValues& values, const CommandContext& context) {
  const std::string path = values["output"].defaulted()
                               ? kUsualFile
                               : path_from_caller(values["output"].as<std::string>(), context);
  const bool has_format = values.count("format") != 0;
  CdiOutput output =
      cdi_output(path, has_format ? values["format"].as<std::string>() : std::string());
  if (output.format == CdiFormat::json && path != "-") return output;
  throw UsageFault("cdi refresh writes a file `….json`, not `" + path + "`");
}

bool is_ours(const std::string& text) {
  try {
    return is_of_this_program(parse_cdi_spec(text));
  } catch (const Error&) {
    return false;
  }
}

/// Returns the specification that an earlier run wrote, nullopt if there is no file.
std::optional<std::string> read_own(const std::string& path) {
  auto text = read_host_file(path, kMaxFile);
  if (!text && errno == ENOENT) return std::nullopt;
  if (text && is_ours(*text)) return text;
  throw Error(Code::spec_not_writable,
              "write `" + path + "`: " +
                  (text ? "another program wrote it, because no hook in it is oci-nvidia-hook"
                        : errno_text(errno)),
              "remove the file, or name another one with --output");
}

/// Whether `error` says that there is nothing that a specification could name.
bool is_without_gpus(const Error& error) {
  return error.code() == Code::driver_not_loaded || error.code() == Code::driver_files_missing ||
         error.code() == Code::unknown_device;
}

/// Returns what `cdi generate` prints.
std::string generate(OptionValues values, CommandContext& context) {
  values.at("output").value() = std::string("-");
  std::ostringstream text;
  CommandContext printing{.caller = context.caller,
                          .system = context.system,
                          .config_file = context.config_file,
                          .json = context.json,
                          .style = context.style,
                          .out = text,
                          .err = context.err};
  if (context.log.enabled()) printing.log.use_stderr();
  run_cdi_generate(values, printing);
  if (is_ours(text.str())) return text.str();
  throw UsageFault("the hook must be oci-nvidia-hook: by that a later run knows its own file");
}

void remove_file(const std::string& path, CommandContext& context) {
  const auto slash = path.rfind('/');
  const UniqueFd directory =
      sys::open_beneath(context.caller.working_directory.get(), path.substr(0, slash + 1).c_str(),
                        O_PATH | O_DIRECTORY, 0);
  if (!directory || ::unlinkat(directory.get(), path.substr(slash + 1).c_str(), 0) != 0) {
    throw_errno(Code::spec_not_writable, "remove `" + path + "`", "run it as root");
  }
  context.err << "removed " << printable(path) << '\n';
}

}  // namespace

void add_cdi_refresh_options(boost::program_options::options_description& options) {
  add_cdi_generate_options(options);
}

Outcome run_cdi_refresh(const OptionValues& values, CommandContext& context) {
  const CdiOutput output = output_of(values, context);
  const auto old = read_own(output.path);
  std::string text;
  try {
    text = generate(values, context);
  } catch (const Error& error) {
    if (!is_without_gpus(error)) throw;
    context.err << "no specification: " << printable(error.what()) << '\n';
    if (old) remove_file(output.path, context);
    return Outcome::good;
  }
  if (old != text) write_cdi(output, text, context);
  context.err << (old != text ? "wrote " : "unchanged: ") << printable(output.path) << '\n';
  return Outcome::good;
}

}  // namespace nvhook
