// SPDX-License-Identifier: Apache-2.0
// Follows the image's links between the mounts of config.json, none of which exists yet.
#include "image/spec_layer.hpp"

#include <algorithm>
#include <deque>
#include <string_view>

#include "formats/mountinfo.hpp"
#include "image/own_layer.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr int kMaxLinks = 40;  // as many as the kernel follows

void put_in_front(std::deque<std::string>& names, std::string_view path) {
  const auto parts = split_list(path, '/');
  names.insert(names.begin(), parts.begin(), parts.end());
}

}  // namespace

SpecLayer::SpecLayer(const ContainerSpec& spec, const RootDir* image) : spec_(spec), image_(image) {
  for (const SpecMount& mount : spec.mounts) {
    // The content of a volume on the way is not known, so below it names are taken as written.
    places_.push_back({.destination = walk(mount.destination).path, .mount = &mount});
  }
}

/// Returns the last mount over `path`, because it hides earlier ones there and below; null if none.
const SpecMount* SpecLayer::mount_over(const std::string& path) const {
  const auto found = std::find_if(
      places_.rbegin(), places_.rend(),
      [&](const ResolvedMount& place) { return rest_below(path, place.destination).has_value(); });
  return found == places_.rend() ? nullptr : found->mount;
}

/// Returns the text of the image's link at `path`; nullopt if it is not a link or a mount (`over`)
/// hides it.
std::optional<std::string> SpecLayer::link_at(const std::string& path,
                                              const SpecMount* over) const {
  return image_ != nullptr && over == nullptr ? image_->read_link(path) : std::nullopt;
}

SpecLayer::End SpecLayer::walk(const std::string& path) const {
  std::deque<std::string> names;
  put_in_front(names, path);
  std::string at = "/";
  int links = 0;
  while (true) {
    const SpecMount* const over = mount_over(at);
    if (over != nullptr && over->kind != SpecMount::Kind::tmpfs) {
      return {.path = clean_path(at + "/" + join({names.begin(), names.end()}, "/")),
              .volume = over};
    }
    if (names.empty()) return {.path = at};
    const std::string name = names.front();
    names.pop_front();
    const std::string next = clean_path(at + "/" + name);
    const auto link = name == ".." ? std::nullopt : link_at(next, over);
    if (link && ++links <= kMaxLinks) {
      if (link->front() == '/') at = "/";
      put_in_front(names, *link);
    } else {
      at = next;
    }
  }
}

std::optional<std::string> SpecLayer::obstacle_at(const ContainerPath& path) const {
  const End end = walk(path.str());
  if (end.volume != nullptr) return "lies on " + volume_text(*end.volume);
  const bool is_roots = mount_over(end.path) == nullptr;
  return is_roots && image_ != nullptr ? read_only_root(spec_, image_->fd()) : std::nullopt;
}

ImageView SpecLayer::view() const {
  return {.rootfs = image_,
          .obstacle_at = [this](const ContainerPath& path) { return obstacle_at(path); }};
}

}  // namespace nvhook
