// SPDX-License-Identifier: Apache-2.0
// What a container would get, and why.
#include "command/explain/explain.hpp"

#include <ostream>

#include "command/engines/host_config.hpp"
#include "command/explain/explain_subject.hpp"
#include "command/explain/explain_view.hpp"
#include "inject/spec_layer.hpp"
#include "oci/container_spec.hpp"
#include "plan/planning.hpp"
#include "plan/spec_edit.hpp"

namespace nvhook {
namespace {

/// Also of a container that asks by no variable, as with CDI there need be none.
ContainerTask task_of(const std::string& text, const ContainerSpec& spec, const Config& config) {
  ContainerTask task = derive_task(text, spec, config);
  if (task.injector != Injector::nobody) return task;
  task.linux_spec = parse_linux_spec(text);
  if (has_cdi_hook(text) || has_driver_by_engine(spec, task.linux_spec))
    task.injector = Injector::engine;
  return task;
}

}  // namespace

void add_explain_options(boost::program_options::options_description& options) {
  add_subject_options(options);
}

Outcome run_explain(const OptionValues& values, CommandContext& context) {
  const Subject subject = find_subject(values, context);
  const ContainerSpec spec = parse_spec(subject.spec);
  const HostConfig config = read_host_config(context);
  const std::string& driver_root = config.as_written.config.driver_root;
  Explanation explanation{
      .subject = subject.name, .config = config.as_written, .notes = subject.notes};
  std::optional<Planned> planned;
  try {
    explanation.task = task_of(subject.spec, spec, config.as_written.config);
    const ContainerTask& task = *explanation.task;
    if (task.injector == Injector::this_hook || task.injector == Injector::completing_hook) {
      const RootDir* const image = subject.image ? &*subject.image : nullptr;
      const SpecLayer layer(spec, image);
      planned = plan_container(
          {*task.request.request, task.linux_spec.mount_label, image, CachePolicy::bypass,
           [&](const ContainerPath& path) { return layer.obstacle_at(path); }},
          config.seen_from_here, context.system, context.log);
      explanation.inventory = &planned->host.inventory;
      explanation.requirements = planned->host.requirements;
      explanation.plan = planned->plan;
    }
    if (task.injector == Injector::completing_hook) {
      explanation.left_to_hook = remaining_plan(planned->plan, subject.spec, driver_root);
    }
  } catch (const Error& error) {
    explanation.failure = error;
  }
  if (context.json) {
    print_json(explanation_json(explanation), context.out);
  } else {
    context.out << explanation_text(explanation, context.style);
  }
  return explanation.failure ? Outcome::broken : Outcome::good;
}

}  // namespace nvhook
