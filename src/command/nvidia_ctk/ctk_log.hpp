// SPDX-License-Identifier: Apache-2.0
// Messages on standard error in the form of NVIDIA's programs, which scripts filter by level.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

enum class CtkLevel { error, warning, info, debug };

struct CtkMessage {
  CtkLevel level = CtkLevel::info;
  std::string text = {};

  friend bool operator==(const CtkMessage&, const CtkMessage&) = default;
};

/// Returns `level=info msg="wrote the file"`. Control characters are replaced, and quotes escaped.
[[nodiscard]] std::string to_log_text(const CtkMessage& message);

class CtkLog {
 public:
  /// Writes messages up to `most` to `err`, which must outlive it.
  CtkLog(std::ostream& err, CtkLevel most) : err_(err), most_(most) {}

  /// Writes `time="2026-01-31T12:00:00Z" level=… msg=…`.
  void write(const CtkMessage& message);
  void write(const std::vector<CtkMessage>& messages);

  void info(std::string text) { write({CtkLevel::info, std::move(text)}); }
  void debug(std::string text) { write({CtkLevel::debug, std::move(text)}); }
  void warning(std::string text) { write({CtkLevel::warning, std::move(text)}); }
  void error(std::string text) { write({CtkLevel::error, std::move(text)}); }

  /// Writes each line that a command of `oci-nvidia` printed for people. Those that begin with
  /// `warning: ` or `missing: ` are warnings.
  void write_lines(std::string_view text);

 private:
  std::ostream& err_;
  CtkLevel most_;
};

}  // namespace nvhook
