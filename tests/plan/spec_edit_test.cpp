// SPDX-License-Identifier: Apache-2.0
// Edits of config.json: what is added, what stays, and what is left to the hook.
#include "plan/spec_edit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "os/device_number.hpp"
#include "plan/spec_hooks.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr DeviceNumber kGpu{195, 3};
constexpr const char* kLibrary = "/usr/lib64/libcuda.so.535";

Plan small_plan() {
  return {.tmpfs = {{.target = ContainerPath("/proc/driver/nvidia")}},
          .mounts = {{.source = {HostRoot::driver, HostPath("/usr/lib/libcuda.so.535")},
                      .target = ContainerPath(kLibrary)},
                     {.source = {HostRoot::driver, HostPath("/run/nvidia-persistenced/socket")},
                      .type = SourceType::socket,
                      .target = ContainerPath("/run/nvidia-persistenced/socket"),
                      .optional = true},
                     {.source = {HostRoot::system, HostPath("/proc/driver/nvidia/gpus/a")},
                      .type = SourceType::directory,
                      .target = ContainerPath("/proc/driver/nvidia/gpus/a")},
                     {.source = {HostRoot::system, HostPath("/dev/nvidia3")},
                      .type = SourceType::character_device,
                      .device = kGpu,
                      .target = ContainerPath("/dev/nvidia3"),
                      .attributes = {.no_dev = false, .no_exec = true}}},
          .symlinks = {{.link = ContainerPath("/usr/lib64/libcuda.so.1"),
                        .target = "libcuda.so.535",
                        .replace = true}},
          .device_rules = {{.device = kGpu, .node = HostPath("/dev/nvidia3")}}};
}

SpecEdit small_edit() {
  return {.driver_root = "/run/nvidia/driver/",
          .nodes = {{ContainerPath("/dev/nvidia3"), {.mode = 0660, .owner = 0, .group = 44}}},
          .hook = "/usr/bin/oci-nvidia-hook",
          .hook_arguments = {"oci-nvidia-hook", "-complete", "createRuntime"}};
}

std::string edited(std::string_view json) { return edit_spec(json, small_plan(), small_edit()); }

Plan rest_of(std::string_view json) {
  return remaining_plan(small_plan(), json, small_edit().driver_root);
}

// The elements as edit_spec writes them.
const std::string kMount =
    R"({"destination":"/usr/lib64/libcuda.so.535","type":"bind","source":"/run/nvidia/driver/usr/lib/libcuda.so.535","options":["bind","ro","nosuid","nodev","private"]})";
const std::string kNode =
    R"({"path":"/dev/nvidia3","type":"c","major":195,"minor":3,"fileMode":432,"uid":0,"gid":44})";
const std::string kRule = R"({"allow":true,"type":"c","major":195,"minor":3,"access":"rw"})";
const std::string kHook =
    R"({"path":"/usr/bin/oci-nvidia-hook","args":["oci-nvidia-hook","-complete","createRuntime"],"env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]})";

const std::string kDev = R"({"destination":"/dev","type":"tmpfs","source":"tmpfs"})";
const std::string kDenyAll = R"({"allow":false,"access":"rwm"})";

/// Returns a config.json with these elements.
std::string spec_with(const std::string& mounts, const std::string& nodes, const std::string& rules,
                      const std::string& hooks) {
  return R"({"mounts":[)" + mounts + R"(],"linux":{"devices":[)" + nodes +
         R"(],"resources":{"devices":[)" + rules + R"(]}},"hooks":{"createRuntime":[)" + hooks +
         "]}}";
}

TEST(EditSpec, AppendsOneElementOfEachKindAfterWhatIsThere) {
  EXPECT_EQ(edited(spec_with(kDev, R"({"path":"/dev/fuse"})", kDenyAll, R"({"path":"/bin/x"})")),
            spec_with(kDev + "," + kMount, R"({"path":"/dev/fuse"},)" + kNode,
                      kDenyAll + "," + kRule, R"({"path":"/bin/x"},)" + kHook));
}

TEST(EditSpec, TakesTheIdMappingsOfMountsThatNameDevices) {
  const std::string mappings = R"([{"containerID":0,"hostID":200000,"size":65536}])";
  const auto mount = [](const std::string& source, const std::string& destination,
                        const std::string& more) {
    return R"({"destination":")" + destination + R"(","type":"bind","source":")" + source +
           R"(","options":["rbind"])" + more + "}";
  };
  const std::string mapped = R"(,"uidMappings":)" + mappings + R"(,"gidMappings":)" + mappings;
  const std::string names = "/var/run/nvidia-container-devices/GPU-1";
  const std::string volume = mount("/dev/null", "/volume", mapped);
  EXPECT_EQ(edited(spec_with(kDev + "," + mount("/dev/null", names, mapped) + "," + volume, "",
                             kDenyAll, "")),
            spec_with(kDev + "," + volume + "," + mount("/dev/null", names, "") + "," + kMount,
                      kNode, kDenyAll + "," + kRule, kHook));
  const std::string other = mount("/dev/zero", names, mapped);
  EXPECT_NE(edited(spec_with(other, "", "", "")).find(other), std::string::npos);
}

TEST(EditSpec, AddsMembersThatAreAbsentOrNull) {
  const std::string hooks = R"("hooks":{"createRuntime":[)" + kHook + "]}";
  EXPECT_EQ(edited("{}"), R"({"mounts":[)" + kMount + "]," + hooks + "}");
  EXPECT_EQ(edited(R"({ "hooks" : null ,"mounts":null})"),
            R"({ "hooks" : {"createRuntime":[)" + kHook + R"(]} ,"mounts":[)" + kMount + "]}");
  EXPECT_EQ(edited(R"({"mounts":[)" + kDev + R"(],"linux":{"resources":{"devices":null}}})"),
            R"({"mounts":[)" + kDev + "," + kMount +
                R"(],"linux":{"resources":{"devices":null},"devices":[)" + kNode + "]}," + hooks +
                "}");
  EXPECT_EQ(edited(R"({"mounts":[)" + kDev + R"(],"linux":null})"),
            R"({"mounts":[)" + kDev + "," + kMount + R"(],"linux":{"devices":[)" + kNode + "]}," +
                hooks + "}");
}

TEST(EditSpec, EveryOtherByteSurvives) {
  const std::string before =
      "\n {\t\"big\" : 123456789012345678901234567890.5e999 ,\r\n"
      R"( "esc\u0061ped":"\u00e9\/\"]}" , "annotations" : {"a":[1 , {} ]},)"
      "\n \"mounts\" : [ \n" +
      kDev;
  const std::string linux_head =
      "\n ] , \"linux\" : { \"x\":-0.0E+1,\"devices\":[ ]\n,"
      "\"resources\" : {\"devices\" : [\n" +
      kDenyAll;
  const std::string tail = " ] , \"unknown\": 1e400 }\t} , \"hooks\" : {\"poststop\":[{}] } } \n\n";
  std::string expected_linux = linux_head;
  expected_linux.insert(linux_head.find("[ ]") + 1, kNode);
  std::string expected_tail = tail;
  expected_tail.insert(tail.find("] } }") + 1, R"(,"createRuntime":[)" + kHook + "]");
  EXPECT_EQ(edited(before + linux_head + tail),
            before + "," + kMount + expected_linux + "," + kRule + expected_tail);
}

TEST(EditSpec, KnowsANameWithEscapesAndTakesTheLastOfDuplicates) {
  const std::string text = edited(R"({"mounts":[1],"m\u006funts":[)" + kDev + R"(],"hooks":{}})");
  EXPECT_EQ(text, R"({"mounts":[1],"m\u006funts":[)" + kDev + "," + kMount +
                      R"(],"hooks":{"createRuntime":[)" + kHook + R"(]},"linux":{"devices":[)" +
                      kNode + "]}}");
}

TEST(EditSpec, AnEditedOneComesOutTheSame) {
  for (const std::string& text :
       {std::string("{ }"), spec_with(kDev, "", kDenyAll, ""),
        spec_with(" " + kDev + "\n ", " ", kDenyAll + "\n", R"( {"path":"/bin/x"} )")}) {
    const std::string once = edited(text);
    EXPECT_NE(once, text);
    EXPECT_EQ(edited(once), once);
    EXPECT_TRUE(is_edited(once));
    EXPECT_FALSE(is_edited(text));
  }
}

TEST(SpecEdit, IsToldHoweverTheFlagIsSpelt) {
  EXPECT_TRUE(is_edited(
      R"({"hooks":{"createRuntime":[{"path":"/h","args":["oci-nvidia-hook","\u002dcomplete"]}]}})"));
}

TEST(EditSpec, TakesOutHooksOfNvidiasNamesAndLeavesOthers) {
  const auto hook = [](const std::string& path) { return R"({"path":")" + path + R"("})"; };
  const std::string text =
      R"({"hooks":{"prestart":[)" + hook("/usr/bin/nvidia-container-runtime-hook") + " , " +
      hook("/opt/mine") + "," + hook("nvidia-container-toolkit") + R"( ],"createRuntime":[)" +
      hook("/usr/bin/oci-nvidia-hook") + "," + hook("/a/not-oci-nvidia-hook") +
      R"(],"poststop":[)" + hook("/usr/bin/oci-nvidia-hook") + "]}}";
  const Json hooks = Json::parse(edited(text))["hooks"];
  const auto paths = [&](const char* stage) {
    std::vector<std::string> found;
    for (const Json& entry : hooks[stage]) found.push_back(entry["path"]);
    return found;
  };
  EXPECT_THAT(paths("prestart"), ::testing::ElementsAre("/opt/mine"));
  EXPECT_THAT(paths("createRuntime"),
              ::testing::ElementsAre("/a/not-oci-nvidia-hook", "/usr/bin/oci-nvidia-hook"));
  EXPECT_THAT(paths("poststop"), ::testing::ElementsAre("/usr/bin/oci-nvidia-hook"));
}

TEST(EditSpec, LeavesNodesToTheHookWhereTheRuntimeMakesNone) {
  const std::string dev_of_host = R"({"destination":"/dev/","type":"bind","source":"/dev"})";
  const std::string volume =
      kDev + R"(,{"destination":"/dev/nvidia3","type":"bind","source":"/v"})";
  for (const std::string& mounts : {std::string(), dev_of_host, volume}) {
    const std::string text = edited(spec_with(mounts, "", "", ""));
    EXPECT_THAT(text, Not(HasSubstr(kNode))) << mounts;
    // Even if it is listed: the runtime cannot make it.
    EXPECT_EQ(rest_of(spec_with(mounts, kNode, "", "")).mounts.back().device, kGpu) << mounts;
  }
}

TEST(EditSpec, LeavesANodeOfAnotherDeviceToTheHook) {
  const std::string other = R"({"path":"/dev/nvidia3","type":"c","major":1,"minor":3})";
  const std::string text = edited(spec_with(kDev, other, "", ""));
  EXPECT_THAT(text, Not(HasSubstr(kNode)));
  EXPECT_EQ(rest_of(text).mounts.back().device, kGpu);
}

TEST(EditSpec, AddsNoRuleToAContainerThatHasNone) {
  EXPECT_THAT(edited(spec_with(kDev, "", "", "")), Not(HasSubstr(kRule)));
  EXPECT_EQ(rest_of(edited(spec_with(kDev, "", "", ""))).device_rules, small_plan().device_rules);
}

TEST(EditSpec, RefusesWhatItCannotRead) {
  for (const char* text :
       {"", "[]", "{", "{} x", R"({"mounts":{}})", R"({"mounts":[1]})", R"({"linux":[]})",
        R"({"linux":{"devices":7}})", R"({"hooks":[]})", R"({"hooks":{"prestart":{}}})",
        R"({"hooks":{"createRuntime":[{"path":7}]}})", R"({"mounts":[{,}]})", R"({"mounts" []})",
        R"({"mounts":[,]})", R"({"a":1,})", R"({7:8})", R"({"mounts":[{"destination":}]})"}) {
    try {
      edited(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::spec_invalid) << text;
    }
  }
}

TEST(EditSpec, RefusesANameThatIsNoUtf8) {
  Plan plan = small_plan();
  plan.mounts.front().source.path = HostPath("/usr/lib/\xff.so");
  EXPECT_THROW(static_cast<void>(edit_spec("{}", plan, small_edit())), Error);
}

TEST(RemainingPlan, IsWhatTheSpecificationCannotSay) {
  const Plan rest = rest_of(edited(spec_with(kDev, "", kDenyAll, "")));
  const Plan whole = small_plan();
  EXPECT_EQ(rest.tmpfs, whole.tmpfs);
  ASSERT_EQ(rest.mounts.size(), 2U);
  EXPECT_EQ(rest.mounts[0], whole.mounts[1]);
  EXPECT_EQ(rest.mounts[1], whole.mounts[2]);
  EXPECT_TRUE(rest.device_rules.empty());
  EXPECT_EQ(rest.rules_of_runtime, whole.device_rules);
}

TEST(RemainingPlan, GivesALinkTheLibraryThatTheRuntimeMounts) {
  const Symlink link = rest_of(edited("{}")).symlinks.front();
  ASSERT_TRUE(link.cover);
  EXPECT_EQ(link.cover->target, link.link);
  EXPECT_EQ(link.cover->source, small_plan().mounts.front().source);
  EXPECT_FALSE(rest_of("{}").symlinks.front().cover);
}

TEST(RemainingPlan, OfAnUntouchedSpecificationIsTheWholePlan) {
  EXPECT_EQ(rest_of("{}"), small_plan());
  EXPECT_EQ(rest_of(spec_with(kDev, R"({"path":"/dev/nvidia3"})", kDenyAll, "")), small_plan());
}

TEST(RemainingPlan, TakesNoMountForOursThatHasOtherAttributesOrIsHidden) {
  const auto is_left = [](const std::string& mounts) {
    return rest_of(spec_with(mounts, "", "", "")).mounts.front() == small_plan().mounts.front();
  };
  const std::string source = "/run/nvidia/driver/usr/lib/libcuda.so.535";
  const auto mount = [](const std::string& from, const std::string& options) {
    return R"({"destination":"/usr/lib64/libcuda.so.535","type":"bind","source":")" + from +
           R"(","options":[)" + options + "]}";
  };
  EXPECT_FALSE(is_left(kMount));
  EXPECT_FALSE(is_left(mount(source, R"("nodev","ro","bind","nosuid","noexec")")));
  EXPECT_TRUE(is_left(mount(source, R"("bind","rw","nosuid","nodev")")));
  EXPECT_TRUE(is_left(mount("/etc/passwd", R"("bind","ro","nosuid","nodev")")));
  EXPECT_TRUE(is_left(kMount + R"(,{"destination":"/usr","type":"bind","source":"/v"})"));
  EXPECT_FALSE(is_left(R"({"destination":"/usr","type":"bind","source":"/v"},)" + kMount));
}

struct RuleCase {
  const char* name;
  const char* rules;
  bool allowed;
};
class Rules : public ::testing::TestWithParam<RuleCase> {};
TEST_P(Rules, AreAppliedInTheirOrder) {
  const Plan rest = rest_of(spec_with("", "", GetParam().rules, ""));
  EXPECT_EQ(rest.device_rules.empty(), GetParam().allowed);
}
INSTANTIATE_TEST_SUITE_P(
    RemainingPlan, Rules,
    ::testing::Values(
        RuleCase{"None", "", false},
        RuleCase{"Everything", R"({"allow":true,"access":"rwm"})", true},
        RuleCase{"EverythingOfTypeA", R"({"allow":true,"type":"a","access":"rwm"})", true},
        RuleCase{"OnlyBlockDevices", R"({"allow":true,"type":"b","access":"rwm"})", false},
        RuleCase{"TheMajor", R"({"allow":true,"type":"c","major":195,"access":"rw"})", true},
        RuleCase{"TheMajorWithMinusOne",
                 R"({"allow":true,"type":"c","major":195,"minor":-1,"access":"rw"})", true},
        RuleCase{"AnotherMinor", R"({"allow":true,"type":"c","major":195,"minor":0,"access":"rw"})",
                 false},
        RuleCase{"OnlyReading", R"({"allow":true,"type":"c","major":195,"minor":3,"access":"r"})",
                 false},
        RuleCase{"ReadingAndWritingApart",
                 R"({"allow":true,"type":"c","major":195,"minor":3,"access":"r"},
                    {"allow":true,"type":"c","major":195,"access":"w"})",
                 true},
        RuleCase{"DeniedAfterwards",
                 R"({"allow":true,"type":"c","major":195,"minor":3,"access":"rw"},
                    {"allow":false,"access":"rwm"})",
                 false},
        RuleCase{
            "WritingDeniedAfterwards",
            R"({"allow":true,"access":"rwm"},{"allow":false,"type":"c","major":195,"access":"w"})",
            false},
        RuleCase{"OnlyMknodDeniedAfterwards",
                 R"({"allow":true,"access":"rwm"},{"allow":false,"type":"c","access":"m"})", true},
        RuleCase{"AllowedAfterDenial", R"({"allow":false},{"allow":true,"type":"c","access":"rw"})",
                 true}),
    [](const auto& row) { return std::string(row.param.name); });

// ---- within the device rules of an engine that uses CDI

std::string spec_with_rules(const std::string& rules) {
  return R"({"linux":{"resources":{"devices":[)" + rules + "]}}}";
}

TEST(PlanWithinRules, LeavesOutWhatTheyDenyAndSaysSo) {
  for (
      const std::string rules :
      {R"({"allow":false,"access":"rwm"})",
       R"({"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":195,"minor":3,"access":"r"})"}) {
    const Plan plan = plan_within_rules(small_plan(), spec_with_rules(rules));
    EXPECT_TRUE(plan.device_rules.empty()) << rules;
    EXPECT_EQ(plan.mounts.size(), small_plan().mounts.size() - 1) << rules;
    ASSERT_EQ(plan.notes.size(), 1U) << rules;
    EXPECT_THAT(plan.notes[0].text, HasSubstr("`/dev/nvidia3` is left out"));
  }
}

TEST(PlanWithinRules, KeepsWhatTheyAllowAndAllWhereThereAreNone) {
  for (const std::string rules :
       {"", R"({"allow":true,"type":"c","major":195,"minor":3,"access":"rwm"})"}) {
    EXPECT_EQ(plan_within_rules(small_plan(), spec_with_rules(rules)), small_plan()) << rules;
  }
  EXPECT_EQ(plan_within_rules(small_plan(), "{}"), small_plan());
}

}  // namespace
}  // namespace nvhook
