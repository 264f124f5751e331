// SPDX-License-Identifier: Apache-2.0
// Tests what each option of nvidia-ctk becomes in a command line of oci-nvidia.
#include "command/nvidia_ctk/ctk_translation.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "command/nvidia_ctk/ctk_commands.hpp"
#include "command/shell/command.hpp"

namespace nvhook {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Words = std::vector<std::string>;

std::string nothing_installed(const std::string& /*name*/) { return {}; }

struct Call {
  Words arguments = {};
  CtkEnvironment environment = {};
};

FlagValues values_of(const Words& command, const Call& call) {
  Words line = command;
  line.insert(line.end(), call.arguments.begin(), call.arguments.end());
  return parse_ctk_line(line, call.environment, ctk_commands()).values;
}

CtkTranslation generate(const Call& call, const FindProgram& find = nothing_installed) {
  return translate_generate(values_of({"cdi", "generate"}, call), find);
}
CtkTranslation configure(const Words& arguments, const FindProgram& find = nothing_installed) {
  return translate_configure(values_of({"runtime", "configure"}, {arguments}), find);
}

/// The words but those that are always there.
Words more_of(const Call& call) {
  Words words = generate(call).words;
  for (const char* usual : {"cdi", "generate", "--format=yaml", "--kind=nvidia.com/gpu",
                            "--hook=/usr/bin/nvidia-ctk"}) {
    std::erase(words, usual);
  }
  return words;
}

std::string fault_of(const std::function<void()>& translate) {
  try {
    translate();
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return "no fault";
}
std::string generate_fault(const Words& arguments) {
  return fault_of([&] { static_cast<void>(generate({arguments})); });
}
std::string configure_fault(const Words& arguments) {
  return fault_of([&] { static_cast<void>(configure(arguments)); });
}

TEST(CtkGenerate, WithoutOptionsItPrintsYamlThatNamesTheHook) {
  EXPECT_THAT(generate({}).words,
              ElementsAre("cdi", "generate", "--format=yaml", "--kind=nvidia.com/gpu",
                          "--hook=/usr/bin/nvidia-ctk"));
}

TEST(CtkGenerate, EachOptionAndEachOfItsNamesHasAnEqual) {
  const std::vector<std::pair<Words, Words>> table{
      {{"--mode=nvml"}, {"--discovery-mode=nvml"}},
      {{"--mode=WSL"}, {"--discovery-mode=wsl"}},
      {{"--discovery-mode=management"}, {"--discovery-mode=management"}},
      {{"--mode=imex"}, {"--discovery-mode=imex"}},
      {{"--mode=gds"}, {"--discovery-mode=gds"}},
      {{"--mode=mofed"}, {"--discovery-mode=mofed"}},
      {{"--mode=gdrcopy"}, {"--discovery-mode=gdrcopy"}},
      {{"--mode=nvswitch"}, {"--discovery-mode=nvswitch"}},
      {{"--mode=auto"}, {}},
      {{"--device-name-strategy=uuid,type-index"}, {"--device-names=uuid,type-index"}},
      {{"--device-name-strategy", "index", "--device-name-strategy", "uuid"},
       {"--device-names=index,uuid"}},
      {{"--driver-root=/run/nvidia/driver"}, {"--driver-root=/run/nvidia/driver"}},
      {{"--dev-root=/host"}, {"--dev-root=/host"}},
      {{"--library-search-path=/a,/b", "--library-search-path=/c"},
       {"--library-search-path=/a", "--library-search-path=/b", "--library-search-path=/c"}},
      {{"--vendor=example.com"}, {"--kind=example.com/gpu"}},
      {{"--cdi-vendor=example.com", "--cdi-class=card"}, {"--kind=example.com/card"}},
      {{"--class=card"}, {"--kind=nvidia.com/card"}},
      {{"--disable-hook=chmod"}, {"--disable-hook=chmod"}},
      {{"--disable-hooks=chmod,all"}, {"--disable-hook=chmod", "--disable-hook=all"}},
      {{"--enable-hook=chmod"}, {"--enable-hook=chmod"}},
      {{"--enable-hooks=chmod"}, {"--enable-hook=chmod"}},
      {{"--feature-flag=no-additional-gids-for-device-nodes"}, {"--no-groups"}},
      {{"--feature-flags=enable-coherent-annotations"}, {}},
      {{"--no-all-device"}, {"--no-all-device"}},
      {{"--no-all-device=false"}, {}},
      {{"--device-id=0"}, {"--device=0"}},
      {{"--device-ids=0,1"}, {"--device=0", "--device=1"}},
      {{"--device=all"}, {"--device=all"}},
      {{"--devices=none"}, {"--no-all-device", "--device=none"}},
      {{"--ldconfig-path=/sbin/ldconfig"}, {}},
      {{"--config-search-path=/etc"}, {}},
      {{"--csv.file=/etc/l4t.csv"}, {}},
      {{"--csv.ignore-pattern=*"}, {}},
  };
  for (const auto& [given, expected] : table) {
    EXPECT_EQ(more_of({given}), expected) << given[0];
  }
}

TEST(CtkGenerate, EachVariableIsADefault) {
  const std::vector<std::pair<CtkEnvironment, Words>> table{
      {{{"NVIDIA_CTK_CDI_GENERATE_MODE", "gds"}}, {"--discovery-mode=gds"}},
      {{{"NVIDIA_CTK_DEV_ROOT", "/d"}}, {"--dev-root=/d"}},
      {{{"NVIDIA_CTK_DRIVER_ROOT", "/r"}}, {"--driver-root=/r"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES", "uuid"}}, {"--device-names=uuid"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_LIBRARY_SEARCH_PATHS", "/l"}}, {"--library-search-path=/l"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_VENDOR", "v.com"}}, {"--kind=v.com/gpu"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_CLASS", "c"}}, {"--kind=nvidia.com/c"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_DISABLED_HOOKS", "all"}}, {"--disable-hook=all"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_ENABLED_HOOKS", "chmod"}}, {"--enable-hook=chmod"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_NO_ALL_DEVICE", "1"}}, {"--no-all-device"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS", "0"}}, {"--device=0"}},
      {{{"NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS", "no-additional-gids-for-device-nodes"}},
       {"--no-groups"}},
      {{{"NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", "/var/run/cdi/nvidia.yaml"}},
       {"--output=/var/run/cdi/nvidia.yaml"}},
  };
  for (const auto& [environment, expected] : table) {
    EXPECT_EQ(more_of({.environment = environment}), expected) << environment.begin()->first;
  }
  EXPECT_THAT(generate({.environment = {{"NVIDIA_CTK_CDI_GENERATE_OUTPUT_FORMAT", "json"}}}).words,
              Contains("--format=json"));
  EXPECT_THAT(generate({.environment = {{"NVIDIA_CTK_CDI_HOOK_PATH", "/h"}}}).words,
              Contains("--hook=/h"));
}

TEST(CtkGenerate, TheFormatFollowsTheNameOfTheFileAndTheNameTheFormat) {
  const auto output = [](const Words& given) {
    Words words = generate({given}).words;
    std::erase_if(words, [](const std::string& word) {
      return !word.starts_with("--output") && !word.starts_with("--format");
    });
    return words;
  };
  EXPECT_THAT(output({"--output=/a.json"}), ElementsAre("--output=/a.json", "--format=json"));
  EXPECT_THAT(output({"--output=/a.yml"}), ElementsAre("--output=/a.yml", "--format=yaml"));
  EXPECT_THAT(output({"--output=/a"}), ElementsAre("--output=/a.yaml", "--format=yaml"));
  EXPECT_THAT(output({"--output=/a", "--format=JSON"}),
              ElementsAre("--output=/a.json", "--format=json"));
  const CtkTranslation odd = generate({{"--output=/a.json", "--format=yaml"}});
  EXPECT_THAT(odd.words, Contains("--format=json")) << "both are one to engines";
  ASSERT_EQ(odd.messages.size(), 1U);
  EXPECT_EQ(odd.messages[0].level, CtkLevel::warning);
}

TEST(CtkGenerate, TheHookIsTheOneThatIsInstalled) {
  std::map<std::string, std::string> installed{{"nvidia-ctk", "/usr/bin/nvidia-ctk"}};
  const auto hook_of = [&](const Words& given) {
    return generate({given}, [&](const std::string& name) { return installed[name]; }).words.back();
  };
  EXPECT_EQ(hook_of({}), "--hook=/usr/bin/nvidia-ctk");
  installed["nvidia-cdi-hook"] = "/usr/bin/nvidia-cdi-hook";
  EXPECT_EQ(hook_of({}), "--hook=/usr/bin/nvidia-cdi-hook");
  EXPECT_EQ(hook_of({"--nvidia-cdi-hook-path=/x/hook"}), "--hook=/x/hook");
  EXPECT_EQ(hook_of({"--nvidia-ctk-path=nvidia-ctk"}), "--hook=/usr/bin/nvidia-ctk");
  EXPECT_EQ(hook_of({"--nvidia-cdi-hook-path=other"}), "--hook=/usr/bin/other");
}

TEST(CtkGenerate, WhatHasNoEffectIsToldInTheDebugLog) {
  const CtkTranslation translation = generate({{"--csv.file=/a", "--feature-flag=x"}});
  ASSERT_EQ(translation.messages.size(), 2U);
  for (const CtkMessage& message : translation.messages) {
    EXPECT_EQ(message.level, CtkLevel::debug);
    EXPECT_THAT(message.text, HasSubstr("has no effect here"));
  }
}

TEST(CtkGenerate, AValueThatNothingMeansIsRefused) {
  EXPECT_THAT(generate_fault({"--mode=csv"}), HasSubstr("Tegra"));
  EXPECT_THAT(generate_fault({"--mode=nvm"}), HasSubstr("not `nvm`"));
  EXPECT_THAT(generate_fault({"--format=xml"}), HasSubstr("json, yaml, not `xml`"));
  EXPECT_THAT(generate_fault({"--device-name-strategy=name"}), HasSubstr("not `name`"));
  EXPECT_THAT(generate_fault({"--enable-hook=all"}), HasSubstr("not `all`"));
}

TEST(CtkTransform, ItsOptionsAreOurs) {
  const auto transform = [](const Words& given) {
    return translate_transform_root(values_of({"cdi", "transform", "root"}, {given}));
  };
  EXPECT_THAT(transform({"--from=/run/nvidia/driver"}).words,
              ElementsAre("cdi", "transform", "root", "--from=/run/nvidia/driver", "--to=/"));
  EXPECT_THAT(
      transform({"--from=/a", "--to", "/b", "--input=-", "--output=/o", "--relative-to=host"})
          .words,
      ElementsAre("cdi", "transform", "root", "--from=/a", "--to=/b", "--input=-", "--output=/o",
                  "--relative-to=host"));
  EXPECT_THAT(fault_of([&] { static_cast<void>(transform({"--relative-to=x"})); }),
              HasSubstr("host, container"));
}

TEST(CtkConfigure, EachOptionHasAnEqual) {
  const std::vector<std::pair<Words, Words>> table{
      {{}, {"docker", "--runtime"}},
      {{"--runtime=containerd"}, {"containerd", "--runtime"}},
      {{"--runtime", "crio"}, {"crio", "--runtime"}},
      {{"--runtime=podman"}, {"podman", "--runtime"}},
      {{"--config=/d.json"}, {"docker", "--runtime", "--config-file=/d.json"}},
      {{"--runtime=crio", "--drop-in-config=/c.conf"},
       {"crio", "--runtime", "--config-file=/c.conf"}},
      {{"--runtime=containerd", "--drop-in-config=/c.toml"}, {"containerd", "--runtime"}},
      {{"--nvidia-set-as-default"}, {"docker", "--runtime", "--set-default"}},
      {{"--set-as-default"}, {"docker", "--runtime", "--set-default"}},
      {{"--set-as-default=false"}, {"docker", "--runtime"}},
      {{"--cdi.enabled"}, {"docker", "--runtime", "--cdi"}},
      {{"--cdi.enable"}, {"docker", "--runtime", "--cdi"}},
      {{"--enable-cdi=true"}, {"docker", "--runtime", "--cdi"}},
      {{"--nvidia-runtime-name=nvidia"}, {"docker", "--runtime"}},
      {{"--nvidia-runtime-path=nvidia-container-runtime"}, {"docker", "--runtime"}},
      {{"--runtime-path=/opt/nvidia-container-runtime"},
       {"docker", "--runtime", "--runtime-path=/opt/nvidia-container-runtime"}},
      {{"--config-mode=config-file"}, {"docker", "--runtime"}},
      {{"--config-source=command"}, {"docker", "--runtime"}},
      {{"--executable-path=/x"}, {"docker", "--runtime"}},
  };
  for (const auto& [given, expected] : table) {
    Words words = configure(given).words;
    EXPECT_EQ(words.front(), "setup");
    EXPECT_EQ(words.back(), "--show=nothing");
    EXPECT_EQ(Words(words.begin() + 1, words.end() - 1), expected)
        << (given.empty() ? "no option" : given[0]);
  }
  EXPECT_THAT(configure({"--dry-run"}).words,
              ElementsAre("setup", "docker", "--runtime", "--dry-run", "--show=file"));
}

TEST(CtkConfigure, AnInstalledRuntimeNeedsNoPath) {
  const auto find = [](const std::string& name) { return "/usr/bin/" + name; };
  EXPECT_THAT(configure({"--nvidia-runtime-path=/usr/bin/nvidia-container-runtime"}, find).words,
              Not(Contains(HasSubstr("--runtime-path"))));
}

TEST(CtkConfigure, WhatSetupDoesOtherwiseIsTold) {
  const auto message = [](const Words& given) {
    const auto messages = configure(given).messages;
    return messages.empty() ? CtkMessage{} : messages[0];
  };
  EXPECT_EQ(message({"--runtime=containerd", "--drop-in-config=/c.toml"}).level, CtkLevel::warning);
  EXPECT_EQ(message({"--runtime=crio", "--config=/etc/crio/crio.conf"}).level, CtkLevel::info);
  EXPECT_EQ(message({"--config-mode=odd"}).level, CtkLevel::warning);
  EXPECT_EQ(message({"--config-source=file"}).level, CtkLevel::debug);
}

TEST(CtkConfigure, AValueThatNothingMeansIsRefused) {
  EXPECT_THAT(configure_fault({"--runtime=rkt"}), HasSubstr("not `rkt`"));
  EXPECT_THAT(configure_fault({"--drop-in-config=/x"}), HasSubstr("docker has no drop-in"));
  EXPECT_THAT(configure_fault({"--runtime=crio", "--drop-in-config=x"}), HasSubstr("absolute"));
  EXPECT_THAT(configure_fault({"--nvidia-runtime-name=gpu"}), HasSubstr("not `gpu`"));
}

TEST(CtkConfigure, InTheOtherModeItIsAHookDefinition) {
  const auto values = [](const Words& given) {
    return values_of({"runtime", "configure"}, {given});
  };
  EXPECT_FALSE(wants_hook_definition(values({})));
  EXPECT_FALSE(wants_hook_definition(values({"--config-mode=config-file"})));
  EXPECT_TRUE(wants_hook_definition(values({"--config-mode=oci-hook"})));
  EXPECT_THAT(hook_definition(values({})),
              HasSubstr("\"path\": \"/usr/bin/nvidia-container-runtime-hook\""));
  EXPECT_THAT(hook_definition(values({"--nvidia-runtime-hook-path=/opt/hook"})),
              HasSubstr("\"path\": \"/opt/hook\""));
  EXPECT_THAT(fault_of([&] {
                static_cast<void>(hook_definition(values({"--nvidia-runtime-hook-path=hook"})));
              }),
              HasSubstr("absolute"));
}

}  // namespace
}  // namespace nvhook
