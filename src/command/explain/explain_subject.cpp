// SPDX-License-Identifier: Apache-2.0
// Finds config.json and image by the options: a container, a file, an image or variables.
#include "command/explain/explain_subject.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "command/containers/container_lookup.hpp"
#include "command/containers/docker_record.hpp"
#include "command/containers/process_view.hpp"
#include "command/engines/container_settings.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/public_place.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

namespace po = boost::program_options;

constexpr std::size_t kMaxImageConfig = 16UL << 20U;
constexpr std::size_t kMaxRecord = 16UL << 20U;
constexpr const char* kRootfsRemedy = "check root.path in config.json";

Note image_unknown(const std::string& why) {
  return info(why +
              ": planned as for an image without any file, whose libraries are in /usr/lib64; "
              "--rootfs names its root file system");
}

/// Opens the directory at `path`, as the caller sees it.
UniqueFd open_directory(const std::string& path, const CommandContext& context) {
  return sys::open_beneath(context.caller.working_directory.get(), path.c_str(),
                           O_PATH | O_DIRECTORY, 0);
}

Subject from_bundle(const std::string& directory, const CommandContext& context) {
  auto bundle = open_bundle(directory, context.caller.working_directory.get());
  if (!bundle) {
    throw_errno(Code::spec_unreadable, "open `" + directory + "/config.json`",
                "name the directory that has config.json in it");
  }
  const std::string rootfs = rootfs_path(parse_spec(bundle->text), bundle->directory);
  UniqueFd image = open_directory(rootfs, context);
  if (!image) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + rootfs + "`", kRootfsRemedy);
  }
  return {.name = "bundle " + bundle->directory,
          .spec = std::move(bundle->text),
          .image = RootDir(std::move(image), FileOwner::image)};
}

/// Finds the image: for a running container the root of its process, otherwise what the engine has
/// mounted, which is an empty directory if it has mounted nothing.
void find_image(const ContainerRecord& record, const CommandContext& context, Subject& subject) {
  if (record.pid != 0) {
    const ProcessView process(record.pid, context.system);
    subject.image = process.root();
    subject.driver =
        look_at_container(*subject.image, parse_mount_table(process.text("mountinfo")), nullptr);
    return;
  }
  const std::string rootfs = rootfs_path(parse_spec(subject.spec), record.bundle);
  RootDir image(context.system.open(rootfs, O_PATH | O_DIRECTORY), FileOwner::image);
  if (image.fd() < 0 || image.list("/").empty()) {
    subject.plan_notes.push_back(image_unknown("it does not run, and its image is not mounted"));
  } else {
    subject.image = std::move(image);
  }
}

/// For a record of another user, that user chose the path: no link or file system of theirs may
/// make root read another file, or wait.
std::string read_spec_of(const ContainerRecord& record, const CommandContext& context) {
  constexpr const char* kRemedy = "start the container, or tell its variables with --env";
  const std::string path = record.bundle + "/config.json";
  PlaceView place;
  if (record.user.empty()) {
    place.fd = context.system.open(path, O_PATH);
  } else {
    errno = ENOENT;
    place = look_at_place(context.system, path, MadeBy::anybody);
  }
  if (place.fd && !status_of(place.fd.get()).is_regular()) place.why_not = "no regular file";
  if (!place.why_not.empty()) {
    throw Error(Code::spec_unreadable, "read `" + path + "`: " + place.why_not, kRemedy);
  }
  const UniqueFd file = place.fd ? open_to_read(place.fd.get()) : UniqueFd();
  auto text = file ? read_all(file.get(), kMaxSpec) : std::nullopt;
  if (!text) throw_errno(Code::spec_unreadable, "read `" + path + "`", kRemedy);
  return *std::move(text);
}

/// Takes what an engine's record says besides config.json.
void add_settings(const ContainerSettings& settings, const CommandContext& context,
                  Subject& subject) {
  subject.spec = minimal_spec(settings);
  std::copy_if(settings.cdi_devices.begin(), settings.cdi_devices.end(),
               std::back_inserter(subject.cdi_devices),
               [](const std::string& name) { return name.starts_with("nvidia.com/"); });
  if (subject.cdi_devices.empty()) {
    const auto daemon = context.system.read("/etc/docker/daemon.json", kMaxRecord);
    subject.uncalled = why_docker_calls_nothing(settings, daemon.value_or(""));
  }
  if (!settings.failure.empty()) {
    subject.notes.push_back(warning("its last start failed: " + settings.failure));
  }
}

/// Of a container that does not run Docker has no config.json, but all that it makes one of.
Subject from_docker_files(const ContainerRecord& record, const CommandContext& context) {
  Subject subject{.name = describe(record), .engine = record.engine};
  add_settings(docker_settings(record, context.system), context, subject);
  subject.plan_notes.push_back(image_unknown("it does not run, and its image is not mounted"));
  return subject;
}

Subject from_container(const std::string& word, const CommandContext& context) {
  const ContainerRecord record = find_container(word, context.system, context.caller);
  Subject subject{.name = describe(record), .engine = record.engine};
  if (record.bundle.empty() && !record.docker_files.empty()) {
    return from_docker_files(record, context);
  }
  if (record.bundle.empty() && record.engine == "Podman") {
    throw Error(Code::spec_unreadable,
                subject.name + " was not started yet, and only Podman's database has its settings",
                "podman inspect " + shell_word(record.name.empty() ? record.id : record.name) +
                    " | oci-nvidia explain --image-config -");
  }
  if (record.bundle.empty()) {
    throw Error(Code::spec_unreadable, subject.name + ": no engine tells where its config.json is",
                "name it with --bundle DIRECTORY, or tell its variables with --env");
  }
  subject.spec = read_spec_of(record, context);
  find_image(record, context, subject);
  return subject;
}

ContainerSettings read_image_config(const std::string& path, const CommandContext& context) {
  const UniqueFd file = path == "-"
                            ? UniqueFd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0))
                            : sys::open_beneath(context.caller.working_directory.get(),
                                                path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
  const auto text = file ? read_all(file.get(), kMaxImageConfig) : std::nullopt;
  if (!text) {
    throw_errno(Code::spec_unreadable, "read image configuration `" + path + "`",
                "name a readable file, or - for standard input");
  }
  return parse_container_settings(*text);
}

Subject from_variables(const OptionValues& values, const CommandContext& context) {
  ContainerSettings settings;
  Subject subject{.name = "a container with the variables given"};
  if (values.contains("image-config")) {
    const auto& path = values["image-config"].as<std::string>();
    settings = read_image_config(path, context);
    subject.name = "a container of the image configuration " + path;
  }
  if (!settings.name.empty()) subject.name = "container " + settings.name;
  if (values.contains("env")) {
    const auto& more = values["env"].as<std::vector<std::string>>();
    settings.environment.insert(settings.environment.end(), more.begin(), more.end());
  }
  if (values["privileged"].as<bool>()) settings.has_sys_admin = true;
  add_settings(settings, context, subject);
  if (!values.contains("rootfs")) {
    subject.plan_notes.push_back(image_unknown("no root file system is given"));
    return subject;
  }
  const auto& rootfs = values["rootfs"].as<std::string>();
  UniqueFd image = open_directory(rootfs, context);
  if (!image) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + rootfs + "`",
                "name a directory with --rootfs");
  }
  subject.image = RootDir(std::move(image), FileOwner::image);
  return subject;
}

}  // namespace

void add_subject_options(po::options_description& options) {
  options.add_options()("bundle", po::value<std::string>()->value_name("DIR"),
                        "the container whose config.json is in DIR")(
      "container", po::value<std::string>()->value_name("NAME"),
      "a container by id, beginning of the id, name or process")(
      "env", po::value<std::vector<std::string>>()->value_name("K=V"),
      "a container with this variable; may be repeated")(
      "image-config", po::value<std::string>()->value_name("FILE"),
      "a container of the image whose configuration FILE is, or what docker inspect\n"
      "prints of a container; - is standard input")(
      "rootfs", po::value<std::string>()->value_name("DIR"),
      "root file system, for --env and --image-config")(
      "privileged", po::bool_switch(), "with CAP_SYS_ADMIN, for --env and --image-config");
}

Subject find_subject(const OptionValues& values, const CommandContext& context) {
  const bool by_variables = values.contains("env") || values.contains("image-config");
  const int given = static_cast<int>(values.contains("bundle")) +
                    static_cast<int>(values.contains("container")) + static_cast<int>(by_variables);
  if (given != 1) {
    throw UsageFault("explain needs one of --bundle, --container, and --env or --image-config");
  }
  if (!by_variables && (values.contains("rootfs") || values["privileged"].as<bool>())) {
    throw UsageFault("--rootfs and --privileged go with --env and --image-config");
  }
  if (by_variables) return from_variables(values, context);
  if (values.contains("bundle")) return from_bundle(values["bundle"].as<std::string>(), context);
  return from_container(values["container"].as<std::string>(), context);
}

}  // namespace nvhook
