// SPDX-License-Identifier: Apache-2.0
// Block style for what has members; a text is written as in JSON, which YAML 1.2 contains, unless
// it is a plain word.
#include "command/cdi/yaml_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "command/shell/json_document.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Words that YAML 1.1 or 1.2 takes for a truth value, nothing or no number.
constexpr std::array kMeanings{"y",    "n",     "yes",  "no",  "on",  "off",
                               "true", "false", "null", "nan", "inf", "infinity"};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

/// A word that starts with a letter or a slash, so that it is no number, date or mark, and has only
/// characters that mean nothing in YAML.
bool is_plain(std::string_view text) {
  constexpr std::string_view kHarmless = "/._-=";
  if (text.empty() || (!is_letter(text[0]) && text[0] != '/')) return false;
  const bool is_word = std::all_of(text.begin(), text.end(), [&](char c) {
    return is_alphanumeric(c) || kHarmless.find(c) != std::string_view::npos;
  });
  return is_word && std::none_of(kMeanings.begin(), kMeanings.end(), [&](const char* word) {
           return equals_ignoring_case(text, word);
         });
}

/// Characters that are allowed in a JSON string and not in YAML, or that end a line in YAML 1.1.
struct Escape {
  std::string_view bytes;
  const char* text;
};
constexpr std::array kEscapes{Escape{"\x7f", "\\x7F"},           Escape{"\xe2\x80\xa8", "\\u2028"},
                              Escape{"\xe2\x80\xa9", "\\u2029"}, Escape{"\xef\xbb\xbf", "\\uFEFF"},
                              Escape{"\xef\xbf\xbe", "\\uFFFE"}, Escape{"\xef\xbf\xbf", "\\uFFFF"}};

/// U+0080 to U+009F: the byte C2, then one from 80 to 9F.
bool is_control(std::string_view rest) {
  constexpr char kLead = '\xc2';
  constexpr unsigned char kLast = 0x9f;
  return rest.size() > 1 && rest[0] == kLead && static_cast<unsigned char>(rest[1]) <= kLast;
}

std::string quoted(const std::string& text) {
  const std::string json = Json(text).dump();
  std::string yaml;
  for (std::size_t at = 0; at < json.size();) {
    const std::string_view rest = std::string_view(json).substr(at);
    const auto* const found =
        std::find_if(kEscapes.begin(), kEscapes.end(),
                     [&](const Escape& escape) { return rest.starts_with(escape.bytes); });
    if (found != kEscapes.end()) {
      yaml += found->text;
      at += found->bytes.size();
    } else if (is_control(rest)) {
      yaml += "\\x" + to_hexadecimal(static_cast<unsigned char>(rest[1]), 2);
      at += 2;
    } else {
      yaml += json[at++];
    }
  }
  return yaml;
}

std::string word_of(const std::string& text) { return is_plain(text) ? text : quoted(text); }

class Writer {
 public:
  std::string write(const Json& document) {
    text_ = "---\n";
    if (is_block(document)) {
      block(document, "");
    } else {
      text_ += scalar(document) + "\n";
    }
    return std::move(text_);
  }

 private:
  static bool is_block(const Json& value) { return value.is_structured() && !value.empty(); }

  /// Empty objects and lists too: `{}` and `[]`.
  static std::string scalar(const Json& value) {
    return value.is_string() ? word_of(value.get<std::string>()) : value.dump();
  }

  void block(const Json& value, const std::string& indent) {
    if (value.is_object()) {
      object(value, indent, indent);
    } else {
      list(value, indent);
    }
  }

  /// `first` precedes the first key: behind the dash of a list there is no line of its own.
  void object(const Json& value, const std::string& first, const std::string& indent) {
    bool is_first = true;
    for (const auto& [key, member] : value.items()) {
      const std::string word = word_of(key);
      // Readers look for the colon of a key only so far, unless a question mark announces it.
      constexpr std::size_t kLongKey = 1000;
      text_ += is_first ? first : indent;
      text_ += word.size() > kLongKey ? "? " + word + "\n" + indent + ":" : word + ":";
      is_first = false;
      if (is_block(member)) {
        text_ += "\n";
        block(member, indent + "  ");
      } else {
        text_ += " " + scalar(member) + "\n";
      }
    }
  }

  void list(const Json& value, const std::string& indent) {
    for (const Json& item : value) {
      if (item.is_object() && !item.empty()) {
        object(item, indent + "- ", indent + "  ");
      } else if (is_block(item)) {
        text_ += indent + "-\n";
        list(item, indent + "  ");
      } else {
        text_ += indent + "- " + scalar(item) + "\n";
      }
    }
  }

  std::string text_ = {};
};

}  // namespace

std::string json_to_yaml(std::string_view json) {
  const Json document = Json::parse(json, nullptr, false);
  if (document.is_discarded()) {
    throw Error(Code::config_invalid, "it is no JSON", "correct the file, or write it anew");
  }
  return Writer().write(document);
}

}  // namespace nvhook
