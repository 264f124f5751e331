// SPDX-License-Identifier: Apache-2.0
// Reads the host, runs the checks, prints the findings.
#include "command/doctor/doctor.hpp"

#include <algorithm>
#include <array>
#include <boost/program_options/value_semantic.hpp>
#include <ostream>
#include <string>

#include "command/doctor/doctor_checks.hpp"
#include "command/doctor/doctor_read.hpp"
#include "command/doctor/doctor_text.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

std::string chosen_engine(const OptionValues& values) {
  constexpr std::array<std::string_view, 5> kEngines{"docker", "podman", "crio", "containerd",
                                                     "lxc"};
  if (values.count("engine") == 0) return {};
  auto name = values["engine"].as<std::string>();
  if (std::find(kEngines.begin(), kEngines.end(), name) != kEngines.end()) return name;
  throw UsageFault("--engine is docker, podman, crio, containerd or lxc, not `" + name + "`");
}

}  // namespace

void add_doctor_options(po::options_description& options) {
  options.add_options()("engine", po::value<std::string>()->value_name("NAME"),
                        "only this one: docker, podman, crio, containerd, lxc; it must be there")(
      "quiet,q", po::bool_switch(), "only what is not good")("all,a", po::bool_switch(),
                                                             "every check, on a terminal too");
}

Outcome run_doctor(const OptionValues& values, CommandContext& context) {
  const std::string engine = chosen_engine(values);
  const auto findings = examine(read_report(context, engine), all_checks(engine));
  if (context.json) {
    print_json(to_json(findings), context.out);
  } else {
    const bool is_quiet = values["quiet"].as<bool>();
    const bool is_whole = is_quiet || values["all"].as<bool>() || context.style.columns == 0;
    context.out << (is_whole ? to_text(findings, is_quiet, context.style)
                             : to_summary(findings, context.style));
  }
  return outcome_of(findings);
}

}  // namespace nvhook
