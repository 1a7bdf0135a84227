#include "loop/retrospective.h"

#include <gtest/gtest.h>

#include "loop/plot.h"

namespace hoego::loop {
namespace {

Retrospective Sample() {
  Retrospective r;
  r.id = "home-1";
  r.loop = "home";
  r.cycle = 1;
  r.endpoint = "home";
  r.model = "films";
  r.started = FromUnixMillis(1'700'000'000'000);
  r.finished = FromUnixMillis(1'700'000'060'000);
  r.champion = 1;
  r.challenger = 2;
  r.answers_now = 2;
  r.because = "the test said ship";
  r.dataset_digest = "ab12";
  r.samples = 100;
  r.units = 10;
  r.items = 7;
  r.objective = "ndcg@20";
  r.offline = {{"popularity", "popularity", "{}", "r1", {0.1, 0.09, 0.11}, {{"ndcg@20", 0.1}}, 0.1, 0.1, true, false},
               {"ease l2=500", "ease", R"({"l2":500})", "r2", {0.2, 0.18, 0.22}, {{"ndcg@20", 0.2}}, 0.5, 0.9, false, true}};
  r.predicted = Estimate{1.0, 0.8, 1.2};
  r.predicted_p = 1e-9;
  r.gate_passed = true;
  r.gate_reason = "gain above 1 %";
  r.test = "home-1";
  r.metric = "watch_rate";
  r.verdict = "ship";
  r.verdict_reason = "the interval lies above zero";
  r.measured = Estimate{0.35, 0.2, 0.5};
  r.rate_champion = 0.4;
  r.rate_challenger = 0.54;
  r.units_champion = 470;
  r.units_challenger = 473;
  r.looks = {{1, 100, 0.5, -1, 2}, {2, 500, 0.4, 0.1, 0.7}, {3, 943, 0.35, 0.2, 0.5}};
  r.guardrails = {"error_rate 0 < 0.001: holds"};
  r.step_seconds = {{"train", 2.5}, {"test", 15}};
  r.requests = 2829;
  return r;
}

TEST(RetrospectiveTest, ReadsBackWhatItWrote) {
  Retrospective r = Sample();
  LookBack(r);
  const std::string json = ToJson(r);
  const auto again = RetrospectiveFromJson(json);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(ToJson(*again), json);
  EXPECT_EQ(ToHtml(*again), ToHtml(r));
  EXPECT_EQ(ToText(*again, false), ToText(r, false));
}

TEST(RetrospectiveTest, SaysWhatSurprised) {
  Retrospective r = Sample();
  LookBack(r);
  EXPECT_NE(r.surprises[0].find("Offline promised more"), std::string::npos);
  r.predicted = Estimate{0.3, 0.2, 0.4};
  LookBack(r);
  EXPECT_EQ(r.surprises[0].find("Nothing"), 0U);
  r.predicted = Estimate{-0.3, -0.4, -0.2};
  LookBack(r);
  EXPECT_NE(ToText(r, false).find("disagree on the sign"), std::string::npos);
}

TEST(RetrospectiveTest, ShowsNoNumberOfAnInvalidTest) {
  Retrospective r = Sample();
  r.verdict = "invalid";
  r.verdict_reason = "sample-ratio mismatch";
  r.measured.reset();
  LookBack(r);
  for (const std::string& view : {ToHtml(r), ToText(r, false), ToJson(r)}) {
    EXPECT_EQ(view.find("0.54"), std::string::npos);
    EXPECT_EQ(view.find("+35"), std::string::npos);
  }
  EXPECT_EQ(ToHtml(r).find("class=\"band\""), std::string::npos);
}

TEST(RetrospectiveTest, EscapesEverythingThatCameFromOutside) {
  Retrospective r = Sample();
  r.loop = "<script>alert(1)</script>";
  r.because = r.note = r.gate_reason = r.verdict_reason = r.loop;
  r.offline[0].label = r.offline[0].metrics[0].first = r.loop;
  r.guardrails = {r.loop};
  EXPECT_EQ(ToHtml(r).find("<script"), std::string::npos);
}

TEST(RetrospectiveTest, KeepsTerminalLinesWithinAHundredColumns) {
  Retrospective r = Sample();
  r.note = std::string(40, 'x') + " " + std::string(500, ' ') + "many words in a row " + r.because;
  LookBack(r);
  std::string line;
  for (const char c : ToText(r, false)) {
    if (c == '\n') {
      EXPECT_LE(line.size(), 110U) << line;  // bytes: a minus sign is three
      line.clear();
    } else {
      line += c;
    }
  }
}

TEST(RetrospectiveTest, WritesPercentWithAtMostThreeDigits) {
  EXPECT_EQ(PercentText({0.0234, 0.004, 0.041}), "+2.34 % [0.40, 4.10]");
  EXPECT_EQ(PercentText({-0.5, {}, {}}), "−50.0 %");
  EXPECT_EQ(PercentText({1.234, -0.1, 2.0}), "+123 % [−10.0, 200]");
}

TEST(PlotTest, PutsEveryPointInsideItsFrame) {
  const std::string svg = IntervalPlot({{"a", {1, -5, 9}, "x"}, {"b", {2, {}, {}}, "y"}}, "axis", true, false);
  EXPECT_NE(svg.find("class=\"zero\""), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(IntervalPlot({}, "axis", true, false), "");
  EXPECT_EQ(EffectPlot({{1, 1, 0, 0, 0}}, 0, "axis"), "");
  EXPECT_EQ(EffectPlot({{1, 1, 0, 0, 0}, {1, 1, 0, 0, 0}}, 0, "axis").find("nan"), std::string::npos);
}

}  // namespace
}  // namespace hoego::loop
