// SPDX-License-Identifier: Apache-2.0
// Lines of tab-separated fields: read at every container start, where JSON takes ten times as long.
#include "host/cache/cached_host.hpp"

#include <charconv>
#include <initializer_list>
#include <system_error>

namespace nvhook {
namespace {

// The first field of a line.
constexpr std::string_view kDependency = "depends";
constexpr std::string_view kGpu = "gpu";
constexpr std::string_view kFile = "file";
constexpr std::string_view kRefersTo = "refers";  // of the file before it
constexpr std::string_view kNote = "note";
constexpr std::string_view kEnd = "end";

// ---- writing

class Writer {
 public:
  void line(std::initializer_list<std::string_view> fields) {
    bool first = true;
    for (const std::string_view field : fields) {
      if (field.find_first_of("\t\n") != std::string_view::npos) clean_ = false;
      if (!first) text_ += '\t';
      text_ += field;
      first = false;
    }
    text_ += '\n';
  }

  [[nodiscard]] std::optional<std::string> take() && {
    return clean_ ? std::optional(std::move(text_)) : std::nullopt;
  }

 private:
  std::string text_ = {};
  bool clean_ = true;
};

std::string_view flag(bool value) { return value ? "1" : "0"; }

template <typename Number>
std::string number(Number value) {
  return std::to_string(value);
}

void write(Writer& writer, const CacheDependency& dependency) {
  writer.line({kDependency, flag(dependency.file.root == HostRoot::driver),
               dependency.file.path.str(), flag(dependency.exists), number(dependency.device),
               number(dependency.inode), number(dependency.links),
               number(dependency.changed_seconds), number(dependency.changed_nanoseconds)});
}

void write(Writer& writer, const Gpu& gpu) {
  writer.line({kGpu, number(gpu.index), number(gpu.minor), gpu.uuid, gpu.pci, gpu.model,
               flag(gpu.excluded)});
}

void write(Writer& writer, const DriverFile& file) {
  writer.line({kFile, number(static_cast<int>(file.kind)), file.component->name,
               flag(file.abi == Abi::compat32), file.path.str(), file.found_as.str(), file.soname,
               file.place.str(), flag(file.has_plain_link), file.interpreter});
  for (const std::string& library : file.refers_to) writer.line({kRefersTo, library});
}

void write(Writer& writer, const Note& note) {
  writer.line({kNote, flag(note.level == Note::Level::warning), note.text});
}

// ---- reading

/// The fields of one line. A missing or invalid field makes the line bad.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}

  std::string_view text() {
    if (ended_) {
      good_ = false;
      return {};
    }
    const std::size_t tab = rest_.find('\t');
    const std::string_view field = rest_.substr(0, tab);
    ended_ = tab == std::string_view::npos;
    rest_ = ended_ ? std::string_view() : rest_.substr(tab + 1);
    return field;
  }

  bool flag() {
    const std::string_view field = text();
    if (field != "0" && field != "1") good_ = false;
    return field == "1";
  }

  template <typename Number>
  Number number() {
    const std::string_view field = text();
    const char* const end = field.data() + field.size();
    Number value = 0;
    const auto [at, error] = std::from_chars(field.data(), end, value);
    if (error != std::errc() || at != end) good_ = false;
    return value;
  }

  /// Whether every field was there and valid, and no field is left.
  [[nodiscard]] bool good() const { return good_ && ended_; }

 private:
  std::string_view rest_;
  bool ended_ = false;
  bool good_ = true;
};

CacheDependency read_dependency(Fields& fields) {
  CacheDependency dependency;
  dependency.file.root = fields.flag() ? HostRoot::driver : HostRoot::system;
  dependency.file.path = HostPath(std::string(fields.text()));
  dependency.exists = fields.flag();
  dependency.device = fields.number<std::uint64_t>();
  dependency.inode = fields.number<std::uint64_t>();
  dependency.links = fields.number<std::uint64_t>();
  dependency.changed_seconds = fields.number<std::int64_t>();
  dependency.changed_nanoseconds = fields.number<std::int64_t>();
  return dependency;
}

Gpu read_gpu(Fields& fields) {
  Gpu gpu;
  gpu.index = fields.number<unsigned>();
  gpu.minor = fields.number<unsigned>();
  gpu.uuid = fields.text();
  gpu.pci = fields.text();
  gpu.model = fields.text();
  gpu.excluded = fields.flag();
  return gpu;
}

const Component* component_of(ComponentKind kind, std::string_view name) {
  const Component& firmware = firmware_component();
  if (kind == firmware.kind) return name == firmware.name ? &firmware : nullptr;
  return find_component(kind, name);
}

/// Leaves `component` null, which makes the line bad, if the table has no such row.
DriverFile read_file(Fields& fields) {
  DriverFile file;
  const int kind = fields.number<int>();
  const bool known = kind >= 0 && kind <= static_cast<int>(ComponentKind::wsl_store);
  file.kind = known ? static_cast<ComponentKind>(kind) : ComponentKind::library;
  const std::string_view name = fields.text();
  file.component = known ? component_of(file.kind, name) : nullptr;
  file.abi = fields.flag() ? Abi::compat32 : Abi::native;
  file.path = HostPath(std::string(fields.text()));
  file.found_as = HostPath(std::string(fields.text()));
  file.soname = fields.text();
  file.place = ContainerPath(std::string(fields.text()));
  file.has_plain_link = fields.flag();
  file.interpreter = fields.text();
  return file;
}

/// Returns false if the line is malformed.
bool add_line(CachedHost& cached, std::string_view line) {
  Fields fields(line);
  const std::string_view kind = fields.text();
  if (kind == kDependency) {
    cached.dependencies.push_back(read_dependency(fields));
  } else if (kind == kGpu) {
    cached.gpus.push_back(read_gpu(fields));
  } else if (kind == kFile) {
    cached.files.push_back(read_file(fields));
    if (cached.files.back().component == nullptr) return false;
  } else if (kind == kRefersTo && !cached.files.empty()) {
    cached.files.back().refers_to.emplace_back(fields.text());
  } else if (kind == kNote) {
    const bool is_warning = fields.flag();
    const std::string text(fields.text());
    cached.notes.push_back(is_warning ? warning(text) : info(text));
  } else {
    return false;
  }
  return fields.good();
}

}  // namespace

std::optional<std::string> to_text(const CachedHost& cached, std::string_view key) {
  Writer writer;
  writer.line({key});
  for (const CacheDependency& dependency : cached.dependencies) write(writer, dependency);
  for (const Gpu& gpu : cached.gpus) write(writer, gpu);
  for (const DriverFile& file : cached.files) write(writer, file);
  for (const Note& note : cached.notes) write(writer, note);
  writer.line({kEnd});
  return std::move(writer).take();
}

std::optional<CachedHost> parse_cached_host(std::string_view text, std::string_view key) {
  CachedHost cached;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (is_first) {
      if (line != key) return std::nullopt;
      is_first = false;
    } else if (line == kEnd) {
      return text.empty() ? std::optional(std::move(cached)) : std::nullopt;
    } else if (!add_line(cached, line)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace nvhook
