// SPDX-License-Identifier: Apache-2.0
// The output of `oci-nvidia ps`, as text and as JSON.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "command/ps/sample.hpp"
#include "command/render/style.hpp"
#include "command/shell/json_document.hpp"

namespace nvhook {

/// Returns a table: a line for each container that has a GPU, below it one for each process that
/// uses one, and then the processes of the host. No line is wider than `width` columns, unless that
/// is less than 60; 0: as wide as need be.
[[nodiscard]] std::string sample_text(const Sample& sample, std::size_t width, const Style& style);

/// Returns the JSON of docs/schemas/ps-1.schema.json.
[[nodiscard]] Json sample_json(const Sample& sample);

/// The same of one sample after the other. A container that is as in the last sample is not
/// formatted again: that would cost more than to take the sample.
class SampleJson {
 public:
  SampleJson() = default;
  SampleJson(const SampleJson&) = delete;
  SampleJson& operator=(const SampleJson&) = delete;
  SampleJson(SampleJson&&) = delete;
  SampleJson& operator=(SampleJson&&) = delete;
  ~SampleJson() = default;

  /// The result is valid until the next call.
  const Json& of(Sample sample);

 private:
  Sample last_ = {};
  std::optional<Json> document_ = {};
};

}  // namespace nvhook
