// SPDX-License-Identifier: Apache-2.0
// Tests NVIDIA_REQUIRE_* expressions, of real images and with typing errors.
#include "request/requirement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "support/fails_with.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

using ::testing::Lt;
using ::testing::Property;
using ::testing::ResultOf;
using ::testing::Throws;

/// In the form of the requirements of NVIDIA's cuda images. The facts in the tests are of a Tesla
/// T4 (7.5) with driver 535.104.05 and CUDA 12.2, unless a test sets others.
constexpr const char* kForwardCompatible = "cuda>=13.0 brand=tesla,driver>=535,driver<536";

RequirementFacts tesla() {
  return {.driver = *Version::parse("535.104.05"),
          .cuda = Version::parse("12.2"),
          .arch = Version::parse("7.5"),
          .brand = "Tesla",
          .gpu = "GPU 0 (GPU-5c)"};
}

RequirementFacts geforce() {
  RequirementFacts facts = tesla();
  facts.brand = "GeForce";
  return facts;
}

RequirementFacts no_gpu() {
  RequirementFacts facts = tesla();
  facts.arch.reset();
  facts.brand.reset();
  facts.gpu.clear();
  facts.no_gpu = true;
  return facts;
}

/// The facts known from `/proc`, without asking the driver's library.
RequirementFacts from_proc() {
  RequirementFacts facts = tesla();
  facts.arch.reset();
  facts.brand.reset();
  return facts;
}

void check(std::string expression, const RequirementFacts& facts = tesla()) {
  check_requirements({{.variable = "NVIDIA_REQUIRE_CUDA", .expression = std::move(expression)}},
                     facts);
}

struct Row {
  const char* name;
  std::string expression;
};
std::string name_of(const ::testing::TestParamInfo<Row>& row) { return row.param.name; }

class Satisfied : public ::testing::TestWithParam<Row> {};
TEST_P(Satisfied, Passes) { EXPECT_NO_THROW(check(GetParam().expression)); }
INSTANTIATE_TEST_SUITE_P(
    Expressions, Satisfied,
    ::testing::Values(
        Row{"Empty", ""}, Row{"SpacesAlone", "  "}, Row{"CommasAlone", ",,"},
        Row{"EmptyTermIsTrueBesideAFalseAlternative", "cuda>=99 ,"}, Row{"Equal", "cuda>=12.2"},
        Row{"TrailingZero", "cuda>=12.2.0"}, Row{"ShorterIsLess", "cuda>12"},
        Row{"ComparesNumbers", "cuda>=9.2"}, Row{"EqualsSign", "driver=535.104.5"},
        Row{"NotEqual", "cuda!=12.3"}, Row{"LessOrEqual", "cuda<=12.2"}, Row{"Less", "cuda<12.3"},
        Row{"Arch", "arch>=7.5"}, Row{"BrandInAnyCase", "brand=TESLA"},
        Row{"NameInAnyCase", "CUDA>=12.0,Brand=tesla"}, Row{"BrandIsNot", "brand!=geforce"},
        Row{"CommaMeansAnd", "driver<536,driver>=535"},
        Row{"EmptyTermsAreSkipped", ",driver>=535,,cuda>=12,"},
        Row{"SpaceMeansOr", "cuda>=99 driver>=535"}, Row{"ManySpaces", "  cuda>=99   driver>=535 "},
        Row{"ForwardCompatibleBrand", kForwardCompatible},
        Row{"WhatFollowsIsNotParsed", "cuda>=1.0 foo=1"},
        Row{"WhatFollowsAFalseTermIsNotParsed", "cuda>=99,foo=1 cuda>=1"}),
    name_of);

class Unsatisfied : public ::testing::TestWithParam<Row> {};
TEST_P(Unsatisfied, IsRefused) {
  EXPECT_THAT([] { check(GetParam().expression); },
              fails_with(Code::requirement_unsatisfied,
                         "unsatisfied condition: " + GetParam().expression + "; "));
}
INSTANTIATE_TEST_SUITE_P(
    Expressions, Unsatisfied,
    ::testing::Values(Row{"Cuda", "cuda>=12.3"}, Row{"EqualIsNotGreater", "cuda>12.2.0"},
                      Row{"EqualIsNotLess", "cuda<12.2"}, Row{"NotEqual", "cuda!=12.2"},
                      Row{"EqualsSign", "cuda=12"}, Row{"LessOrEqual", "driver<=535"},
                      Row{"Arch", "arch>=9.0"}, Row{"Brand", "brand=geforce"},
                      Row{"BrandIsNot", "brand!=tesla"},
                      Row{"EveryTermCounts", "driver>=535,cuda>=13"},
                      Row{"ValueOf150Characters", "brand=" + std::string(150, 'x')}),
    name_of);

class Malformed : public ::testing::TestWithParam<Row> {};
TEST_P(Malformed, IsAnInvalidExpressionWhereverItIsReached) {
  const auto& expression = GetParam().expression;
  const auto says_so =
      fails_with(Code::requirement_malformed,
                 "invalid expression `" + printable(expression) + "` in NVIDIA_REQUIRE_CUDA: ");
  EXPECT_THAT([&] { check(expression); }, says_so);
  EXPECT_THAT([&] { check(expression, no_gpu()); }, says_so);
  EXPECT_THAT([&] { check("cuda>=99 " + expression + " cuda>=1"); }, says_so);
}
INSTANTIATE_TEST_SUITE_P(
    Terms, Malformed,
    ::testing::Values(Row{"UnknownName", "foo=1"}, Row{"PrefixOfAName", "cud=1"},
                      Row{"NoOperator", "cuda"}, Row{"NoName", ">=12"}, Row{"NoValue", "cuda>="},
                      Row{"OperatorAlone", "="}, Row{"DoubleEquals", "cuda==12.2"},
                      Row{"LoneExclamationMarkWhichTheReferenceTakesForUnequal", "cuda!11.0"},
                      Row{"ReversedOperator", "cuda=>12"}, Row{"NoVersion", "cuda>=12.x"},
                      Row{"NoVersionForArch", "arch>=x"}, Row{"LeadingDot", "cuda>=.1"},
                      Row{"SignedVersion", "cuda>=-1"}, Row{"TwoOperators", "cuda>=1>=2"},
                      Row{"OrderOfBrands", "brand>tesla"}, Row{"TabIsNoSeparator", "cuda>=1\tx"}),
    name_of);

TEST(Requirement, SpacesAroundTheOperatorMakeItInvalid) {
  EXPECT_THAT([] { check("cuda >= 11"); },
              fails_with(Code::requirement_malformed, "invalid expression `cuda`"));
}

TEST(Requirement, AMalformedTermIsToldWithTheWayOut) {
  EXPECT_THAT([] { check("foo=1"); },
              fails_with_remedy(Code::requirement_malformed, "set NVIDIA_DISABLE_REQUIRE=1"));
}

TEST(Requirement, WithoutAGpuArchAndBrandHold) {
  EXPECT_NO_THROW(check("arch>=9.0,brand=geforce", no_gpu()));
}

TEST(Requirement, WithoutAGpuTheDriverIsStillCompared) {
  EXPECT_THAT([] { check("cuda>=99", no_gpu()); },
              fails_with(Code::requirement_unsatisfied, "cuda>=99"));
}

TEST(Requirement, EveryVariableMustHold) {
  const std::vector<Requirement> requirements{{"NVIDIA_REQUIRE_A", "cuda>=12"},
                                              {"NVIDIA_REQUIRE_B", "cuda>=13"}};
  EXPECT_THAT([&] { check_requirements(requirements, tesla()); },
              fails_with(Code::requirement_unsatisfied, "(NVIDIA_REQUIRE_B)"));
}

TEST(Requirement, MoreThan32VariablesAreChecked) {
  std::vector<Requirement> requirements(40, {"NVIDIA_REQUIRE_A", "cuda>=12"});
  requirements.push_back({"NVIDIA_REQUIRE_Z", "cuda>=13"});
  EXPECT_THAT([&] { check_requirements(requirements, tesla()); },
              fails_with(Code::requirement_unsatisfied, "(NVIDIA_REQUIRE_Z)"));
}

TEST(Requirement, AMebibyteOfAlternativesHasAShortMessage) {
  std::string expression = "brand=" + std::string(1000, 'x');
  while (expression.size() < (1U << 20U)) expression += " brand=geforce,driver>=999";
  EXPECT_THAT([&] { check(expression); },
              Throws<Error>(Property("what", &Error::what, ResultOf(std::strlen, Lt(700U)))));
}

TEST(RequirementMessage, NamesTheVariableTheConditionAndTheHostsSide) {
  const auto fail = [] { check("cuda>=12.8"); };
  EXPECT_THAT(fail, fails_with(Code::requirement_unsatisfied,
                               "image needs cuda>=12.8 (NVIDIA_REQUIRE_CUDA), unsatisfied "
                               "condition: cuda>=12.8; driver 535.104.05 provides CUDA 12.2"));
}

TEST(RequirementMessage, KeepsTheWordsPeopleSearchForWhenCudaIsTooOld) {
  EXPECT_THAT([] { check("cuda>=12.8"); },
              fails_with_remedy(Code::requirement_unsatisfied,
                                "please update your driver to a newer version, or use an earlier "
                                "cuda container, or set NVIDIA_DISABLE_REQUIRE=1"));
}

TEST(RequirementMessage, ShowsTheAlternativeThatCameClosest) {
  EXPECT_THAT([] { check("cuda>=13.0 driver>=550 brand=tesla,driver>=535,driver<535.1 arch=1"); },
              fails_with(Code::requirement_unsatisfied,
                         "image needs cuda>=13.0 or one of 3 alternatives (NVIDIA_REQUIRE_CUDA), "
                         "unsatisfied condition: brand=tesla,driver>=535,driver<535.1; the driver "
                         "is 535.104.05; driver 535.104.05 provides CUDA 12.2"));
}

TEST(RequirementMessage, ShowsTheEarliestOfEquallyCloseAlternatives) {
  EXPECT_THAT([] { check(kForwardCompatible, geforce()); },
              fails_with(Code::requirement_unsatisfied, "unsatisfied condition: cuda>=13.0;"));
}

TEST(RequirementMessage, TellsToUpdateIfThatWouldSatisfyAnyAlternative) {
  for (const char* const expression :
       {"cuda>=13.0 driver>=535,brand=geforce", "driver>=535,brand=geforce cuda>=13.0"}) {
    EXPECT_THAT([&] { check(expression); },
                fails_with_remedy(Code::requirement_unsatisfied, "please update your driver"));
  }
}

struct Explained {
  const char* name;
  const char* expression;
  const char* words;
  const char* remedy;
};
class Explanation : public ::testing::TestWithParam<Explained> {};
TEST_P(Explanation, NamesTheHostsSideAndTheCure) {
  const auto fail = [] { check(GetParam().expression); };
  EXPECT_THAT(fail, fails_with(Code::requirement_unsatisfied, GetParam().words));
  EXPECT_THAT(fail, fails_with_remedy(Code::requirement_unsatisfied, GetParam().remedy));
}
INSTANTIATE_TEST_SUITE_P(
    Facts, Explanation,
    ::testing::Values(Explained{"OldDriver", "driver>=550", "; the driver is 535.104.05",
                                "upgrade the driver"},
                      Explained{"NewDriver", "driver<535", "; the driver is 535.104.05",
                                "use an image that was made for this driver"},
                      Explained{"NewCuda", "cuda<12", "; driver 535.104.05 provides CUDA 12.2",
                                "use an image that was made for this driver"},
                      Explained{"Arch", "arch>=9.0", "; GPU 0 (GPU-5c) has compute capability 7.5",
                                "choose another GPU with NVIDIA_VISIBLE_DEVICES"},
                      Explained{"Brand", "brand=geforce", "; GPU 0 (GPU-5c) is of brand Tesla",
                                "choose another GPU with NVIDIA_VISIBLE_DEVICES"}),
    [](const auto& row) { return std::string(row.param.name); });

class Undecided : public ::testing::TestWithParam<Explained> {};
TEST_P(Undecided, IsRefusedAsUnknown) {
  RequirementFacts facts = from_proc();
  facts.cuda.reset();
  const auto fail = [&] { check(GetParam().expression, facts); };
  EXPECT_THAT(fail, fails_with(Code::requirement_unknown, GetParam().words));
  EXPECT_THAT(fail, fails_with_remedy(Code::requirement_unknown, "NVIDIA_DISABLE_REQUIRE=1"));
}
INSTANTIATE_TEST_SUITE_P(
    Facts, Undecided,
    ::testing::Values(Explained{"Cuda", "cuda>=12",
                                "and the CUDA version of driver 535.104.05 is not known", ""},
                      Explained{"Arch", "arch>=7",
                                "and the compute capability of GPU 0 (GPU-5c) is not known", ""},
                      Explained{"Brand", "brand=tesla driver<1",
                                "and the brand of GPU 0 (GPU-5c) is not known", ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Requirement, InQuotesGetsAHint) {
  EXPECT_THAT([] { check("\"cuda>=12.2\""); },
              fails_with_remedy(Code::requirement_malformed, "leave out the quotes"));
}

/// A driver of a branch that the table of branches does not have yet.
RequirementFacts later_branch() {
  return {.driver = *Version::parse("650.10"), .least_cuda = Version::parse("13.4")};
}

struct FromLeast {
  const char* name;
  const char* expression;
  std::optional<bool> holds;
};
class LeastCuda : public ::testing::TestWithParam<FromLeast> {};
TEST_P(LeastCuda, DecidesWhatItCan) {
  const std::vector<Requirement> requirements{{"NVIDIA_REQUIRE_CUDA", GetParam().expression}};
  EXPECT_EQ(undecided_facts(requirements, later_branch()).cuda, !GetParam().holds);
  if (GetParam().holds == true) {
    EXPECT_NO_THROW(check(GetParam().expression, later_branch()));
  } else {
    EXPECT_THAT(
        [] { check(GetParam().expression, later_branch()); },
        fails_with(GetParam().holds ? Code::requirement_unsatisfied : Code::requirement_unknown,
                   GetParam().holds ? "driver 650.10 provides CUDA 13.4 or later"
                                    : "driver 650.10 is not known"));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Expressions, LeastCuda,
    ::testing::Values(
        FromLeast{"Older", "cuda>=12.6", true}, FromLeast{"Newest", "cuda>=13.4", true},
        FromLeast{"Later", "cuda>=13.5", {}}, FromLeast{"MoreThanOlder", "cuda>13", true},
        FromLeast{"MoreThanNewest", "cuda>13.4", {}}, FromLeast{"LessThanOlder", "cuda<13", false},
        FromLeast{"LessThanNewest", "cuda<13.4", false},
        FromLeast{"AtMostOlder", "cuda<=13.3", false}, FromLeast{"AtMostNewest", "cuda<=13.4", {}},
        FromLeast{"Equal", "cuda=13.4", {}}, FromLeast{"EqualOlder", "cuda=12", false},
        FromLeast{"NotOlder", "cuda!=12", true}, FromLeast{"NotNewest", "cuda!=13.4", {}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Requirement, AnUnknownDriverIsRefusedAsUnknown) {
  EXPECT_THAT([] { check("driver>=1", RequirementFacts{.no_gpu = true}); },
              fails_with(Code::requirement_unknown, "the version of the driver is not known"));
}

TEST(Requirement, AnUnknownFactDoesNotMatterIfAnotherAlternativeHolds) {
  EXPECT_NO_THROW(check("brand=tesla,driver>=535 cuda>=12", from_proc()));
}

TEST(Requirement, AnUnknownFactDoesNotMatterBesideAFalseTerm) {
  EXPECT_THAT([] { check("brand=tesla,driver>=550", from_proc()); },
              fails_with(Code::requirement_unsatisfied, "the driver is 535.104.05"));
}

struct Needs {
  const char* name;
  const char* expression;
  NeededFacts undecided;
};
class Needed : public ::testing::TestWithParam<Needs> {};
TEST_P(Needed, AreOnlyTheFactsThatDecide) {
  EXPECT_EQ(undecided_facts({{"A", ""}, {"B", GetParam().expression}}, from_proc()),
            GetParam().undecided);
}
INSTANTIATE_TEST_SUITE_P(
    Expressions, Needed,
    ::testing::Values(
        Needs{"Nothing", "", {}}, Needs{"DriverAlone", "driver>=535,driver<536", {}},
        Needs{"Cuda", "cuda>=99", {}}, Needs{"Arch", "ARCH>=7", {.arch = true}},
        Needs{"BrandBesideCudaThatHolds", "cuda>=12.2 brand=tesla,driver>=470,driver<471", {}},
        Needs{"BrandBeforeWhatIsMalformed", "brand=tesla bogus", {.brand = true}},
        Needs{"BrandInFrontOfAMalformedTermThatMayNotBeReached",
              "brand=geforce,bogus driver>=535",
              {.brand = true}},
        Needs{"NothingBehindWhatIsMalformed", "bogus brand=tesla", {}},
        Needs{"BrandBesideCudaThatFails", kForwardCompatible, {.brand = true}},
        Needs{"BrandBesideDriversThatFail",
              "cuda>=13.0 brand=tesla,driver>=550,driver<551 brand=quadro,driver>=570",
              {}},
        Needs{"MalformedIsNotInTheWay", "foo=1 brand=tesla,arch", {}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Requirements, TellTheAlternativeThatHolds) {
  const std::vector<Requirement> requirements{
      {.variable = "A", .expression = "cuda>=99 driver>=1,cuda>=1 driver>=2"},
      {.variable = "B", .expression = ""}};
  EXPECT_THAT(check_requirements(requirements, tesla()),
              ::testing::ElementsAre("driver>=1,cuda>=1", ""));
}

}  // namespace
}  // namespace nvhook
