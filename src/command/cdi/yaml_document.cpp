// SPDX-License-Identifier: Apache-2.0
// Converts YAML to JSON with yaml-cpp, with limits on size and depth.
#include "command/cdi/yaml_document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <sstream>

#include "cdi/cdi_spec.hpp"
#include "command/shell/json_document.hpp"
#include "text/error.hpp"
#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Limit on the size of one document, where each alias counts with everything it refers to. A host
/// with 64 GPUs with 7 MIG devices each needs a quarter of it.
constexpr std::size_t kMaxMebibytes = 16;
constexpr std::size_t kBytesOfValue = 128;  // in addition to its text

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::config_invalid, "no YAML: " + why, "correct the file, or write it anew");
}

/// The number for which engines take an unquoted word: whole, also octal with a leading 0, or with
/// a point or exponent.
std::optional<Json> number(const std::string& text) {
  const bool is_negative = text.starts_with('-');
  const std::string_view digits = std::string_view(text).substr(is_negative ? 1 : 0);
  const bool is_octal = digits.size() > 1 && digits[0] == '0';
  if (const auto whole = parse_unsigned(digits, is_octal ? 8 : 10)) {
    if (!is_negative) return Json(*whole);
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (*whole <= kLargest) return Json(-static_cast<std::int64_t>(*whole));
  }
  // A word such as `e1`, and `inf` and `nan`, which have no form in JSON, are none.
  const bool has_form =
      !digits.empty() &&
      (std::isdigit(static_cast<unsigned char>(digits[0])) != 0 || digits[0] == '.') &&
      digits.find_first_of("0123456789") != std::string_view::npos;
  double fraction = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), fraction);
  if (!has_form || end.ec != std::errc() || end.ptr != text.data() + text.size())
    return std::nullopt;
  return Json(fraction);
}

/// Adds up what a document takes.
class Size {
 public:
  void add(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > kMaxMebibytes << 20U) {
      fail("it grows to more than " + std::to_string(kMaxMebibytes) + " MiB");
    }
  }

 private:
  std::size_t bytes_ = 0;
};

class Converter {
 public:
  Json convert(const YAML::Node& node, std::size_t depth = 0) {
    add(kBytesOfValue);
    if (depth > kMaxJsonDepth) fail("nested too deeply");
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return map(node, depth);
      case YAML::NodeType::Sequence:
        return sequence(node, depth);
      case YAML::NodeType::Scalar:
        return scalar(node);
      default:
        return nullptr;
    }
  }

 private:
  Json map(const YAML::Node& node, std::size_t depth) {
    Json object = Json::object();
    for (const auto& member : node) {
      if (!member.first.IsScalar()) fail("a key is no word");
      add(member.first.Scalar().size());
      if (object.size() > kMaxCdiMembers) {
        fail("a map has more than " + std::to_string(kMaxCdiMembers) + " keys");
      }
      object[member.first.Scalar()] = convert(member.second, depth + 1);
    }
    return object;
  }

  Json sequence(const YAML::Node& node, std::size_t depth) {
    Json list = Json::array();
    for (const YAML::Node& item : node) list.push_back(convert(item, depth + 1));
    return list;
  }

  Json scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    add(text.size());
    if (node.Tag() == "!") return text;  // it is quoted
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    return number(text).value_or(text);
  }

  void add(std::size_t bytes) { size_.add(bytes); }

  Size size_ = {};
};

/// Counts the values as they are written, before anything is built of them.
class Counted : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override { add(); }
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override { add(); }
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    add(value.size());
  }
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {
    add();
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    add();
  }
  void OnMapEnd() override {}

 private:
  void add(std::size_t text = 0) { size_.add(kBytesOfValue + text); }

  Size size_ = {};
};

/// After a complete document yaml-cpp can return empty documents without end, so YAML::LoadAll
/// cannot be used.
void require_one_document(const std::string& yaml) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  Counted events;
  if (!parser.HandleNextDocument(events)) fail("no document");
  if (parser.HandleNextDocument(events)) fail("more than one document");
}

/// YAML allows no other control characters, and yaml-cpp takes some of them for the end of the
/// text.
void require_characters(std::string_view yaml) {
  for (std::size_t at = 0; at < yaml.size(); ++at) {
    const auto byte = static_cast<unsigned char>(yaml[at]);
    constexpr unsigned char kDelete = 0x7f;
    const bool is_white = byte == '\t' || byte == '\n' || byte == '\r';
    if ((byte >= ' ' || is_white) && byte != kDelete) continue;
    const auto lines =
        std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    fail("line " + std::to_string(lines + 1) + ": a control character (byte " +
         std::to_string(byte) + ")");
  }
}

}  // namespace

std::string yaml_to_json(std::string_view yaml) {
  require_characters(yaml);
  try {
    const std::string text(yaml);
    require_one_document(text);
    return Converter().convert(YAML::Load(text)).dump();
  } catch (const YAML::Exception& error) {
    fail("line " + std::to_string(error.mark.line + 1) + ", column " +
         std::to_string(error.mark.column + 1) + ": " + error.msg);
  } catch (const Json::exception&) {
    fail("bytes that are not UTF-8");
  }
}

}  // namespace nvhook
