#include "loop/loop_file.h"

#include <gtest/gtest.h>

namespace hoego::loop {
namespace {

constexpr std::string_view kWhole = R"(endpoint: home
learn:
  events: {positive: [watch, like], negative: [skip], weight: {like: 3}}
  split:  {by: time, validate: 10%, test: 10%}
  candidates:
    - als:     {factors: [64, 128], regularization: [0.003, 0.03]}
    - ease:    {l2: [100, 500]}
    - popularity
  objective: ndcg@20
gate:   {better_than: champion, min_gain: 0.01}
test:
  route: [ab 50/50 1h]
  metric: watch_rate
  guardrails: [error_rate < 0.1%, p99 < 20ms]
  method: {always_valid: true, alpha: 0.05}
then:   promote
)";

TEST(LoopFileTest, ReadsEveryKeyItKnows) {
  const auto file = ParseLoopFile(kWhole);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(file->name, "home");
  EXPECT_EQ(file->learn.positive, (std::vector<std::string>{"watch", "like"}));
  EXPECT_EQ(file->learn.negative, (std::vector<std::string>{"skip"}));
  EXPECT_DOUBLE_EQ(file->learn.weight.at("like"), 3);
  EXPECT_DOUBLE_EQ(file->split.validate, 0.1);
  ASSERT_EQ(file->candidates.size(), 3U);
  EXPECT_EQ(file->candidates[0].algorithm, "als");
  EXPECT_EQ(file->candidates[0].grid[1].second, (std::vector<std::string>{"0.003", "0.03"}));
  EXPECT_TRUE(file->candidates[2].grid.empty());
  EXPECT_DOUBLE_EQ(file->min_gain, 0.01);
  EXPECT_EQ(file->test_at_most, std::chrono::hours(1));
  ASSERT_EQ(file->guardrails.size(), 2U);
  EXPECT_DOUBLE_EQ(file->guardrails[0].bound, 0.001);
  EXPECT_DOUBLE_EQ(file->guardrails[1].bound, 20);
}

std::string Replaced(std::string_view from, std::string_view to) {
  std::string text(kWhole);
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Wrong {
  std::string from;
  std::string to;
  std::string says;  // what the message must contain
};

TEST(LoopFileTest, NamesLineColumnAndReasonOfWhatIsWrong) {
  const std::vector<Wrong> table = {
      {"endpoint: home", "endpiont: home", "line 1, column 1: unknown key \"endpiont\" in the loop file; did you mean \"endpoint\"?"},
      {"candidates:", "candidate:", "line 5, column 3: unknown key \"candidate\" in learn; did you mean \"candidates\"?"},
      {"- ease:", "- eese:", "line 7, column 7: unknown algorithm \"eese\"; did you mean \"ease\"?"},
      {"l2: [100, 500]", "lambda2: [100]", "line 7, column 17: no setting \"lambda2\""},
      {"validate: 10%", "validate: 110%", "line 4, column 32: validate: expected a share"},
      {"validate: 10%, test: 10%", "validate: 60%, test: 50%", "below 100%"},
      {"by: time", "by: tiem", "line 4, column 16: by: expected time"},
      {"ndcg@20", "ndgc@20", "objective: expected one of"},
      {"ab 50/50 1h", "ab 50/60 1h", "line 12, column 11: expected \"ab SHARE/SHARE [TIME]\""},
      {"ab 50/50 1h", "interleave 1h, ab 50/50", "interleave in test.route is not supported yet"},
      {"ab 50/50 1h", "shadow 5m", "shadow in test.route is not supported yet"},
      {"metric: watch_rate", "metric: clicks", "followed by _rate"},
      {"p99 < 20ms", "p98 < 20ms", "unknown guardrail \"p98\""},
      {"p99 < 20ms", "diversity >= -5%", "the guardrail diversity is not supported yet"},
      {"alpha: 0.05", "alpha: 2", "line 15, column 39: alpha: expected a number from"},
      {"then:   promote", "then: deploy", "then: expected promote or ask, got \"deploy\""},
      {"then:   promote", "then: promote\nagain: {every: 1d}", "line 17, column 1: again in the loop file is not supported yet"},
      {"- popularity", "- command: python train.py", "command in learn.candidates is not supported yet"},
      {"positive: [watch, like]", "positive: []", "at least one event type"},
      {"{better_than: champion", "{better_than: anyone", "better_than: expected champion"},
      {"gate:   {", "gate:   [", "line 10"},
  };
  for (const Wrong& wrong : table) {
    const auto file = ParseLoopFile(Replaced(wrong.from, wrong.to));
    ASSERT_FALSE(file.ok()) << wrong.to;
    EXPECT_EQ(file.status().code(), Code::kInvalidArgument);
    EXPECT_NE(file.status().message().find(wrong.says), std::string::npos) << wrong.to << ": " << file.status().message();
  }
}

TEST(LoopFileTest, RefusesWhatIsNoLoopFileAtAll) {
  for (const std::string_view text : {"", "[]", "just words", "a: b: c", "\x01", "endpoint: home", "endpoint: {a: 1}\nlearn: 3"}) {
    EXPECT_FALSE(ParseLoopFile(text).ok()) << text;
  }
  EXPECT_FALSE(ParseLoopFile(std::string(70'000, '#')).ok());
}

}  // namespace
}  // namespace hoego::loop
