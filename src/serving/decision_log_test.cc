#include "serving/decision_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/random.h"
#include "serving/internal/fake_log.h"

namespace hoego::serving {
namespace {

using testing::FakeLog;

class RecordingRouter final : public Router {
 public:
  RouteChoice Choose(std::string_view, std::string_view) const override { return {}; }
  void Exposed(std::string_view endpoint, const RouteChoice& choice, std::string_view unit,
               Time) override {
    exposures.push_back(fmt::format("{} {} {} {}", endpoint, choice.test, choice.arm, unit));
  }
  std::vector<std::string> exposures;  // by the writer thread; read after Flush
};

class DecisionLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<DecisionLog> Make(DecisionLogOptions options = {}) {
    return std::make_unique<DecisionLog>(log_, &router_, metrics_, options);
  }
  Decision Make(const std::string& unit, const std::string& test = "") {
    Decision d;
    d.id = Uuid::V7(FromUnixMillis(1'000), rng_);
    d.endpoint = "home";
    d.unit = unit;
    d.choice.test = test;
    d.choice.arm = test.empty() ? "" : "b";
    d.choice.revision = 7;
    d.model = "films";
    d.version = 2;
    d.candidates = 50;
    d.items = {{events::ItemKey(4), 0.5f, 1.0f}};
    return d;
  }
  uint64_t lost(const std::string& reason) {
    return metrics_.counter("hoego_decisions_lost_total", "", {{"reason", reason}}).value();
  }

  Rng rng_{1};
  FakeLog log_;
  RecordingRouter router_;
  Metrics metrics_;
};

TEST_F(DecisionLogTest, WhatIsQueuedIsWrittenAsItWas) {
  const auto decisions = Make();
  const Decision d = Make("u1", "t1");
  ASSERT_TRUE(decisions->TryLog(d));
  decisions->Flush();
  ASSERT_EQ(log_.decisions().size(), 1u);
  const auto kept = log_.decisions().front();
  EXPECT_EQ(kept.id, d.id);
  EXPECT_EQ(kept.unit, "u1");
  EXPECT_EQ(kept.test, "t1");
  EXPECT_EQ(kept.arm, "b");
  EXPECT_EQ(kept.revision, 7u);
  EXPECT_EQ(kept.model, "films");
  EXPECT_EQ(kept.version, 2u);
  EXPECT_EQ(kept.candidates, 50u);
  ASSERT_EQ(kept.items.size(), 1u);
  EXPECT_EQ(kept.items[0].item, events::ItemKey(4));
}

TEST_F(DecisionLogTest, AFullQueueSaysNoAndCountsIt) {
  DecisionLogOptions options;
  options.max_queued = 2;
  options.max_batch = 1;
  const auto decisions = Make(options);
  log_.Hold(true);
  ASSERT_TRUE(decisions->TryLog(Make("u0")));
  log_.WaitForAppends(1);  // the writer waits in the log with u0
  EXPECT_TRUE(decisions->TryLog(Make("u1")));
  EXPECT_TRUE(decisions->TryLog(Make("u2")));
  EXPECT_FALSE(decisions->TryLog(Make("u3")));
  EXPECT_EQ(lost("full"), 1u);
  bool told = true;
  decisions->LogDurably(Make("u4"), [&told](bool logged) { told = logged; });
  EXPECT_FALSE(told) << "at once, on this thread";
  EXPECT_EQ(lost("full"), 2u);
  log_.Hold(false);
  decisions->Flush();
  EXPECT_EQ(log_.decisions().size(), 3u);
}

TEST_F(DecisionLogTest, TheQueueIsBoundedInBytesToo) {
  DecisionLogOptions options;
  options.max_queued_bytes = 100'000;
  options.max_batch = 1;
  const auto decisions = Make(options);
  log_.Hold(true);
  ASSERT_TRUE(decisions->TryLog(Make("u0")));
  log_.WaitForAppends(1);
  Decision large = Make("u1");
  large.items.resize(10'000);
  EXPECT_FALSE(decisions->TryLog(large));
  log_.Hold(false);
}

TEST_F(DecisionLogTest, ManyDecisionsShareAnAppend) {
  DecisionLogOptions options;
  options.max_batch = 1000;
  const auto decisions = Make(options);
  log_.Hold(true);
  ASSERT_TRUE(decisions->TryLog(Make("first")));
  log_.WaitForAppends(1);
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(decisions->TryLog(Make("u")));
  }
  log_.Hold(false);
  decisions->Flush();
  EXPECT_EQ(log_.decisions().size(), 501u);
  EXPECT_EQ(log_.appends(), 2u);
}

TEST_F(DecisionLogTest, ADurableDecisionIsToldAfterTheCommitAndNotBefore) {
  const auto decisions = Make();
  log_.Hold(true);
  std::promise<bool> told;
  auto future = told.get_future();
  decisions->LogDurably(Make("u1"), [&told](bool logged) { told.set_value(logged); });
  log_.WaitForAppends(1);
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  log_.Hold(false);
  EXPECT_TRUE(future.get());
  EXPECT_EQ(log_.decisions().size(), 1u);
}

TEST_F(DecisionLogTest, WhatTheLogRefusesIsCountedAndTheNextAnswersSayNotLogged) {
  const auto decisions = Make();
  log_.Break(Status::Unavailable("fsync failed"));
  EXPECT_TRUE(decisions->TryLog(Make("u1")));
  decisions->Flush();
  EXPECT_EQ(lost("log"), 1u);
  EXPECT_FALSE(decisions->TryLog(Make("u2")));
  EXPECT_EQ(lost("log"), 2u);
  log_.Break({});
  EXPECT_TRUE(decisions->TryLog(Make("u3")));
  decisions->Flush();
  EXPECT_EQ(log_.decisions().size(), 1u);
}

TEST_F(DecisionLogTest, AUnitIsExposedOnceItsDecisionIsInTheLogAndOnlyUnderATest) {
  const auto decisions = Make();
  ASSERT_TRUE(decisions->TryLog(Make("u1")));
  ASSERT_TRUE(decisions->TryLog(Make("u2", "t1")));
  decisions->Flush();
  log_.Break(Status::Unavailable("no"));
  ASSERT_TRUE(decisions->TryLog(Make("u3", "t1")));
  decisions->Flush();
  EXPECT_EQ(router_.exposures, (std::vector<std::string>{"home t1 b u2"}));
}

TEST_F(DecisionLogTest, StoppingWritesWhatIsQueued) {
  DecisionLogOptions options;
  options.max_wait = std::chrono::milliseconds(100);
  auto decisions = Make(options);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(decisions->TryLog(Make("u")));
  }
  decisions.reset();
  EXPECT_EQ(log_.decisions().size(), 100u);
}

TEST_F(DecisionLogTest, ManyThreadsLoseNothing) {
  const auto decisions = Make();
  std::atomic<int> durable{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        Rng rng(static_cast<uint64_t>(t));
        for (int i = 0; i < 500; ++i) {
          Decision d;
          d.id = Uuid::V7(FromUnixMillis(1), rng);
          d.unit = "u";
          if (i % 10 == 0) {
            decisions->LogDurably(std::move(d), [&durable](bool logged) { durable += logged; });
          } else {
            EXPECT_TRUE(decisions->TryLog(std::move(d)));
          }
        }
      });
    }
  }
  decisions->Flush();
  EXPECT_EQ(log_.decisions().size(), 2000u);
  EXPECT_EQ(durable, 200);
}

TEST_F(DecisionLogTest, OptionsOutOfRangeAreNamed) {
  DecisionLogOptions options;
  options.max_queued = 0;
  EXPECT_NE(options.Validate().message().find("max_queued"), std::string_view::npos);
  options = {};
  options.max_wait = std::chrono::milliseconds(101);
  EXPECT_NE(options.Validate().message().find("max_wait"), std::string_view::npos);
}

}  // namespace
}  // namespace hoego::serving
