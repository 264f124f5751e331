// SPDX-License-Identifier: Apache-2.0
// Tests for every key of NVIDIA's config.toml its effect, or the note that it has none.
#include "config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ConfigResult parse(std::string_view text, Config base = {}) {
  return parse_config(text, "config.toml", std::move(base));
}

auto has_warning(const std::string& words) {
  return ElementsAre(
      AllOf(Field(&Note::level, Note::Level::warning), Field(&Note::text, HasSubstr(words))));
}

struct Setting {
  const char* name;
  const char* text;
  Config config;
};
class Effective : public ::testing::TestWithParam<Setting> {};
TEST_P(Effective, IsRead) {
  const ConfigResult result = parse(GetParam().text);
  EXPECT_EQ(result.config, GetParam().config);
  EXPECT_THAT(result.notes, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Settings, Effective,
    ::testing::Values(
        Setting{"Nothing", "", {}},
        Setting{"DisableRequire", "disable-require = true", {.disable_require = true}},
        Setting{"SwarmResource",
                "swarm-resource = \"DOCKER_RESOURCE_GPU, DOCKER_RESOURCE_MIG\"",
                {.swarm_resources = {"DOCKER_RESOURCE_GPU", "DOCKER_RESOURCE_MIG"}}},
        Setting{"NoSwarmResource", "swarm-resource = \"\"", {}},
        Setting{"AcceptEnvvar",
                "accept-nvidia-visible-devices-envvar-when-unprivileged = false",
                {.accept_envvar_when_unprivileged = false}},
        Setting{"AcceptVolumeMounts",
                "accept-nvidia-visible-devices-as-volume-mounts = true",
                {.accept_volume_mounts = true}},
        Setting{"SomeCapabilities",
                "supported-driver-capabilities = \"utility, video\"",
                {.supported_capabilities = {Capability::utility, Capability::video}}},
        Setting{"AllCapabilities", "supported-driver-capabilities = \"all\"", {}},
        Setting{"NoCapabilities",
                "supported-driver-capabilities = \"\"",
                {.supported_capabilities = {}}},
        Setting{"PrivatePlacement",
                "placement = \"private\"",
                {.placement = Placement::private_directory}},
        Setting{"AuditInTheJournal", "audit = \"journal\"", {.audit = "journal"}},
        Setting{"AuditInAFile", "audit = \"/var/log/a\"", {.audit = "/var/log/a"}},
        Setting{"NoAudit", "audit = \"\"", {}},
        Setting{"Leases", "leases = true", {.leases = true}},
        Setting{"LeaseCount", "lease-count = true", {.lease_count = true}},
        Setting{"LeaseWait", "lease-wait = 90", {.lease_wait = 90}},
        Setting{"DefaultPlacement", "placement = \"default\"", {}},
        Setting{"Root",
                "[nvidia-container-cli]\nroot = \"/run/nvidia/driver/\"",
                {.driver_root = "/run/nvidia/driver"}},
        Setting{"EmptyRoot", "nvidia-container-cli.root = \"\"", {}},
        Setting{"LoaderCache",
                "nvidia-container-cli.ldcache = \"/etc/cache\"",
                {.loader_cache = "/etc/cache"}},
        Setting{"EmptyLoaderCache", "nvidia-container-cli.ldcache = \"\"", {}},
        Setting{"Debug",
                "nvidia-container-cli.debug = \"/var/log/x.log\"",
                {.debug_log = "/var/log/x.log"}},
        Setting{"LoadKmods", "nvidia-container-cli.load-kmods = false", {.load_kmods = false}},
        Setting{"NoCgroups", "nvidia-container-cli.no-cgroups = true", {.no_cgroups = true}},
        Setting{"HostLdconfig", "nvidia-container-cli.ldconfig = \"@/sbin/ldconfig.real\"", {}},
        Setting{"MpsDirectory",
                "nvidia-container-cli.environment = [\"CUDA_MPS_PIPE_DIRECTORY=/run/mps\"]",
                {.mps_pipe_directory = "/run/mps"}},
        Setting{
            "Mode", "nvidia-container-runtime.mode = \"legacy\"", {.mode = RuntimeMode::legacy}},
        Setting{"AutomaticMode", "nvidia-container-runtime.mode = \"auto\"", {}},
        Setting{"CdiMode", "nvidia-container-runtime.mode = \"cdi\"", {.mode = RuntimeMode::cdi}},
        Setting{"JitCdiMode",
                "nvidia-container-runtime.mode = \"jit-cdi\"",
                {.mode = RuntimeMode::jit_cdi}},
        Setting{"CsvMode", "nvidia-container-runtime.mode = \"csv\"", {.mode = RuntimeMode::csv}},
        Setting{"AnnotationPrefixes",
                "nvidia-container-runtime.modes.cdi.annotation-prefixes = [\"a/\", \"b/\"]",
                {.annotation_prefixes = {"a/", "b/"}}},
        Setting{"DefaultKind",
                "nvidia-container-runtime.modes.cdi.default-kind = \"management.nvidia.com/gpu\"",
                {.default_kind = "management.nvidia.com/gpu"}},
        Setting{"IgnoreImex",
                "[features]\nignore-imex-channel-requests = true",
                {.ignore_imex_channel_requests = true}},
        Setting{"NoImexCreation",
                "[features]\ndisable-imex-channel-creation = true",
                {.create_imex_channels = false}},
        Setting{"ImexCreation", "[features]\ndisable-imex-channel-creation = false", {}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Config, KeepsTheBaseWhereTheFileIsSilent) {
  const Config base{.swarm_resources = {"GPU"}, .driver_root = "/driver", .no_cgroups = true};
  Config expected = base;
  expected.disable_require = true;
  EXPECT_EQ(parse("disable-require = true", base).config, expected);
}

TEST(Config, AnEmptyPathReplacesThatOfTheBase) {
  const Config base{.driver_root = "/driver", .loader_cache = "/cache", .debug_log = "/log"};
  const char* const text = "[nvidia-container-cli]\nroot = \"\"\nldcache = \"\"\ndebug = \"\"";
  EXPECT_EQ(parse(text, base).config, Config{});
}

TEST(Config, ReadsTheFileThatNvidiaGenerates) {
  const ConfigResult result = parse(R"(
#accept-nvidia-visible-devices-as-volume-mounts = false
disable-require = false
supported-driver-capabilities = "compat32,compute,display,graphics,ngx,utility,video"
#swarm-resource = "DOCKER_RESOURCE_GPU"

[nvidia-container-cli]
#debug = "/var/log/nvidia-container-toolkit.log"
environment = []
ldconfig = "@/sbin/ldconfig.real"
load-kmods = true
#root = "/run/nvidia/driver"

[nvidia-container-runtime]
log-level = "info"
mode = "auto"
runtimes = ["runc", "crun"]

[nvidia-container-runtime.modes]

[nvidia-container-runtime.modes.cdi]
annotation-prefixes = ["cdi.k8s.io/"]
default-kind = "nvidia.com/gpu"
spec-dirs = ["/etc/cdi", "/var/run/cdi"]

[nvidia-container-runtime.modes.csv]
mount-spec-path = "/etc/nvidia-container-runtime/host-files-for-container.d"

[nvidia-container-runtime.modes.legacy]
cuda-compat-mode = "ldconfig"

[nvidia-container-runtime-hook]
path = "nvidia-container-runtime-hook"
skip-mode-detection = false

[nvidia-ctk]
path = "nvidia-ctk"
)");
  EXPECT_EQ(result.config, Config{});
  EXPECT_THAT(result.notes, ::testing::Each(Field(&Note::level, Note::Level::info)));
  EXPECT_THAT(result.notes, ::testing::SizeIs(6));
}

TEST(Config, ALaterFileReplacesTheListOfRuntimes) {
  const char* const text = "[nvidia-container-runtime]\nruntimes = [\"crun\", \"/opt/bin/runc\"]";
  EXPECT_THAT(parse(text).config.low_level_runtimes,
              ::testing::ElementsAre("crun", "/opt/bin/runc"));
  EXPECT_THAT(parse(text, Config{.low_level_runtimes = {"youki"}}).config.low_level_runtimes,
              ::testing::ElementsAre("crun", "/opt/bin/runc"));
}

TEST(Config, TheRuntimesLogIsOffUnlessAFileIsNamed) {
  const auto log = [](const std::string& value) {
    return parse("[nvidia-container-runtime]\ndebug = \"" + value + "\"").config.runtime_debug_log;
  };
  EXPECT_EQ(log("/dev/null"), "");
  EXPECT_EQ(log("/var/log/shim.log"), "/var/log/shim.log");
}

struct Compat {
  const char* value;
  CudaCompat mode;
  const char* warning;
};
class CudaCompatMode : public ::testing::TestWithParam<Compat> {};
TEST_P(CudaCompatMode, IsReadAndExplainedWhereItIsNotTakenLiterally) {
  const ConfigResult result = parse("nvidia-container-runtime.modes.legacy.cuda-compat-mode = \"" +
                                    std::string(GetParam().value) + "\"");
  EXPECT_EQ(result.config.cuda_compat, GetParam().mode);
  if (GetParam().warning == nullptr) {
    EXPECT_THAT(result.notes, IsEmpty());
  } else {
    EXPECT_THAT(result.notes, has_warning(GetParam().warning));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Values, CudaCompatMode,
    ::testing::Values(Compat{"ldconfig", CudaCompat::ldconfig, nullptr},
                      Compat{"mount", CudaCompat::ldconfig, "treated as `ldconfig`"},
                      Compat{"disabled", CudaCompat::disabled, nullptr},
                      Compat{"", CudaCompat::disabled, "treated as `disabled`"},
                      Compat{"LDCONFIG", CudaCompat::disabled, "treated as `disabled`"}));

TEST(Config, CudaCompatModeHookIsOursWithANote) {
  const ConfigResult result =
      parse("nvidia-container-runtime.modes.legacy.cuda-compat-mode = \"hook\"",
            {.cuda_compat = CudaCompat::disabled});
  EXPECT_EQ(result.config.cuda_compat, CudaCompat::ldconfig);
  EXPECT_THAT(result.notes, ElementsAre(AllOf(Field(&Note::level, Note::Level::info),
                                              Field(&Note::text, HasSubstr("`ldconfig` here")))));
}

TEST(Config, AllowedCompatLibrariesDecideForAnUnknownCudaCompatModeAlone) {
  const auto mode = [](const std::string& value) {
    return parse("[nvidia-container-runtime.modes.legacy]\ncuda-compat-mode = \"" + value +
                 "\"\n[features]\nallow-cuda-compat-libs-from-container = true\n")
        .config.cuda_compat;
  };
  EXPECT_EQ(mode(""), CudaCompat::ldconfig);
  EXPECT_EQ(mode("other"), CudaCompat::ldconfig);
  EXPECT_EQ(mode("disabled"), CudaCompat::disabled);
}

TEST(Config, CudaCompatModeOfTheFileReplacesThatOfTheBase) {
  EXPECT_EQ(parse("nvidia-container-runtime.modes.legacy.cuda-compat-mode = \"ldconfig\"",
                  {.cuda_compat = CudaCompat::disabled})
                .config.cuda_compat,
            CudaCompat::ldconfig);
}

struct Told {
  const char* name;
  const char* text;
  Note note;
};
class ToldAbout : public ::testing::TestWithParam<Told> {};
TEST_P(ToldAbout, WithFileLineAndColumn) {
  const ConfigResult result = parse(GetParam().text);
  EXPECT_EQ(result.config, Config{});
  EXPECT_THAT(result.notes, ElementsAre(GetParam().note));
}
INSTANTIATE_TEST_SUITE_P(
    Keys, ToldAbout,
    ::testing::Values(
        Told{"UnknownKey", "\n  disable-requires = true",
             warning("config.toml:2:3: `disable-requires` is an unknown key; it has no effect")},
        Told{"UnknownKeyInTable", "[features]\nfoo = 1",
             warning("config.toml:2:1: `features.foo` is an unknown key; it has no effect")},
        Told{"UnknownTableOnce", "[foo]\na = 1\nb = 2",
             warning("config.toml:1:2: `foo` is an unknown key; it has no effect")},
        Told{"QuotedDottedKey", "\"features.gds\" = true",
             warning("config.toml:1:1: `features.gds` is an unknown key; it has no effect")},
        Told{"Path", "nvidia-container-cli.path = \"/x\"",
             nvhook::info(
                 "config.toml:1:22: `nvidia-container-cli.path` has no effect here: there is no "
                 "nvidia-container-cli to start")},
        Told{"UserOfAnyType", "[nvidia-container-cli]\nuser = 0",
             nvhook::info(
                 "config.toml:2:1: `nvidia-container-cli.user` has no effect here: no helper runs "
                 "as another user")},
        Told{"ModeOfTheRuntime", "nvidia-container-runtime.mode = \"CDI\"",
             warning("config.toml:1:33: `nvidia-container-runtime.mode` is `CDI`, none of auto, "
                     "legacy, cdi, jit-cdi and csv, and treated as `auto`")},
        Told{"ForeignDefaultKind", "nvidia-container-runtime.modes.cdi.default-kind = \"a.com/b\"",
             warning("config.toml:1:51: `nvidia-container-runtime.modes.cdi.default-kind` is "
                     "`a.com/b`, no kind of NVIDIA's, and treated as `nvidia.com/gpu`: devices of "
                     "others are for the engine")},
        Told{"SpecDirs", "nvidia-container-runtime.modes.cdi.spec-dirs = [\"/etc/cdi\"]",
             nvhook::info("config.toml:1:36: `nvidia-container-runtime.modes.cdi.spec-dirs` has no "
                          "effect here: no specification is read: devices are looked up on the "
                          "host at each start")},
        Told{"VariableThatNobodyReads", "[nvidia-container-cli]\nenvironment = [\"A=1\"]",
             nvhook::info(
                 "config.toml:2:16: `A=1` in `nvidia-container-cli.environment` has no effect "
                 "here: nothing reads the variable")}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Config, IsRefusedWithAKeyOfMoreTablesThanAStackHolds) {
  std::string key = "a";
  for (int i = 0; i < 262144; ++i) key += ".a";
  EXPECT_THAT([&] { static_cast<void>(parse_config(key + " = 1", "config.toml")); },
              fails_with(Code::config_invalid, "config.toml: 524293 bytes, which is more"));
}

struct Bad {
  const char* name;
  const char* text;
  const char* words;
};
class InvalidConfig : public ::testing::TestWithParam<Bad> {};
TEST_P(InvalidConfig, IsRefusedWithFileLineAndColumn) {
  EXPECT_THAT([] { static_cast<void>(parse(GetParam().text)); },
              fails_with(Code::config_invalid, GetParam().words));
}
INSTANTIATE_TEST_SUITE_P(
    Files, InvalidConfig,
    ::testing::Values(
        Bad{"Syntax", "\ndisable-require = = true", "config.toml:2:19: "},
        Bad{"HeaderWithoutAName", "a = 1\n\n[(b)]\nc = 1\nd = 2",
            "config.toml:3: not a line of TOML"},
        Bad{"HeaderOfThreeBrackets", "[[[b]]]", "config.toml:1: not a line of TOML"},
        Bad{"HeaderThatEnds", "a = 1\n[(", "config.toml:2: not a line of TOML"},
        Bad{"ListThatEndsOtherwise", "a = [\n1,\n}\n", "config.toml:3: not a line of TOML"},
        Bad{"LetterBeyondAsciiInAKey", "\"\u00e4\" = '#' # \u00e4\nk\u00e4y = 1",
            "config.toml:2:2: "},
        Bad{"LetterBeyondAsciiBehindAValue", "\na = 1\u00c6\n", "config.toml:2:6: "},
        Bad{"LetterBeyondAsciiBehindAStrayQuote", "\na = 2\"\ufef7", "config.toml:2:6: "},
        Bad{"NotUtf8", "a = \"\xff\"", "config.toml:1:5: "},
        Bad{"DuplicateKey", "disable-require = true\ndisable-require = true", "config.toml:2:"},
        Bad{"TextForBoolean", "disable-require = \"true\"",
            "config.toml:1:19: `disable-require` must be a boolean, not a string"},
        Bad{"NumberForInvertedBoolean", "[features]\ndisable-imex-channel-creation = 1",
            "config.toml:2:33: `features.disable-imex-channel-creation` must be a boolean, not an "
            "integer"},
        Bad{"ListForText", "swarm-resource = [\"A\"]",
            "config.toml:1:18: `swarm-resource` must be a string, not an array"},
        Bad{"TextForList", "nvidia-container-cli.environment = \"A=1\"",
            "must be an array of strings, not a string"},
        Bad{"NumberInList", "nvidia-container-cli.environment = [\"A=1\", 2]",
            "must be an array of strings, not an integer"},
        Bad{"TextForTable", "nvidia-container-cli = \"x\"",
            "`nvidia-container-cli` must be a table, not a string"},
        Bad{"ListOfTables", "[[features]]\ngds = true", "`features` must be a table, not an array"},
        Bad{"TableForBoolean", "[disable-require]", "must be a boolean, not a table"},
        Bad{"UnknownCapability", "\nsupported-driver-capabilities = \"compute,gpu\"",
            "config.toml:2:33: `supported-driver-capabilities` names the unknown capability `gpu`"},
        Bad{"RelativeAudit", "audit = \"audit.log\"", "config.toml:1:9: `audit`"},
        Bad{"TextForSeconds", "lease-wait = \"9\"",
            "`lease-wait` must be an integer, not a string"},
        Bad{"NegativeSeconds", "lease-wait = -1", "config.toml:1:14: `lease-wait` is -1"},
        Bad{"MoreThanADay", "lease-wait = 86401", "`lease-wait` is 86401"},
        Bad{"UnknownPlacement", "placement = \"privat\"",
            "config.toml:1:13: `placement` is `privat`"},
        Bad{"RelativeRoot", "nvidia-container-cli.root = \"run/nvidia\"",
            "config.toml:1:29: `nvidia-container-cli.root` is `run/nvidia`, which is not an "
            "absolute path"},
        Bad{"RelativeMpsDirectory",
            "nvidia-container-cli.environment = [\"CUDA_MPS_PIPE_DIRECTORY=mps\"]",
            "is `mps`, which is not an absolute path"},
        Bad{"LdconfigOfTheImage", "[nvidia-container-cli]\nldconfig = \"/sbin/ldconfig\"",
            "config.toml:2:12: `nvidia-container-cli.ldconfig` value \"/sbin/ldconfig\" is not "
            "host-relative (does not start with a '@')"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Config, LettersBeyondAsciiAreReadInTextsAndComments) {
  const ConfigResult result = parse(
      "\xef\xbb\xbf# \u00e4 \"\n[nvidia-container-cli]\nroot = \"/\\\"\u00e4'\"\n"
      "debug = '''\n/\u00e4'\n'''\nldcache = '/\u00e4\"' # \u00e4");
  EXPECT_EQ(result.config, (Config{.driver_root = "/\"\u00e4'",
                                   .loader_cache = "/\u00e4\"",
                                   .debug_log = "/\u00e4'\n"}));
}

TEST(Config, ALineOfAListOrATextIsNoHeader) {
  const ConfigResult result =
      parse("a = [\n[\n1]]\n\"b\" = \"\"\"\n[(\n\"\"\"\ndisable-require = true\n#\n  # [(");
  EXPECT_EQ(result.config, Config{.disable_require = true});
}

TEST(Config, UnknownCapabilityIsToldWithTheKnownOnes) {
  EXPECT_THAT([] { static_cast<void>(parse("supported-driver-capabilities = \"gpu\"")); },
              fails_with_remedy(Code::config_invalid,
                                "`all` or some of compat32,compute,display,graphics,ngx,utility,"
                                "video"));
}

TEST(Config, FeatureForTheImagesLdconfigDoesNotAllowIt) {
  const char* const text =
      "nvidia-container-cli.ldconfig = \"/sbin/ldconfig\"\n"
      "features.allow-ldconfig-from-container = true";
  EXPECT_THAT([&] { static_cast<void>(parse(text)); },
              fails_with(Code::config_invalid, "is not host-relative"));
}

TEST(Config, SettingsSayWhereTheyAre) {
  const ConfigResult result =
      parse("disable-require = true\n[nvidia-container-cli]\nno-cgroups = true\nuser = \"root\"\n");
  EXPECT_THAT(
      result.settings,
      ::testing::UnorderedElementsAre(
          nvhook::Setting{.key = "disable-require", .where = "config.toml:1:1"},
          nvhook::Setting{.key = "nvidia-container-cli.no-cgroups", .where = "config.toml:3:1"}));
}

}  // namespace
}  // namespace nvhook
