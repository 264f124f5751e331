// SPDX-License-Identifier: Apache-2.0
// Takes the stages of the hook up to the plan, and shows the result. A failure is part of it.
#include "command/explain/explain.hpp"

#include <boost/program_options/value_semantic.hpp>
#include <optional>
#include <ostream>
#include <utility>

#include "command/engines/host_config.hpp"
#include "command/explain/explain_subject.hpp"
#include "command/explain/explain_view.hpp"
#include "image/spec_layer.hpp"
#include "lease/leasing.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"
#include "plan/given_driver.hpp"
#include "plan/node_access.hpp"
#include "plan/run.hpp"

namespace nvhook {
namespace {

/// Nothing in config.json tells a mount of the kubelet from one that a pod asked for.
void note_who_makes_mounts(Explanation& explanation) {
  const RequestResult& request = explanation.task->request;
  if (!request.request || request.devices_source != "volume mounts") return;
  explanation.notes.push_back(info(
      "its mounts name the devices. On Kubernetes the device plugin makes them, but whoever may "
      "use hostPath volumes can, too; the Pod Security level `baseline` forbids those"));
}

/// Tells of a container that runs what it has, beside what it would get, and of another whether its
/// engine would call us.
void compare_with_now(const Subject& subject, Explanation& explanation) {
  if (!subject.driver) {
    if (explanation.plan) explanation.missing = subject.uncalled;
    return;
  }
  const std::size_t files = subject.driver->files.size();
  const std::size_t nodes = subject.driver->nodes.size();
  if (files + nodes != 0) {
    explanation.notes.push_back(
        info("it runs, and has " + std::to_string(files) + " files and " + std::to_string(nodes) +
             " devices of the driver; oci-nvidia inspect compares them with "
             "the host's"));
  } else if (explanation.plan) {
    explanation.missing = why_missing(subject.engine, subject.spec);
    explanation.notes.push_back(info("the steps are those for a container that is made anew"));
  }
}

}  // namespace

void add_explain_options(boost::program_options::options_description& options) {
  add_subject_options(options);
  options.add_options()("steps", boost::program_options::bool_switch(),
                        "each step of the plan and all notes, on a terminal too");
}

Outcome run_explain(const OptionValues& values, CommandContext& context) {
  const Subject subject = find_subject(values, context);
  ContainerSpec spec = parse_spec(subject.spec);
  const HostConfig config = read_host_config(context);
  Explanation explanation{
      .subject = subject.name, .config = config.as_written, .notes = subject.notes};
  std::optional<Planned> planned;
  try {
    explanation.task = derive_task_to_show(subject.spec, std::move(spec), config.as_written.config);
    ContainerTask& task = *explanation.task;
    note_who_makes_mounts(explanation);
    if (!subject.cdi_devices.empty()) {
      task.injector = Injector::engine;
      explanation.cdi_devices = subject.cdi_devices;
    } else if (task.injector == Injector::engine) {
      explanation.given = given_driver(subject.spec, task.spec, task.linux_spec);
    }
    if (reason_to_do_nothing(task, Role::spec_editor).empty()) {
      const SpecLayer layer(task.spec, subject.image ? &*subject.image : nullptr);
      const RunContext run{config.seen_from_here, context.system, context.log};
      const Notes lease = show_lease(*task.request.request, run);
      explanation.notes.insert(explanation.notes.end(), lease.begin(), lease.end());
      planned = plan_container(task, layer.view(), run);
      explanation.inventory = &planned->host.inventory;
      explanation.requirements = planned->host.requirements;
      const Notes closed = access_notes(planned->plan, subject.spec);
      planned->plan.notes.insert(planned->plan.notes.end(), closed.begin(), closed.end());
      explanation.plan = planned->plan;
      explanation.notes.insert(explanation.notes.end(), subject.plan_notes.begin(),
                               subject.plan_notes.end());
    }
    if (task.injector == Injector::completing_hook) {
      explanation.left_to_hook = share_of(Role::completing_hook, task, planned->plan,
                                          {config.as_written.config, context.system, context.log});
    }
    compare_with_now(subject, explanation);
  } catch (const Error& error) {
    explanation.failure = error;
  }
  if (context.json) {
    print_json(explanation_json(explanation), context.out);
  } else {
    const bool has_steps = values["steps"].as<bool>() || context.style.columns == 0;
    context.out << explanation_text(explanation, has_steps, context.style);
  }
  return explanation.failure || explanation.missing ? Outcome::broken : Outcome::good;
}

}  // namespace nvhook
