#include "loop/cycle.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/random.h"
#include "loop/loops.h"

namespace hoego::loop {
namespace {

constexpr std::string_view kFile = R"(endpoint: home
learn:
  events: {positive: [watch]}
  candidates: [popularity]
test:
  route: [ab 50/50]
  metric: watch_rate
)";

// Keeps what was journalled, as the log would; may be told to die (as by kill -9) before or behind a record.
class MemoryJournal final : public registry::Journal {
 public:
  struct Record {
    std::string kind, name, json;
  };
  Status Append(std::string_view kind, std::string_view name, std::string_view json) override {
    if (die_before == static_cast<int>(records.size())) {
      return Status::Unavailable("the disk is gone");
    }
    records.push_back({std::string(kind), std::string(name), std::string(json)});
    return {};
  }
  std::vector<Record> records;
  int die_before = -1;
};

// Counts how often each step had its effect; fails the first `failures` attempts of one step.
class CountingSteps final : public Steps {
 public:
  Result<std::string> Do(Step step, const StepInput& input) override {
    ++tries[step];
    if (step == failing && failures-- > 0) {
      return Status::Internal("on purpose");
    }
    input.progress(0.5, "half");
    ++effects[step];
    if (step == Step::kGate) {
      return std::string(gate_open ? R"({"passed":true})" : R"({"passed":false})");
    }
    if (step == Step::kLookBack) {
      return std::string(R"({"id":"home-1","loop":"home","cycle":1,"summary":"s"})");
    }
    return std::string(R"({"done":1})");
  }
  std::map<Step, int> tries;
  std::map<Step, int> effects;
  std::optional<Step> failing;
  int failures = 0;
  bool gate_open = true;
};

void Quiet(Step, double, std::string_view) {}

LoopFile File() {
  auto file = ParseLoopFile(kFile);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  return *file;
}

CycleState Folded(const MemoryJournal& journal) {
  CycleState state;
  state.cycle = 1;
  JsonParser parser;
  for (const auto& r : journal.records) {
    const auto json = parser.Parse(r.json);
    EXPECT_TRUE(json.ok());
    EXPECT_TRUE(ApplyToCycle(state, *json, FromUnixMillis(1)).ok()) << r.json;
  }
  return state;
}

TEST(CycleTest, TheTableOfStepsIsTheDrawing) {
  int allowed = 0;
  for (size_t to = 0; to < kSteps; ++to) {
    EXPECT_EQ(CanFollow(std::nullopt, static_cast<Step>(to)), to == 0);
    for (size_t from = 0; from < kSteps; ++from) {
      const bool can = CanFollow(static_cast<Step>(from), static_cast<Step>(to));
      const bool drawn = (to == from + 1) || (static_cast<Step>(from) == Step::kGate && static_cast<Step>(to) == Step::kConclude);
      EXPECT_EQ(can, drawn) << from << " → " << to;
      allowed += can ? 1 : 0;
    }
  }
  EXPECT_EQ(allowed, 9);
}

TEST(CycleTest, AClosedGateGoesStraightToTheConclusion) {
  CountingSteps steps;
  steps.gate_open = false;
  MemoryJournal journal;
  FakeClock clock;
  CycleState state;
  state.cycle = 1;
  ASSERT_TRUE(RunCycle(File(), state, steps, journal, clock, Quiet, {}).ok());
  EXPECT_TRUE(state.done());
  EXPECT_EQ(steps.effects.count(Step::kPlan), 0U);
  EXPECT_EQ(steps.effects.count(Step::kTest), 0U);
  EXPECT_EQ(steps.effects[Step::kConclude], 1);
}

// However often the process dies, and wherever, each step that was journalled is never done again.
TEST(CycleTest, GoesOnBehindTheLastFinishedStepAfterADeathAnywhere) {
  for (int die = 0; die < static_cast<int>(kSteps); ++die) {
    CountingSteps steps;
    MemoryJournal journal;
    journal.die_before = die;
    FakeClock clock;
    CycleState state;
    state.cycle = 1;
    EXPECT_FALSE(RunCycle(File(), state, steps, journal, clock, Quiet, {}).ok());
    const auto before = steps.effects;
    journal.die_before = -1;
    CycleState again = Folded(journal);
    ASSERT_TRUE(RunCycle(File(), again, steps, journal, clock, Quiet, {}).ok());
    EXPECT_TRUE(again.done());
    EXPECT_EQ(journal.records.size(), kSteps);
    for (size_t s = 0; s < kSteps; ++s) {
      const Step step = static_cast<Step>(s);
      EXPECT_EQ(steps.effects[step], static_cast<int>(s) == die ? 2 : 1)
          << StepName(step) << " after a death before record " << die;  // the unjournalled one is tried again
    }
    EXPECT_TRUE(Folded(journal).done());
  }
}

TEST(CycleTest, StopsAfterThreeFailuresOfAStepAndSaysSo) {
  CountingSteps steps;
  steps.failing = Step::kTrain;
  steps.failures = 100;
  MemoryJournal journal;
  FakeClock clock;
  CycleState state;
  state.cycle = 1;
  for (int i = 0; i < kMostFailures; ++i) {
    EXPECT_FALSE(state.stopped);
    EXPECT_EQ(RunCycle(File(), state, steps, journal, clock, Quiet, {}).code(), Code::kInternal);
  }
  EXPECT_TRUE(state.stopped);
  const Status status = RunCycle(File(), state, steps, journal, clock, Quiet, {});
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("on purpose"), std::string_view::npos);
  EXPECT_EQ(steps.tries[Step::kTrain], kMostFailures);
  EXPECT_TRUE(Folded(journal).stopped);
}

TEST(CycleTest, AFoldRefusesStepsThatDoNotFollow) {
  JsonParser parser;
  CycleState state;
  state.cycle = 1;
  const auto apply = [&](std::string_view json) { return ApplyToCycle(state, *parser.Parse(json), FromUnixMillis(0)).code(); };
  EXPECT_EQ(apply(R"({"cycle":1,"step":"train","result":{}})"), Code::kDataLoss);
  EXPECT_EQ(apply(R"({"cycle":2,"step":"open","result":{}})"), Code::kDataLoss);
  EXPECT_EQ(apply(R"({"cycle":1,"step":"dance","result":{}})"), Code::kDataLoss);
  EXPECT_EQ(apply(R"({"cycle":1,"step":"open","result":{}})"), Code::kOk);
  EXPECT_EQ(apply(R"({"cycle":1,"step":"open","result":{}})"), Code::kDataLoss);
}

TEST(LoopsTest, RunsCyclesOneAfterAnotherAndListsTheirRetrospectives) {
  SetLogLevel(LogLevel::kError);
  CountingSteps steps;
  MemoryJournal journal;
  FakeClock clock;
  Metrics metrics;
  const auto loops = Loops::Make(steps, journal, clock, metrics);
  loops->Start();
  EXPECT_EQ(loops->Run("home").status().code(), Code::kNotFound);
  ASSERT_TRUE(loops->Put(kFile).ok());
  for (uint32_t cycle = 1; cycle <= 3; ++cycle) {
    const auto number = loops->Run("home");
    ASSERT_TRUE(number.ok()) << number.status().ToString();
    EXPECT_EQ(*number, cycle);
    ASSERT_TRUE(loops->Wait("home", cycle, {}).ok());
  }
  EXPECT_EQ(loops->Retrospectives().size(), 3U);
  EXPECT_TRUE(loops->RetrospectiveJson("home-2").ok());
  for (const std::string_view id : {"home-4", "home-0", "home", "nobody-1", "-1", "home--1", "home-99999999999999"}) {
    EXPECT_EQ(loops->RetrospectiveJson(id).status().code(), Code::kNotFound) << id;
  }
  EXPECT_EQ(loops->Wait("home", 9, {}).code(), Code::kNotFound);
}

TEST(LoopsTest, AStoppedLoopRunsAgainWhenAskedAndAnInterruptedOneByItself) {
  SetLogLevel(LogLevel::kError);
  CountingSteps steps;
  steps.failing = Step::kGate;
  steps.failures = 3;
  MemoryJournal journal;
  FakeClock clock;
  Metrics metrics;
  {
    const auto loops = Loops::Make(steps, journal, clock, metrics);
    loops->Start();
    ASSERT_TRUE(loops->Put(kFile).ok());
    ASSERT_TRUE(loops->Run("home").ok());
    EXPECT_EQ(loops->Wait("home", 1, {}).code(), Code::kFailedPrecondition);
    EXPECT_EQ(loops->List()[0].state, "stopped");
    EXPECT_EQ(loops->List()[0].failures, 3);
  }
  const auto fold = [&](Loops& loops) {
    for (const auto& r : journal.records) {
      ASSERT_TRUE(loops.Apply(r.kind, r.name, r.json, FromUnixMillis(5)).ok());
    }
  };
  {
    const auto loops = Loops::Make(steps, journal, clock, metrics);
    fold(*loops);
    loops->Start();
    EXPECT_EQ(loops->List()[0].state, "stopped");  // nobody asked
    EXPECT_EQ(*loops->Run("home"), 1U);
    EXPECT_TRUE(loops->Wait("home", 1, {}).ok());
    EXPECT_EQ(steps.effects[Step::kTrain], 1);
  }
  journal.records.resize(journal.records.size() - 2);  // as if killed before conclude
  const auto loops = Loops::Make(steps, journal, clock, metrics);
  fold(*loops);
  loops->Start();
  EXPECT_TRUE(loops->Wait("home", 1, {}).ok());
  EXPECT_EQ(steps.effects[Step::kTest], 1);
  EXPECT_EQ(steps.effects[Step::kConclude], 2);
}

}  // namespace
}  // namespace hoego::loop
