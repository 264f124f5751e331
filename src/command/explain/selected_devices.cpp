// SPDX-License-Identifier: Apache-2.0
// Names each device with its UUID, or the GPUs of each model together.
#include "command/explain/selected_devices.hpp"

#include <algorithm>
#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kLeastOfRange = 3;

std::string name_of(const MigDevice& device) {
  return (device.index ? "" : "MIG ") + to_string(device);
}

std::string short_name_of(const MigDevice& device) {
  return device.index ? "MIG " + std::to_string(*device.index) : name_of(device);
}

/// The GPUs of one model.
struct Model {
  std::string name = {};
  std::vector<unsigned> indices = {};
};

std::vector<Model> models_of(const std::vector<Gpu>& gpus) {
  std::vector<Model> models;
  for (const Gpu& gpu : gpus) {
    const auto known = std::find_if(models.begin(), models.end(),
                                    [&](const Model& model) { return model.name == gpu.model; });
    if (known == models.end()) {
      models.push_back({gpu.model, {gpu.index}});
    } else {
      known->indices.push_back(gpu.index);
    }
  }
  return models;
}

/// Returns for example `0, 2-5`.
std::string ranges_of(const std::vector<unsigned>& indices) {
  std::vector<std::string> parts;
  for (std::size_t first = 0; first < indices.size();) {
    std::size_t end = first + 1;
    while (end < indices.size() && indices[end] == indices[end - 1] + 1) ++end;
    if (end - first >= kLeastOfRange) {
      parts.push_back(std::to_string(indices[first]) + "-" + std::to_string(indices[end - 1]));
    } else {
      end = first + 1;
      parts.push_back(std::to_string(indices[first]));
    }
    first = end;
  }
  return join(parts, ", ");
}

std::string joined(const std::vector<std::string>& names) {
  return names.empty() ? "no GPU" : join(names, ", ");
}

}  // namespace

std::string selected_text(const SelectedDevices& selected) {
  std::vector<std::string> names;
  for (const Gpu& gpu : selected.gpus) {
    names.push_back("GPU " + std::to_string(gpu.index) +
                    (gpu.model.empty() ? "" : " " + gpu.model) +
                    (gpu.uuid.empty() ? "" : " (" + gpu.uuid + ")"));
  }
  for (const MigDevice& device : selected.mig_devices) names.push_back(name_of(device));
  return joined(names);
}

std::string selected_models(const SelectedDevices& selected) {
  std::vector<std::string> names;
  for (const Model& model : models_of(selected.gpus)) {
    names.push_back((model.indices.size() == 1 ? "GPU " : "GPUs ") + ranges_of(model.indices) +
                    (model.name.empty() ? "" : " " + model.name));
  }
  for (const MigDevice& device : selected.mig_devices) names.push_back(short_name_of(device));
  return joined(names);
}

}  // namespace nvhook
