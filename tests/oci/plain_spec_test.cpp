// SPDX-License-Identifier: Apache-2.0
// The quick reader of config.json never gives another answer than the thorough one.
#include "oci/plain_spec.hpp"

#include <gtest/gtest.h>

#include <string>

#include "oci/container_spec.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kUsual =
    R"({"ociVersion": "1.0.2", "process": {"user": {"uid": 0}, "terminal": false, "rlimits": null,
"env": ["PATH=/bin", "EMPTY", "NVIDIA_REQUIRE_CUDA=cuda\u003e=9.0 \"x\"\\", "A=1", "A=2"],
"capabilities": {"effective": ["CAP_CHOWN"], "bounding": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}},
"root": {"path": "rootfs", "readonly": true}, "hostname": "c", "annotations": {"a": "\u00e9]"},
"mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid"]},
 {"destination": "/vol", "type": "none", "source": "/srv", "options": ["rbind", "ro"]},
 {"destination": "/run", "type": "tmpfs", "other": [-1, {"x": [[]]}]}],
"linux": {"seccomp": {"names": ["a}\"", "b"]}}, "hooks": {}
}
)";

/// What parse_spec gives if the quick reader does not know `json`: a name with an escape is
/// unusual. nullopt if it is invalid.
std::optional<ContainerSpec> thorough(const std::string& json) {
  try {
    return parse_spec("{\"\\u0061\":0," + json.substr(1));
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(PlainSpec, ReadsWhatEnginesWrite) {
  const auto spec = read_plain_spec(kUsual);
  ASSERT_TRUE(spec);
  const ContainerSpec expected{
      .root = "rootfs",
      .environment = {{"PATH", "/bin"},
                      {"EMPTY", ""},
                      {"NVIDIA_REQUIRE_CUDA", "cuda>=9.0 \"x\"\\"},
                      {"A", "2"}},
      .root_read_only = true,
      .mounts = {{.source = "proc", .destination = "/proc", .kind = SpecMount::Kind::kernel},
                 {.source = "/srv", .destination = "/vol"},
                 {.destination = "/run", .kind = SpecMount::Kind::tmpfs}},
      .privileged = true};
  EXPECT_EQ(*spec, expected);
  EXPECT_EQ(thorough(kUsual), expected);
}

TEST(PlainSpec, LeavesTheUnusualToTheThoroughReader) {
  const std::string head = R"({"ociVersion":"1","process":{)";
  const std::string tail = R"(},"root":{"path":"r"}})";
  EXPECT_TRUE(read_plain_spec(head + tail));
  for (const char* process :
       {R"("env":["\u00e9"])", R"("env":["\u0000"])", "\"env\":[\"\xC3\xA9\"]",
        R"("env":[],"env":[])", R"("env":null)", R"("env":[1])", R"("\u0065nv":[])", R"("x":1.5)",
        R"("x":1e9)", R"("x":01)", R"("x":12345678901234567890)", R"("x":tru)", R"("x":[1,])",
        R"("x":{"a"})", R"("x":-)"}) {
    EXPECT_FALSE(read_plain_spec(head + process + tail)) << process;
  }
  const std::string deep = std::string(70, '[') + std::string(70, ']');
  EXPECT_FALSE(read_plain_spec(head + "\"x\":" + deep + tail));
  EXPECT_FALSE(read_plain_spec(R"({"linux":{"x":)" + deep + "}," + (head + tail).substr(1)));
  EXPECT_FALSE(read_plain_spec(head + tail + "{}"));
}

// Strings are read in words of eight characters.
TEST(PlainSpec, TellsEachByteApartAtEachPlace) {
  for (std::size_t place = 0; place < 18; ++place) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      std::string value(17, '~');
      value.insert(place, 1, c);
      const auto spec = read_plain_spec(R"({"ociVersion":"1","process":{"env":["A=)" + value +
                                        R"("]},"root":{"path":"r"}})");
      const bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
      ASSERT_EQ(spec.has_value(), is_plain) << byte << " at " << place;
      if (spec) {
        ASSERT_EQ(spec->environment.at("A"), value);
      }
    }
  }
}

TEST(PlainSpec, AgreesWithTheThoroughReaderOnDamagedTexts) {
  const std::string usual = kUsual;
  int known = 0;
  const auto compare = [&](const std::string& text) {
    const auto quick = read_plain_spec(text);
    if (!quick) return;
    ++known;
    ASSERT_EQ(quick, thorough(text)) << text;
  };
  for (std::size_t at = 1; at < usual.size(); ++at) {
    compare(usual.substr(0, at));
    for (const char c : {'"', '{', ',', '0'}) {
      std::string damaged = usual;
      damaged[at] = c;
      compare(damaged);
    }
    compare(usual.substr(0, at) + usual.substr(at + 1));
  }
  EXPECT_GT(known, 100) << "nothing was compared";
}

}  // namespace
}  // namespace nvhook
