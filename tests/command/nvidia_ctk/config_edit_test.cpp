// SPDX-License-Identifier: Apache-2.0
// Tests that a key of config.toml is set and everything else stays.
#include "command/nvidia_ctk/config_edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/shell/command.hpp"
#include "config/config.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;

constexpr const char* kFile =
    "# the administrator's\n"
    "disable-require = false  # as it was\n"
    "#swarm-resource = \"DOCKER_RESOURCE_GPU\"\n"
    "\n"
    "[nvidia-container-cli] # the é program\n"
    "environment = [\n"
    "  \"A=é\", # why\n"
    "  \"B=2\",\n"
    "] # the end\n"
    "# root = \"/run/nvidia/driver\"\n"
    "load-kmods = true\n"
    "\n"
    "[nvidia-container-runtime]\n"
    "mode = \"auto\"";

std::string set(const std::string& setting, const std::string& text = kFile) {
  return with_setting(text, parse_setting(setting), "config.toml");
}

/// The file with one piece replaced.
std::string with(const std::string& before, const std::string& after) {
  std::string text = kFile;
  text.replace(text.find(before), before.size(), after);
  return text;
}

std::string fault_of(const std::string& setting) {
  try {
    static_cast<void>(parse_setting(setting));
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return "no fault";
}

TEST(ConfigEdit, AValueIsReplacedWhereItStands) {
  EXPECT_EQ(set("disable-require=true"), with("= false", "= true"));
  EXPECT_EQ(set("disable-require"), with("= false", "= true")) << "a boolean needs no value";
  EXPECT_EQ(set("nvidia-container-cli.load-kmods=0"), with("kmods = true", "kmods = false"));
  EXPECT_EQ(set("nvidia-container-runtime.mode=cdi"), with("\"auto\"", "\"cdi\""));
}

TEST(ConfigEdit, AListOverSeveralLinesIsReplacedAsAWhole) {
  EXPECT_EQ(set("nvidia-container-cli.environment=C=3, D=4"),
            with("[\n  \"A=é\", # why\n  \"B=2\",\n]", "[\"C=3\", \"D=4\"]"));
  EXPECT_EQ(set("nvidia-container-cli.environment="),
            with("[\n  \"A=é\", # why\n  \"B=2\",\n]", "[]"));
}

TEST(ConfigEdit, ANewKeyFollowsItsSample) {
  EXPECT_EQ(set("nvidia-container-cli.root=/run/nvidia/driver"),
            with("driver\"\n", "driver\"\nroot = \"/run/nvidia/driver\"\n"));
  EXPECT_EQ(set("swarm-resource=GPU"),
            with("RESOURCE_GPU\"\n", "RESOURCE_GPU\"\nswarm-resource = \"GPU\"\n"));
}

TEST(ConfigEdit, ANewKeyWithoutSampleIsTheLastOfItsTable) {
  EXPECT_EQ(set("nvidia-container-cli.no-cgroups"),
            with("kmods = true\n", "kmods = true\nno-cgroups = true\n"));
  EXPECT_EQ(set("nvidia-container-runtime.runtimes=crun"),
            with("\"auto\"", "\"auto\"\nruntimes = [\"crun\"]\n"));
  EXPECT_EQ(set("disable-require", ""), "disable-require = true\n");
}

TEST(ConfigEdit, ANewTableIsTheLastOfTheFile) {
  EXPECT_EQ(set("nvidia-container-runtime.modes.cdi.annotation-prefixes=nvidia.cdi.k8s.io/"),
            std::string(kFile) +
                "\n\n[nvidia-container-runtime.modes.cdi]\n"
                "annotation-prefixes = [\"nvidia.cdi.k8s.io/\"]\n");
  EXPECT_EQ(set("features.gds", "a = 1\n"), "a = 1\n\n[features]\ngds = true\n");
}

TEST(ConfigEdit, SettingAgainChangesNothing) {
  const std::string once = set("nvidia-container-cli.debug=/var/log/\"a\\b\".log");
  EXPECT_THAT(once, HasSubstr("debug = \"/var/log/\\\"a\\\\b\\\".log\"\n"));
  EXPECT_EQ(set("nvidia-container-cli.debug=/var/log/\"a\\b\".log", once), once);
}

TEST(ConfigEdit, ANumberIsWrittenAsOne) {
  EXPECT_EQ(set("lease-wait=60", ""), "lease-wait = 60\n");
  EXPECT_EQ(set("lease-wait=60", "lease-wait = 5\n"), "lease-wait = 60\n");
}

TEST(ConfigEdit, ATextThatCannotBeExtendedIsRefused) {
  EXPECT_THAT([] { static_cast<void>(set("features.gds", "features = { mofed = true }\n")); },
              fails_with(Code::config_invalid, "`features.gds` cannot be set"));
  EXPECT_THAT([] { static_cast<void>(set("features.gds", "[features\n")); },
              fails_with(Code::config_invalid, "config.toml:1"));
  EXPECT_EQ(set("features.gds", "features = { gds = false }\n"), "features = { gds = true }\n");
  EXPECT_EQ(set("features.gds", "features.gds = false\n"), "features.gds = true\n");
}

TEST(ConfigEdit, AnUnknownKeyAndAValueOfAnotherTypeAreRefused) {
  EXPECT_EQ(fault_of("nvidia-container-cli.rot=/"),
            "there is no key `nvidia-container-cli.rot`; perhaps `nvidia-container-cli.root`");
  EXPECT_EQ(fault_of("zzz=1"), "there is no key `zzz`; `nvidia-ctk config default` shows the keys");
  EXPECT_THAT(fault_of("disable-require=maybe"), HasSubstr("true or false, not `maybe`"));
  EXPECT_THAT(fault_of("nvidia-container-cli.root"), HasSubstr("needs a value"));
  EXPECT_THAT(fault_of("lease-wait=long"), HasSubstr("a number, not `long`"));
}

TEST(ConfigEdit, AListMayHaveAnotherSeparator) {
  EXPECT_EQ(parse_setting("nvidia-container-runtime.runtimes=a,b;c", ";").value,
            "[\"a,b\", \"c\"]");
}

TEST(ConfigDefault, TheHookReadsItWithoutAWarning) {
  for (const Note& note : parse_config(default_config(), "config.toml").notes) {
    EXPECT_EQ(note.level, Note::Level::info) << note.text;
  }
  EXPECT_EQ(parse_config(default_config(), "config.toml").config, Config());
}

TEST(ConfigDefault, EachKeyCanBeSetAndIsKnownToTheHook) {
  for (const ConfigKey& key : config_keys()) {
    const std::string path(key.path);
    const char* const value = key.type == ConfigType::boolean  ? ""
                              : key.type == ConfigType::number ? "=1"
                                                               : "=";
    const std::string text = set(path + value, default_config());
    if (path == "placement") continue;  // no empty value
    for (const Note& note : parse_config(text, "config.toml").notes) {
      EXPECT_THAT(note.text, testing::Not(HasSubstr("unknown key"))) << path;
    }
  }
}

}  // namespace
}  // namespace nvhook
