// SPDX-License-Identifier: Apache-2.0
// YAML, by yaml-cpp.
#include "command/yaml_document.hpp"

#include <yaml-cpp/yaml.h>

#include "command/json_document.hpp"
#include "core/error.hpp"
#include "core/text.hpp"

namespace nvhook {
namespace {

/// Values of one document, each alias counted with all that it stands for: more than a host with 64
/// GPUs, 7 MIG devices on each, needs.
constexpr std::size_t kMaxValues = 1UL << 20U;

[[noreturn]] void fail(const std::string& why) {
  throw Error(Code::config_invalid, "no YAML: " + why, "correct the file, or write it anew");
}

class Converter {
 public:
  Json convert(const YAML::Node& node, std::size_t depth = 0) {
    if (++values_ > kMaxValues) fail("more than " + std::to_string(kMaxValues) + " values");
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
      object[member.first.Scalar()] = convert(member.second, depth + 1);
    }
    return object;
  }

  Json sequence(const YAML::Node& node, std::size_t depth) {
    Json list = Json::array();
    for (const YAML::Node& item : node) list.push_back(convert(item, depth + 1));
    return list;
  }

  static Json scalar(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return text;  // it is quoted
    if (text == "true" || text == "True" || text == "TRUE") return true;
    if (text == "false" || text == "False" || text == "FALSE") return false;
    const bool is_octal = text.starts_with("0") && text.size() > 1;
    if (const auto number = parse_unsigned(text); number && !is_octal) return *number;
    return text;
  }

  std::size_t values_ = 0;
};

}  // namespace

std::string yaml_to_json(std::string_view yaml) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() != 1) fail(std::to_string(documents.size()) + " documents, not one");
    return Converter().convert(documents.front()).dump();
  } catch (const YAML::Exception& error) {
    fail("line " + std::to_string(error.mark.line + 1) + ", column " +
         std::to_string(error.mark.column + 1) + ": " + error.msg);
  } catch (const Json::exception&) {
    fail("bytes that are not UTF-8");
  }
}

}  // namespace nvhook
