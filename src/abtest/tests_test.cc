#include "abtest/tests.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "storage/temp_folder.h"

namespace hoego::abtest {
namespace {

constexpr const char* kPlan = R"({"name":"films-2","endpoint":"home",
  "arms":[{"name":"old","model":"films@champion"},{"name":"new","model":"films/2"}],
  "metric":{"name":"watch_rate","kind":"conversion","event":"watch","window":"1d"},
  "guardrails":[{"metric":"error_rate","margin":0.02}],"min_effect":0.05,"min_units":50})";

// A log in a folder of its own, with the room on top; both can be closed and opened again.
class TestsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    champion_ = "films/1";
  }

  void Open() {
    events::StoreOptions store_options;
    store_options.folder = folder_ / "log";
    store_ = events::EventStore::Open(store_options, RealDisk(), clock_, metrics_).value();
    OpenTests();
  }
  void OpenTests() {
    TestsOptions options;
    options.folder = folder_ / "abtest";
    options.fixed_route = [this](std::string_view endpoint) {
      return endpoint == "home" ? FixedRoute{"films@champion", 3} : FixedRoute{};
    };
    options.pin = [this](std::string_view ref) -> Result<std::string> {
      if (ref == "films/9") {
        return Status::NotFound("no model films/9");
      }
      return ref == "films@champion" ? champion_ : std::string(ref);
    };
    tests_ = Tests::Open(options, *store_, RealDisk(), clock_, metrics_).value();
  }
  void Close() {
    tests_.reset();
    store_.reset();
  }

  void Plan(std::string_view text = kPlan) {
    ASSERT_TRUE(tests_->Create(ParsePlan(text).value()).ok());
  }
  void PlanAndStart() {
    Plan();
    const Result<TestDefinition> started = tests_->Start("films-2");
    ASSERT_TRUE(started.ok()) << started.status().ToString();
  }

  // One visit: an answer, its decision, the exposure, and perhaps the watch.
  void Visit(const std::string& unit, bool watches, bool fallback = false) {
    clock_.Advance(std::chrono::milliseconds(10));
    const serving::RouteChoice choice = tests_->Choose("home", unit);
    events::NewDecision decision;
    decision.id = NewUuid(clock_.Now());
    decision.time = clock_.Now();
    decision.endpoint = "home";
    decision.unit = unit;
    decision.test = choice.test;
    decision.arm = choice.arm;
    decision.arm_probability = choice.probability;
    decision.model = "films";
    decision.version = choice.model_ref == "films/2" ? 2 : 1;
    decision.latency_us = 900;
    decision.fallback = fallback;
    decision.route_revision = choice.revision;
    std::vector<events::NewRecord> records = {decision};
    if (watches) {
      events::NewEvent event;
      event.type = "watch";
      event.unit = unit;
      event.decision = decision.id;
      records.emplace_back(event);
    }
    const Result<events::AppendResult> appended = events::AppendAndWait(store_->log(), records);
    ASSERT_TRUE(appended.ok()) << appended.status().ToString();
    tests_->Exposed("home", choice, unit, clock_.Now());
  }

  void VisitAll(int from, int to, double old_rate, double new_rate) {
    for (int i = from; i < to; ++i) {
      const std::string unit = "u" + std::to_string(i);
      const bool treated = tests_->Choose("home", unit).arm == "new";
      Visit(unit, rng_.Chance(treated ? new_rate : old_rate));
    }
  }

  int CountExposures() {
    int count = 0;
    const std::unique_ptr<events::Cursor> cursor = store_->log().Read(store_->log().begin());
    while (const events::Record* record = cursor->Next().value()) {
      count += record->kind == events::RecordKind::kExposure ? 1 : 0;
    }
    return count;
  }

  storage::TempFolder folder_;
  FakeClock clock_;
  Metrics metrics_;
  Rng rng_{17};
  std::string champion_ = "films/1";
  std::unique_ptr<events::EventStore> store_;
  std::unique_ptr<Tests> tests_;
};

TEST_F(TestsTest, RoutesByTheEndpointUntilATestStartsAndAfterItStops) {
  Plan();
  EXPECT_EQ(tests_->Choose("home", "u1").test, "");
  EXPECT_EQ(tests_->Choose("home", "u1").model_ref, "films@champion");
  EXPECT_EQ(tests_->Choose("home", "u1").revision, 3U);
  const TestDefinition running = tests_->Start("films-2").value();
  EXPECT_EQ(running.plan.arms[0].model_ref,
            "films/1");  // pinned: moving the alias does not change the arm
  std::map<std::string, int> arms;
  for (int i = 0; i < 4000; ++i) {
    const std::string unit = "u" + std::to_string(i);
    const serving::RouteChoice choice = tests_->Choose("home", unit);
    EXPECT_EQ(choice.arm, tests_->Choose("home", unit).arm);
    EXPECT_EQ(choice.model_ref, choice.arm == "old" ? "films/1" : "films/2");
    EXPECT_EQ(choice.probability, 0.5);
    EXPECT_EQ(choice.revision, 3U) << "the endpoint's own: whoever starts a test changes it";
    ++arms[choice.arm];
  }
  EXPECT_NEAR(arms["new"], 2000, 4 * 31.6);  // 4 sigma
  EXPECT_EQ(tests_->Choose("elsewhere", "u1").test, "");
  ASSERT_TRUE(tests_->Stop("films-2", "enough").ok());
  EXPECT_EQ(tests_->Choose("home", "u1").test, "");
  EXPECT_EQ(tests_->Choose("home", "u1").revision, 3U);
}

TEST_F(TestsTest, RefusesMovesThatAreNotDrawn) {
  EXPECT_EQ(tests_->Start("films-2").status().code(), Code::kNotFound);
  Plan();
  EXPECT_EQ(tests_->Create(ParsePlan(kPlan).value()).status().code(), Code::kAlreadyExists);
  EXPECT_EQ(tests_->Ship("films-2", "x").status().code(), Code::kFailedPrecondition);
  ASSERT_TRUE(tests_->Start("films-2").ok());
  EXPECT_EQ(tests_->Start("films-2").status().message(),
            "test \"films-2\" is running, it cannot become running");
  std::string second = kPlan;
  second.replace(second.find("films-2"), 7, "films-3");
  Plan(second);
  EXPECT_EQ(tests_->Start("films-3").status().message(),
            "test \"films-2\" already runs at endpoint \"home\"");
  const TestDefinition shipped = tests_->Ship("films-2", "it won").value();
  EXPECT_EQ(shipped.state, TestState::kShipped);
  EXPECT_EQ(tests_->RollBack("films-2", "x").status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(tests_->Get("films-2").value().reason, "it won");
  EXPECT_TRUE(tests_->Start("films-3").ok());
  EXPECT_EQ(tests_->List().size(), 2U);
}

TEST_F(TestsTest, RefusesAnArmWhoseModelIsNotThere) {
  std::string text = kPlan;
  text.replace(text.find("films/2"), 7, "films/9");
  Plan(text);
  EXPECT_EQ(tests_->Start("films-2").status().message(), "arm \"new\": no model films/9");
  EXPECT_EQ(tests_->Get("films-2").value().state, TestState::kPlanned);
}

TEST_F(TestsTest, LogsAnExposureOncePerUnitAlsoAfterARestart) {
  PlanAndStart();
  for (int round = 0; round < 3; ++round) {
    VisitAll(0, 40, 0.5, 0.5);
  }
  ASSERT_TRUE(tests_->CatchUp().ok());
  EXPECT_EQ(CountExposures(), 40);
  Close();
  Open();
  VisitAll(0, 50, 0.5, 0.5);
  ASSERT_TRUE(tests_->CatchUp().ok());
  EXPECT_EQ(CountExposures(), 50);
}

TEST_F(TestsTest, ShipsABetterTreatmentWithItsEvidence) {
  PlanAndStart();
  VisitAll(0, 3000, 0.2, 0.35);
  const VerdictReport report = tests_->ComputeVerdict("films-2").value();
  EXPECT_EQ(report.decision.verdict, Verdict::kShip) << VerdictJson(report);
  EXPECT_TRUE(report.decision.stop);
  ASSERT_TRUE(report.effect);
  EXPECT_NEAR(report.effect->control, 0.2, 0.05);
  EXPECT_NEAR(report.effect->treatment, 0.35, 0.05);
  EXPECT_GT(report.effect->absolute_low, 0);
  ASSERT_NE(report.winner(), nullptr);
  EXPECT_EQ(report.winner()->model_ref, "films/2");
  EXPECT_EQ(report.arms[0].units + report.arms[1].units, 3000U);
  EXPECT_EQ(report.guardrails.at(0).state, GuardrailState::kHolds);
  EXPECT_EQ(report.lost_feedback, 0U);
  const std::string json = VerdictJson(report);
  EXPECT_NE(json.find(R"("verdict":"ship")"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("cut":"0-)"), std::string::npos) << json;
}

TEST_F(TestsTest, TakesBackATreatmentThatFails) {
  PlanAndStart();
  for (int i = 0; i < 400; ++i) {
    const std::string unit = "u" + std::to_string(i);
    const bool treated = tests_->Choose("home", unit).arm == "new";
    Visit(unit, rng_.Chance(0.3), treated && rng_.Chance(0.6));
  }
  const VerdictReport report = tests_->ComputeVerdict("films-2").value();
  EXPECT_EQ(report.decision.verdict, Verdict::kRollBack) << VerdictJson(report);
  EXPECT_NE(report.decision.reason.find("guardrail error_rate is violated"), std::string::npos);
}

// Exposures of one arm that never reach the log: the figures cannot be trusted and none is shown.
TEST_F(TestsTest, ShowsNoFigureWhenTheSampleRatioIsWrong) {
  PlanAndStart();
  for (int i = 0; i < 2000; ++i) {
    const std::string unit = "u" + std::to_string(i);
    if (tests_->Choose("home", unit).arm == "old" || rng_.Chance(0.7)) {
      Visit(unit, rng_.Chance(0.3));
    }
  }
  const VerdictReport report = tests_->ComputeVerdict("films-2").value();
  EXPECT_EQ(report.decision.verdict, Verdict::kInvalid);
  EXPECT_FALSE(report.effect);
  const std::string json = VerdictJson(report);
  EXPECT_NE(json.find(R"("effect":null,"interval":null)"), std::string::npos) << json;
  EXPECT_EQ(report.winner(), nullptr);
}

// By reading the log for every figure, with nothing of the room's code.
struct Twin {
  std::map<std::string, std::set<uint32_t>> exposed;
  std::map<std::string, std::set<uint32_t>> watched;

  Twin(events::EventStore& store, events::Cut cut) {
    std::map<std::string, std::pair<uint32_t, std::string>> decisions;
    for (const int pass : {0, 1}) {
      const std::unique_ptr<events::Cursor> cursor = store.log().Read(store.log().begin());
      while (const events::Record* r = cursor->Next().value()) {
        if (r->next > cut) {
          break;
        }
        if (pass == 0 && r->kind == events::RecordKind::kExposure) {
          exposed[std::string(r->exposure.arm)].insert(r->unit.value());
        } else if (pass == 0 && r->kind == events::RecordKind::kDecision) {
          decisions[r->decision.id.ToString()] = {r->unit.value(), std::string(r->decision.arm)};
        } else if (pass == 1 && r->kind == events::RecordKind::kEvent && r->event.decision) {
          const auto& [unit, arm] = decisions.at(r->event.decision->ToString());
          if (exposed[arm].contains(unit)) {
            watched[arm].insert(unit);
          }
        }
      }
    }
  }
};

TEST_F(TestsTest, AVerdictEqualsARecomputationFromTheLogAtItsCut) {
  PlanAndStart();
  std::vector<std::pair<events::Cut, std::string>> verdicts;
  for (int i = 0; i < 6; ++i) {
    VisitAll(100 * i, 100 * i + 150, 0.2, 0.3);
    const VerdictReport live = tests_->ComputeVerdict("films-2").value();
    verdicts.emplace_back(live.cut, VerdictJson(live));
    if (i == 2) {  // a restart with the checkpoint
      Close();
      Open();
    }
    if (i == 4) {  // a restart without it
      Close();
      ASSERT_TRUE(RealDisk().Remove(folder_ / "abtest/tests.checkpoint").ok());
      Open();
    }
  }
  for (const auto& [cut, json] : verdicts) {
    EXPECT_EQ(VerdictJson(tests_->RecomputeAt("films-2", cut).value()), json);
    const Twin twin(*store_, cut);
    const VerdictReport report = tests_->RecomputeAt("films-2", cut).value();
    for (const VerdictReport::ArmReport& arm : report.arms) {
      EXPECT_EQ(arm.units, twin.exposed.at(arm.name).size());
      EXPECT_DOUBLE_EQ(arm.metric * static_cast<double>(arm.units),
                       static_cast<double>(twin.watched.at(arm.name).size()));
    }
  }
}

TEST_F(TestsTest, AStoppedTestKeepsTheFiguresOfItsStop) {
  PlanAndStart();
  VisitAll(0, 300, 0.2, 0.3);
  ASSERT_TRUE(tests_->Stop("films-2", "enough").ok());
  const std::string final = VerdictJson(tests_->ComputeVerdict("films-2").value());
  VisitAll(0, 50, 1, 1);
  EXPECT_EQ(VerdictJson(tests_->ComputeVerdict("films-2").value()), final);
  EXPECT_EQ(VerdictJson(tests_->RecomputeAt("films-2", store_->log().end()).value()), final);
  Close();
  Open();
  EXPECT_EQ(VerdictJson(tests_->ComputeVerdict("films-2").value()), final);
}

TEST_F(TestsTest, ADamagedCheckpointIsNotUsed) {
  PlanAndStart();
  VisitAll(0, 200, 0.2, 0.3);
  const std::string before = VerdictJson(tests_->ComputeVerdict("films-2").value());
  Close();
  const std::string path = folder_ / "abtest/tests.checkpoint";
  std::string bytes = ReadWholeFile(RealDisk(), path).value();
  bytes[bytes.size() / 2] ^= 0x10;
  ASSERT_TRUE(WriteFileAtomically(RealDisk(), path, bytes).ok());
  Open();
  EXPECT_EQ(VerdictJson(tests_->ComputeVerdict("films-2").value()), before);
}

TEST_F(TestsTest, FeedbackToADecisionThatWasNeverLoggedIsCountedAndTakesNoPart) {
  PlanAndStart();
  VisitAll(0, 10, 0, 0);
  events::NewEvent event;
  event.type = "watch";
  event.unit = "u1";
  event.decision = NewUuid(clock_.Now());
  const events::NewRecord record = event;
  ASSERT_TRUE(events::AppendAndWait(store_->log(), std::span(&record, 1)).ok());
  clock_.Advance(std::chrono::seconds(11));
  VisitAll(10, 11, 0, 0);
  const VerdictReport report = tests_->ComputeVerdict("films-2").value();
  EXPECT_EQ(report.lost_feedback, 1U);
  EXPECT_EQ(report.feedback, 0U);
}

TEST_F(TestsTest, PlannedAndUnknownTestsHaveTheirAnswers) {
  Plan();
  const VerdictReport report = tests_->ComputeVerdict("films-2").value();
  EXPECT_EQ(report.decision.reason, "the test has not started");
  EXPECT_EQ(tests_->ComputeVerdict("nothing").status().code(), Code::kNotFound);
  EXPECT_EQ(tests_->RecomputeAt("films-2", events::Cut{1ULL << 60}).status().code(),
            Code::kOutOfRange);
}

TEST_F(TestsTest, ServesChoicesFromManyThreadsWhileTestsStartAndStop) {
  Plan();
  std::vector<std::jthread> callers;
  std::atomic<int> answers{0};
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&, t](const std::stop_token& stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        const std::string unit = "u" + std::to_string((i * 3 + t) % 500);
        const serving::RouteChoice choice = tests_->Choose("home", unit);
        EXPECT_EQ(choice.test.empty(), choice.arm.empty());
        tests_->Exposed("home", choice, unit, clock_.Now());
        ++answers;
      }
    });
  }
  ASSERT_TRUE(tests_->Start("films-2").ok());
  while (tests_->ComputeVerdict("films-2").value().arms[0].units < 100) {
    ASSERT_TRUE(tests_->Checkpoint().ok());
  }
  ASSERT_TRUE(tests_->Stop("films-2", "enough").ok());
  callers.clear();
  EXPECT_LE(CountExposures(), 500);
  EXPECT_GT(answers.load(), 0);
}

}  // namespace
}  // namespace hoego::abtest
