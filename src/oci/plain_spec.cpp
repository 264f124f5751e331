// SPDX-License-Identifier: Apache-2.0
// One function for each object. A member that comes twice is left to parse_spec, where the last one
// counts.
#include "oci/plain_spec.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "text/json_reader.hpp"

namespace nvhook {
namespace {

class PlainSpec {
 public:
  explicit PlainSpec(std::string_view json) : reader_(json) {}

  std::optional<ContainerSpec> read() {
    reader_.object([this](std::string_view name) { read_member(name); });
    const bool has_all = has_version_ && has_process_ && !spec_.root.empty();
    if (!has_all || !reader_.has_read_all()) return std::nullopt;
    return std::move(spec_);
  }

 private:
  /// For members that may come once.
  void take(bool& is_there) {
    if (std::exchange(is_there, true)) reader_.fail();
  }

  void read_member(std::string_view name) {
    if (name == "ociVersion") {
      take(has_version_);
      static_cast<void>(reader_.string());
    } else if (name == "process") {
      take(has_process_);
      read_process();
    } else if (name == "root") {
      take(has_root_);
      read_root();
    } else if (name == "mounts") {
      take(has_mounts_);
      reader_.list([this] { read_mount(); });
    } else {
      skip(name);
    }
  }

  /// Most of a usual config.json is in these.
  void skip(std::string_view name) {
    const bool is_bulk = name == "annotations" || name == "hooks" || name == "linux";
    if (is_bulk && (reader_.is_next('{') || reader_.is_next('['))) {
      reader_.skip_unread();
    } else {
      reader_.skip();
    }
  }

  void read_process() {
    bool has_environment = false;
    bool has_capabilities = false;
    reader_.object([&](std::string_view name) {
      if (name == "env") {
        take(has_environment);
        reader_.list([this] { add_variable(std::string(reader_.string()), spec_.environment); });
      } else if (name == "capabilities") {
        take(has_capabilities);
        read_capabilities();
      } else {
        reader_.skip();
      }
    });
  }

  void read_capabilities() {
    if (reader_.is_next('[')) return read_bounding();
    bool has_bounding = false;
    reader_.object([&](std::string_view name) {
      if (name != "bounding") return reader_.skip();
      take(has_bounding);
      read_bounding();
    });
  }

  void read_bounding() {
    reader_.list([this] {
      if (reader_.string() == "CAP_SYS_ADMIN") spec_.privileged = true;
    });
  }

  void read_root() {
    bool has_read_only = false;
    bool has_path = false;
    reader_.object([&](std::string_view name) {
      if (name == "path") {
        take(has_path);
        spec_.root = reader_.string();
      } else if (name == "readonly") {
        take(has_read_only);
        spec_.root_read_only = reader_.boolean();
      } else {
        reader_.skip();
      }
    });
  }

  void read_mount() {
    SpecMount& mount = spec_.mounts.emplace_back();
    bool is_bind = false;
    bool has_source = false;
    bool has_destination = false;
    bool has_type = false;
    bool has_options = false;
    std::string type;
    const auto take_text = [this](bool& is_there, std::string& text) {
      take(is_there);
      text = reader_.string();
    };
    reader_.object([&](std::string_view name) {
      if (name == "source") return take_text(has_source, mount.source);
      if (name == "destination") return take_text(has_destination, mount.destination);
      if (name == "type") return take_text(has_type, type);
      if (name != "options") return reader_.skip();
      take(has_options);
      reader_.list([&] {
        const std::string_view option = reader_.string();
        is_bind = is_bind || option == "bind" || option == "rbind";
      });
    });
    mount.kind = kind_of_mount(type, is_bind);
  }

  JsonReader reader_;
  ContainerSpec spec_ = {};
  bool has_version_ = false;
  bool has_process_ = false;
  bool has_root_ = false;
  bool has_mounts_ = false;
};

}  // namespace

std::optional<ContainerSpec> read_plain_spec(std::string_view json) {
  return PlainSpec(json).read();
}

void add_variable(std::string entry, Environment& environment) {
  const auto separator = entry.find('=');
  std::string value = separator == std::string::npos ? "" : entry.substr(separator + 1);
  if (separator != std::string::npos) entry.resize(separator);
  environment.insert_or_assign(std::move(entry), std::move(value));
}

SpecMount::Kind kind_of_mount(std::string_view type, bool is_bind) {
  constexpr std::array kKernelTypes{"proc", "sysfs", "cgroup", "cgroup2", "mqueue", "devpts"};
  if (is_bind) return SpecMount::Kind::volume;
  if (type == "tmpfs") return SpecMount::Kind::tmpfs;
  const bool is_kernels =
      std::find(kKernelTypes.begin(), kKernelTypes.end(), type) != kKernelTypes.end();
  return is_kernels ? SpecMount::Kind::kernel : SpecMount::Kind::volume;
}

}  // namespace nvhook
