// SPDX-License-Identifier: Apache-2.0
// Takes one sample, or one after the other until a signal comes.
#include "command/ps/ps.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <cmath>
#include <ctime>
#include <optional>
#include <ostream>
#include <utility>

#include "command/engines/host_config.hpp"
#include "command/ps/interval.hpp"
#include "command/ps/leases.hpp"
#include "command/ps/leases_view.hpp"
#include "command/ps/prometheus_text.hpp"
#include "command/ps/ps_view.hpp"
#include "command/ps/sampler.hpp"
#include "command/ps/usage.hpp"
#include "host/host_facts.hpp"
#include "os/replace_file.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr const char* kWatch = "watch";
constexpr const char* kPrometheus = "prometheus";
constexpr const char* kLeases = "leases";
constexpr const char* kUsage = "usage";
constexpr double kShortest = 0.01;
constexpr double kLongest = 86400;
/// What the kernel shows of the driver costs more to read than all processes, and changes seldom.
constexpr double kInventoryKept = 10;
constexpr std::string_view kClear = "\x1b[H\x1b[2J";

struct PsOptions {
  std::optional<double> interval = {};
  std::string prometheus = {};
  bool json = false;
  bool leases = false;
  bool usage = false;
};

double now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME, &time);
  constexpr double kNano = 1e-9;
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * kNano;
}

/// 0 if standard output is no terminal.
std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

PsOptions options_of(const OptionValues& values, const CommandContext& context) {
  PsOptions options{.json = context.json};
  options.leases = values.contains(kLeases) && values[kLeases].as<bool>();
  options.usage = values[kUsage].as<bool>();
  if (values.contains(kWatch)) options.interval = values[kWatch].as<double>();
  if (values.contains(kPrometheus)) options.prometheus = values[kPrometheus].as<std::string>();
  const double seconds = options.interval.value_or(1);
  if (!(seconds >= kShortest && seconds <= kLongest)) {
    throw UsageFault("--watch takes from 0.01 to 86400 seconds");
  }
  if (options.json && !options.prometheus.empty()) {
    throw UsageFault("--json and --prometheus are two formats: name one");
  }
  return options;
}

/// Reads the driver's devices, at most every ten seconds.
class DriverFacts {
 public:
  explicit DriverFacts(CommandContext& context)
      : system_(context.system),
        config_(read_host_config(context).seen_from_here),
        driver_root_(open_driver_root(config_)) {}

  const Inventory& at(double time) {
    if (inventory_ && time >= read_ && time - read_ < kInventoryKept) return *inventory_;
    inventory_ = read_devices(system_, driver_root_);
    read_ = time;
    return *inventory_;
  }

 private:
  const RootDir& system_;
  Config config_;
  RootDir driver_root_;
  std::optional<Inventory> inventory_ = {};
  double read_ = 0;
};

void write_metrics(const std::string& path, const std::string& text,
                   const CommandContext& context) {
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  const UniqueFd directory = sys::open_beneath(context.caller.working_directory.get(),
                                               parent.c_str(), O_PATH | O_DIRECTORY, 0);
  constexpr mode_t kMode = 0644;
  if (!directory || !put_file(directory.get(), name, text, kMode)) {
    throw_errno(Code::spec_not_writable, "write `" + path + "`",
                "run it as root, or name a file in a directory that exists with --prometheus");
  }
}

/// Returns false if nobody reads the output any more.
bool show(Sample sample, SampleJson& json, const PsOptions& options, CommandContext& context) {
  if (!options.prometheus.empty()) {
    write_metrics(options.prometheus, prometheus_text(sample), context);
    return true;
  }
  const std::size_t width = terminal_width();
  if (!options.json) {
    if (options.interval && width != 0) context.out << kClear;
    context.out << (options.leases ? leases_text(sample, width, context.style)
                                   : sample_text(sample, width, context.style));
  } else if (options.interval) {
    const Json& document = json.of(std::move(sample));
    context.out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  } else {
    print_json(json.of(std::move(sample)), context.out);
  }
  return !options.interval || context.show_now();
}

Outcome run(const PsOptions& options, CommandContext& context) {
  DriverFacts driver(context);
  Sampler sampler(context.system, context.caller);
  UsageReader usage(context);
  SampleJson json;
  const auto take = [&] {
    const double time = now();
    Sample sample = sampler.take(driver.at(time), time);
    read_leases(sample, context.system);
    if (options.usage) usage.read(sample);
    return show(std::move(sample), json, options, context);
  };
  if (!options.interval) {
    static_cast<void>(take());
    return Outcome::good;
  }
  Interval interval(*options.interval);
  while (take() && interval.wait()) {
  }
  return Outcome::good;
}

}  // namespace

void add_top_options(po::options_description& options) {
  options.add_options()(kWatch, po::value<double>()->implicit_value(1)->value_name("SECONDS"),
                        "once more every SECONDS, 1 without a number, until Ctrl-C")(
      kUsage, po::bool_switch(), "ask NVML for memory and utilisation, too");
}

void add_ps_options(po::options_description& options) {
  add_top_options(options);
  options.add_options()(kPrometheus, po::value<std::string>()->value_name("FILE"),
                        "write metrics to FILE, for node_exporter's textfile collector")(
      kLeases, po::bool_switch(), "show who has leased which GPU, and no processes");
}

Outcome run_ps(const OptionValues& values, CommandContext& context) {
  return run(options_of(values, context), context);
}

Outcome run_top(const OptionValues& values, CommandContext& context) {
  PsOptions options = options_of(values, context);
  if (!options.interval) options.interval = 1;
  return run(options, context);
}

}  // namespace nvhook
