#include "abtest/test.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace hoego::abtest {
namespace {

constexpr const char* kPlan = R"({"name":"films-2","endpoint":"home","kind":"ab",
  "arms":[{"name":"old","model":"films@champion","weight":0.5},{"name":"new","model":"films/2","weight":0.5}],
  "metric":{"name":"watch_rate","kind":"conversion","event":"watch","window":"1d"},
  "guardrails":[{"metric":"error_rate","margin":0.01},{"metric":"p99","margin":0.2}],
  "method":{"always_valid":true,"alpha":0.05},"min_effect":0.1,"baseline":0.2,"expected_units":20000})";

TEST(TestPlanTest, ReadsTheBodyOfTheWire) {
  const TestPlan plan = ParsePlan(kPlan).value();
  EXPECT_EQ(plan.name, "films-2");
  ASSERT_EQ(plan.arms.size(), 2U);
  EXPECT_EQ(plan.arms[1].model_ref, "films/2");
  EXPECT_EQ(plan.metric.window, std::chrono::hours(24));
  ASSERT_EQ(plan.guardrails.size(), 2U);
  EXPECT_EQ(plan.guardrails[1].kind, GuardrailKind::kP99);
  EXPECT_EQ(plan.seed, "films-2");
  EXPECT_TRUE(plan.min_effect_relative);
  EXPECT_EQ(plan.arm_share(0), 0.5);
}

// Two-proportion sample size, p 0.20 against 0.22, alpha 0.05, power 0.8, unpooled variances: the
// classical (1.95996 + 0.84162)^2 (0.16 + 0.1716) / 0.02^2 = 6506.6 an arm.
TEST(TestPlanTest, WritesDownHowManyUnitsAreNeededAndTheExpectedPower) {
  std::string text = kPlan;
  text.replace(text.find("\"always_valid\":true"), 19, "\"always_valid\":false");
  text.insert(text.size() - 1, R"(,"stop":{"max_units":20000})");
  const TestPlan fixed = ParsePlan(text).value();
  EXPECT_NEAR(static_cast<double>(fixed.needed_units), 2 * 6506.6, 2);
  ASSERT_TRUE(fixed.expected_power);
  // se = sqrt((0.16 + 0.1716) / 10000) = 0.0057584; Phi(0.02 / se - 1.95996) = Phi(1.51321) =
  // 0.93488
  EXPECT_NEAR(*fixed.expected_power, 0.93488, 1e-4);
  const TestPlan always = ParsePlan(kPlan).value();
  EXPECT_GT(always.needed_units, fixed.needed_units);
  EXPECT_LT(*always.expected_power, *fixed.expected_power);
  EXPECT_EQ(always.tuning, static_cast<double>(always.needed_units));
}

TEST(TestPlanTest, ReadsBackWhatItWrites) {
  std::string odd = kPlan;
  odd.replace(odd.find("\"window\":\"1d\""), 13, "\"window\":\"90s\",\"direction\":\"decrease\"");
  odd.insert(odd.size() - 1,
             R"(,"seed":"salt","coverage":0.3,"min_effect_scale":"absolute","variance":2.5,
    "stop":{"max_units":500,"max_duration":"14d"},"min_units":30,"hash_version":1)");
  for (const std::string& text : {std::string(kPlan), odd}) {
    const TestPlan plan = ParsePlan(text).value();
    const std::string written = PlanJson(plan);
    EXPECT_EQ(PlanJson(ParsePlan(written).value()), written);
  }
  TestDefinition definition;
  definition.plan = ParsePlan(odd).value();
  definition.state = TestState::kStopped;
  definition.reason = "enough \"seen\"";
  definition.changed = FromUnixMillis(1'700'000'000'123);
  const std::string json = DefinitionJson(definition);
  EXPECT_EQ(DefinitionJson(ParseDefinition(json).value()), json);
}

TEST(TestPlanTest, NamesWhatIsWrong) {
  const struct {
    const char* from;
    const char* to;
    const char* want;
    Code code;
  } cases[] = {
      {"\"ab\"", "\"interleaving\"", "\"interleaving\" is not supported yet", Code::kUnimplemented},
      {"\"ab\"", "\"abba\"", "expected one of ab, interleaving", Code::kInvalidArgument},
      {"\"p99\"", "\"diversity\"", "guardrails: \"diversity\" is not supported yet",
       Code::kUnimplemented},
      {"films-2", "films 2", "field \"name\": \"films 2\"", Code::kInvalidArgument},
      {"\"new\"", "\"old\"", "arms: \"old\" is there twice", Code::kInvalidArgument},
      {"\"weight\":0.5}]", "\"weight\":0}]", "arms: weight 0 of \"new\"", Code::kInvalidArgument},
      {"\"1d\"", "\"soon\"", "field \"window\"", Code::kInvalidArgument},
      {"\"alpha\":0.05", "\"alpha\":1.5", "field \"alpha\": 1.5 is out of range",
       Code::kInvalidArgument},
      {"\"always_valid\":true", "\"always_valid\":false", "needs max_units or max_duration",
       Code::kInvalidArgument},
      {"\"baseline\":0.2", "\"baseline\":20", "a conversion of 20", Code::kInvalidArgument},
      {"\"min_effect\":0.1", "\"min_efect\":0.1", "did you mean \"min_effect\"?",
       Code::kInvalidArgument},
      {"\"margin\":0.2", "\"margin\":-1", "margin -1 of p99", Code::kInvalidArgument},
      {",{\"name\":\"new\",\"model\":\"films/2\",\"weight\":0.5}", "",
       "arms: 1 of them, expected 2 to 8", Code::kInvalidArgument},
  };
  for (const auto& c : cases) {
    std::string text = kPlan;
    ASSERT_NE(text.find(c.from), std::string::npos) << c.from;
    text.replace(text.find(c.from), std::string(c.from).size(), c.to);
    const Result<TestPlan> plan = ParsePlan(text);
    ASSERT_FALSE(plan.ok()) << c.want;
    EXPECT_EQ(plan.status().code(), c.code) << plan.status().ToString();
    EXPECT_NE(plan.status().message().find(c.want), std::string_view::npos)
        << plan.status().ToString();
  }
}

TEST(TestPlanTest, LeavesFieldsOfANewerProgramAloneInTheLogOnly) {
  TestDefinition definition;
  definition.plan = ParsePlan(kPlan).value();
  std::string json = DefinitionJson(definition);
  json.replace(json.find("\"endpoint\""), 10, "\"colour\":\"red\",\"endpoint\"");
  EXPECT_EQ(PlanJson(ParseDefinition(json).value().plan), PlanJson(definition.plan));
  std::string plan = kPlan;
  plan.replace(plan.find("\"endpoint\""), 10, "\"colour\":\"red\",\"endpoint\"");
  EXPECT_FALSE(ParsePlan(plan).ok());
}

TEST(TestPlanTest, RefusesADefinitionOfANewerFormat) {
  const Result<TestDefinition> d = ParseDefinition(R"({"format":2,"plan":{},"state":"planned"})");
  EXPECT_EQ(d.status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(d.status().message(), "test definition: format 2, newest known 1");
}

}  // namespace
}  // namespace hoego::abtest
