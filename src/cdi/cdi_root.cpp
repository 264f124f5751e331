// SPDX-License-Identifier: Apache-2.0
// The document is changed in place, so that fields that nobody here knows stay.
#include "cdi/cdi_root.hpp"

#include <nlohmann/json.hpp>

#include "cdi/cdi_spec.hpp"
#include "text/text.hpp"
#include "text/version.hpp"

namespace nvhook {
namespace {

using Json = nlohmann::ordered_json;

/// Nullptr if there is no such member, or it is null.
Json* find(Json& object, const char* name) {
  const auto field = object.find(name);
  return field == object.end() || field->is_null() ? nullptr : &*field;
}

/// `--link=A::B`, `--folder=A`, `A::B`, `A`: each part that is a path.
std::string moved_argument(const std::string& word, const RootChange& change) {
  const auto equals = word.find('=');
  if (word.starts_with('-') && equals != std::string::npos) {
    return word.substr(0, equals + 1) + moved_argument(word.substr(equals + 1), change);
  }
  constexpr std::string_view kBetween = "::";
  const auto between = word.find(kBetween);
  if (between == std::string::npos) return moved(word, change);
  return moved(word.substr(0, between), change) + std::string(kBetween) +
         moved(word.substr(between + kBetween.size()), change);
}

class Changer {
 public:
  explicit Changer(const RootChange& change)
      : change_(change), on_host_(change.side == RootOf::host) {}

  void change(Json& edits) const {
    for_each(edits, "deviceNodes", [this](Json& node) { change_node(node); });
    for_each(edits, "mounts",
             [this](Json& mount) { change_text(mount, on_host_ ? "hostPath" : "containerPath"); });
    for_each(edits, "hooks", [this](Json& hook) { change_hook(hook); });
  }

  template <typename Change>
  static void for_each(Json& object, const char* name, Change change) {
    if (Json* const list = find(object, name)) {
      for (Json& item : *list) change(item);
    }
  }

 private:
  void change_text(Json& object, const char* name) const {
    if (Json* const text = find(object, name)) *text = moved(text->get<std::string>(), change_);
  }

  void change_node(Json& node) const {
    const std::string path = node.at("path").get<std::string>();
    const Json* const host = find(node, "hostPath");
    const std::string old_host = host == nullptr ? path : host->get<std::string>();
    const std::string new_path = on_host_ ? path : moved(path, change_);
    const std::string new_host = on_host_ ? moved(old_host, change_) : old_host;
    node["path"] = new_path;
    if (host != nullptr || new_host != new_path) node["hostPath"] = new_host;
  }

  /// The program of a startContainer hook is one of the image; all others are the host's.
  void change_hook(Json& hook) const {
    const std::string stage = hook.at("hookName").get<std::string>();
    const bool starts_inside = stage == "startContainer";
    const bool works_inside = starts_inside || stage == "createContainer";
    if (starts_inside != on_host_) change_text(hook, "path");
    if (works_inside == on_host_) return;
    for_each(hook, "args",
             [this](Json& word) { word = moved_argument(word.get<std::string>(), change_); });
  }

  const RootChange& change_;
  bool on_host_;
};

void raise_version(Json& document) {
  const CdiSpec spec = parse_cdi_spec(document.dump());
  const std::string required = required_cdi_version(spec);
  const auto version = Version::parse(spec.version);
  if (version && *version < *Version::parse(required)) document["cdiVersion"] = required;
}

}  // namespace

std::string moved(const std::string& path, const RootChange& change) {
  const std::string from = clean_path(change.from);
  const std::string above = from == "/" ? "" : from;
  if (path != from && !path.starts_with(above + "/")) return path;
  return clean_path(change.to + "/" + path.substr(std::min(above.size(), path.size())));
}

std::string with_other_root(std::string_view json, const RootChange& change) {
  static_cast<void>(parse_cdi_spec(json));  // so that every field below has its type
  Json document = Json::parse(json);
  const Changer changer(change);
  const auto change_edits = [&](Json& object) {
    if (Json* const edits = find(object, "containerEdits")) changer.change(*edits);
  };
  change_edits(document);
  Changer::for_each(document, "devices", change_edits);
  raise_version(document);
  return document.dump(2) + "\n";
}

}  // namespace nvhook
