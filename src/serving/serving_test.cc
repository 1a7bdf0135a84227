#include "serving/serving.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "base/random.h"
#include "serving/internal/serving_fixture.h"
#include "serving/page_cursor.h"

namespace hoego::serving {
namespace {

using testing::FakeModel;
using testing::ServingTest;
using testing::Version;

TEST_F(ServingTest, AnAnswerHoldsTheBestItemsAndSaysWhereTheyCameFrom) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  const auto answer = Recommend(Ask("u1", 3));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  // Version 1 gives item i the score i mod 7; ties go to the lower index.
  EXPECT_EQ(Ids(*answer), (std::vector<std::string>{"i6", "i13", "i20"}));
  EXPECT_EQ(answer->items[2].position, 3u);
  EXPECT_EQ(answer->items[2].score, 6.0f);
  EXPECT_EQ(answer->items[2].propensity, 1.0f);
  EXPECT_EQ(answer->endpoint, "home");
  EXPECT_EQ(answer->route_revision, 1u);
  EXPECT_EQ(answer->model, "films");
  EXPECT_EQ(answer->version, 1u);
  EXPECT_FALSE(answer->fallback);
  EXPECT_TRUE(answer->logged);
  EXPECT_EQ(answer->decision_id.time(), clock_.Now());

  decisions_->Flush();
  ASSERT_EQ(store_.fake_log.decisions().size(), 1u);
  const auto decision = store_.fake_log.decisions()[0];
  EXPECT_EQ(decision.id, answer->decision_id);
  EXPECT_EQ(decision.endpoint, "home");
  EXPECT_EQ(decision.unit, "u1");
  EXPECT_EQ(decision.model, "films");
  EXPECT_EQ(decision.version, 1u);
  EXPECT_EQ(decision.revision, 1u);
  EXPECT_EQ(decision.candidates, kItems);
  ASSERT_EQ(decision.items.size(), 3u);
  EXPECT_EQ(decision.items[1].item, *store_.FindItem("i13"));
}

TEST_F(ServingTest, AnEventCountsInTheNextAnswer) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  EXPECT_EQ(Ids(*Recommend(Ask("u1", 1))), (std::vector<std::string>{"i6"}));
  store_.AddEvent("u1", "watch", "i6");
  // i6 was seen; its neighbours i5 and i7 gained 1/2, i13 gained 1/8.
  const auto answer = Recommend(Ask("u1", 2));
  EXPECT_EQ(Ids(*answer), (std::vector<std::string>{"i13", "i20"}));
  EXPECT_FLOAT_EQ(answer->items[0].score, 6.0f + 1.0f / 8);
}

TEST_F(ServingTest, TheSameModelAnswersWithAndWithoutAnEventToTheBit) {
  PutHome(R"({"model":"films/1","filters":{"seen":"allow"},"deadline_ms":60000})");
  ASSERT_TRUE(Prepare(1).ok());
  store_.AddEvent("with", "watch", "i3");
  for (const auto& [unit, history] :
       {std::pair<std::string, std::vector<models::Interaction>>{"with", {{3, 1.0f}}},
        {"without", {}}}) {
    std::vector<float> scores(kItems);
    models_->Acquire("films", 1)->scorer->Score(history, scores);
    const auto answer = Recommend(Ask(unit, kItems));
    ASSERT_EQ(answer->items.size(), kItems);
    for (const auto& item : answer->items) {
      const auto index = static_cast<size_t>(std::stoi(item.item.substr(1)));
      EXPECT_EQ(item.score, scores[index]);
    }
  }
}

TEST_F(ServingTest, SeenItemsComeWhenTheEndpointAllowsThem) {
  PutHome(R"({"model":"films/1","filters":{"seen":"allow"},"deadline_ms":60000})");
  ASSERT_TRUE(Prepare(1).ok());
  store_.AddEvent("u1", "watch", "i6");
  EXPECT_EQ(Ids(*Recommend(Ask("u1", 1))), (std::vector<std::string>{"i6"}));
}

TEST_F(ServingTest, TheRequestsRulesAndTheEndpointsBothHold) {
  store_.Change("i6", {"drama"});
  store_.Change("i13", {"drama", "old"});
  store_.Change("i20", {"drama"}, true);
  store_.Change("i27", {"drama", "old"}, false, false, clock_.Now());
  store_.Change("i5", {"drama", "old"});
  store_.Change("i12", {"old"});
  PutHome(
      R"({"model":"films/1","filters":{"categories":["drama","unheard of"]},"deadline_ms":60000})");
  ASSERT_TRUE(Prepare(1).ok());
  EXPECT_EQ(Ids(*Recommend(Ask("u1"))), (std::vector<std::string>{"i6", "i13", "i5"}));
  auto request = Ask("u1");
  request.categories = {"old"};
  EXPECT_EQ(Ids(*Recommend(request)), (std::vector<std::string>{"i13", "i5"}));
  request.exclude = {"i13", "never met"};
  EXPECT_EQ(Ids(*Recommend(request)), (std::vector<std::string>{"i5"}));
  request.exclude = {};
  request.candidates = {"i13", "i12", "never met"};
  EXPECT_EQ(Ids(*Recommend(request)), (std::vector<std::string>{"i13"}));
  request.candidates = {};
  request.categories = {"nobody made it"};
  EXPECT_TRUE(Recommend(request)->items.empty());
  EXPECT_EQ(Recommend(request)->page, "");
}

TEST_F(ServingTest, AWrongRequestIsRefusedByTheNameOfItsField) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  const auto message = [this](const RecommendRequest& r) {
    return std::string(Recommend(r).status().message());
  };
  auto r = Ask("u1", 0);
  EXPECT_EQ(message(r), "n: expected 1..1000, got 0");
  EXPECT_EQ(message(Ask("u1", 1001)), "n: expected 1..1000, got 1001");
  EXPECT_EQ(message(Ask("")), "unit: expected 1..512 bytes, got 0");
  r = Ask("u1");
  r.context = "[1]";
  EXPECT_EQ(message(r), "context: expected an object, got array");
  const std::string large = R"({"a":")" + std::string(4096, 'x') + R"("})";
  r.context = large;
  EXPECT_EQ(message(r), "context: expected at most 4096 bytes, got 4104");
  r = Ask("u1");
  r.exclude.assign(10'001, "i1");
  EXPECT_EQ(message(r), "exclude: expected at most 10000 entries, got 10001");
  r = Ask("u1");
  r.page = "nonsense";
  EXPECT_EQ(message(r), "page: expected the \"page\" of an earlier answer, as it was");
  r = Ask("u1");
  r.deadline = std::chrono::milliseconds(0);
  EXPECT_EQ(message(r), "deadline: expected at least 1 ms, got 0");
  r = Ask("u1");
  r.endpoint = "hame";
  EXPECT_EQ(Recommend(r).status().ToString(),
            "not_found: no endpoint \"hame\", did you mean \"home\"?");
}

TEST_F(ServingTest, PagesGoThroughAllItemsOnce) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  std::vector<std::string> all = Ids(*Recommend(Ask("u1", kItems)));
  std::vector<std::string> paged;
  std::string page;
  do {
    auto request = Ask("u1", 7);
    request.page = page;
    const auto answer = Recommend(request);
    ASSERT_TRUE(answer.ok()) << answer.status().ToString();
    for (const auto& id : Ids(*answer)) {
      paged.push_back(id);
    }
    page = answer->page;
    ASSERT_LE(paged.size(), kItems);
  } while (!page.empty());
  EXPECT_EQ(paged, all);
}

TEST_F(ServingTest, PagesNeverRepeatAnItemWhateverHappensMeanwhile) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  ASSERT_TRUE(Prepare(2).ok());
  Rng rng(3);
  for (int round = 0; round < 50; ++round) {
    const std::string unit = "u" + std::to_string(round);
    std::set<std::string> met;
    std::string page;
    do {
      auto request = Ask(unit, static_cast<uint32_t>(1 + rng.Below(5)));
      request.page = page;
      const auto answer = Recommend(request);
      ASSERT_TRUE(answer.ok());
      for (const auto& id : Ids(*answer)) {
        EXPECT_TRUE(met.insert(id).second) << id << " came twice";
      }
      ASSERT_FALSE(HasFailure());
      page = answer->page;
      if (rng.Chance(0.5)) {
        store_.AddEvent(unit, "watch", "i" + std::to_string(rng.Below(kItems)));
      }
      if (rng.Chance(0.5)) {
        registry_.Move("films", "champion", static_cast<uint32_t>(1 + rng.Below(2)));
      }
      if (rng.Chance(0.2)) {
        store_.Change("i" + std::to_string(rng.Below(kItems)), {}, rng.Chance(0.5));
      }
    } while (!page.empty());
  }
}

TEST_F(ServingTest, PagesBeyondTheLimitAreRefusedByName) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  PageCursor cursor;
  for (uint32_t i = 0; i < PageCursor::kMaxShown - 5; ++i) {
    cursor.shown.emplace_back(i);
  }
  const std::string page = cursor.Encode("home", "u1");
  auto request = Ask("u1", 6);
  request.page = page;
  const auto answer = Recommend(request);
  EXPECT_EQ(answer.status().code(), Code::kOutOfRange);
  EXPECT_EQ(answer.status().message(),
            "page: 4995 items were shown, 6 more would pass the limit of 5000: begin again without "
            "page");
  request.n = 5;
  EXPECT_TRUE(Recommend(request).ok());
}

TEST_F(ServingTest, TheRoutersArmAnswersAndTheUnitIsExposed) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  ASSERT_TRUE(Prepare(2).ok());
  router_.choose = [](std::string_view endpoint, std::string_view unit) {
    EXPECT_EQ(endpoint, "home");
    return unit == "u2" ? RouteChoice{"t1", "b", "films/2", 0.5, 9} : RouteChoice{};
  };
  EXPECT_EQ(Recommend(Ask("u1"))->version, 1u);
  const auto answer = Recommend(Ask("u2"));
  EXPECT_EQ(answer->version, 2u);
  EXPECT_EQ(answer->test, "t1");
  EXPECT_EQ(answer->arm, "b");
  EXPECT_EQ(answer->route_revision, 9u);
  decisions_->Flush();
  EXPECT_EQ(store_.fake_log.decisions()[1].test, "t1");
  EXPECT_EQ(store_.fake_log.decisions()[1].arm, "b");
  EXPECT_EQ(router_.exposures(), (std::vector<std::string>{"home t1 b u2"}));
}

TEST_F(ServingTest, DurableAnswersWaitForTheCommitAndSayWhenThereIsNone) {
  PutHome(R"({"model":"films/1","decisions":"durable","deadline_ms":60000})");
  ASSERT_TRUE(Prepare(1).ok());
  store_.fake_log.Hold(true);
  std::promise<Result<RecommendAnswer>> told;
  auto future = told.get_future();
  serving_->Recommend(Ask("u1"),
                      [&told](Result<RecommendAnswer> a) { told.set_value(std::move(a)); });
  store_.fake_log.WaitForAppends(1);
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  store_.fake_log.Hold(false);
  const auto answer = future.get();
  ASSERT_TRUE(answer.ok());
  EXPECT_TRUE(answer->logged);
  ASSERT_EQ(store_.fake_log.decisions().size(), 1u);
  EXPECT_EQ(store_.fake_log.decisions()[0].id, answer->decision_id);

  store_.fake_log.Break(Status::Unavailable("fsync failed"));
  const auto unlogged = Recommend(Ask("u1"));
  ASSERT_TRUE(unlogged.ok()) << "an answer does not fail for want of its record";
  EXPECT_FALSE(unlogged->logged);
}

class FullQueueTest : public ServingTest {
 protected:
  static DecisionLogOptions Small() {
    DecisionLogOptions options;
    options.max_queued = 1;
    options.max_batch = 1;
    return options;
  }
  FullQueueTest() : ServingTest(4, Small()) {}
};

TEST_F(FullQueueTest, AnAnswerWhoseDecisionDoesNotFitSaysSoAndIsCounted) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  store_.fake_log.Hold(true);
  EXPECT_TRUE(Recommend(Ask("u1"))->logged);
  store_.fake_log.WaitForAppends(1);
  EXPECT_TRUE(Recommend(Ask("u2"))->logged);
  const auto answer = Recommend(Ask("u3"));
  EXPECT_FALSE(answer->logged);
  EXPECT_FALSE(answer->items.empty());
  EXPECT_EQ(metrics_.counter("hoego_decisions_lost_total", "", {{"reason", "full"}}).value(), 1u);
  store_.fake_log.Hold(false);
}

TEST_F(ServingTest, ContributionsAndTheRestAddUpToTheScoreOfTheAnswer) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  for (const char* item : {"i1", "i9", "i9", "i20"}) {
    store_.AddEvent("u1", "watch", item);
  }
  const auto answer = Recommend(Ask("u1", 5));
  for (const auto& item : answer->items) {
    const auto why = serving_->Explain("home", "u1", item.item);
    ASSERT_TRUE(why.ok());
    EXPECT_EQ(why->version, 1u);
    double sum = why->rest;
    double last = std::numeric_limits<double>::infinity();
    for (const auto& c : why->contributions) {
      sum += c.value;
      EXPECT_LE(std::abs(c.value), last);
      last = std::abs(c.value);
    }
    EXPECT_EQ(why->contributions.size(), 3u);
    EXPECT_NEAR(sum, why->score, 1e-4);
    EXPECT_NEAR(static_cast<double>(item.score), why->score, 1e-4);
  }
  EXPECT_EQ(serving_->Explain("home", "u1", "never met").status().code(), Code::kNotFound);
  store_.AddItem("the model does not know it");
  EXPECT_EQ(serving_->Explain("home", "u1", "the model does not know it").status().message(),
            "films/1 does not know the item \"the model does not know it\"");
  EXPECT_TRUE(serving_->Explain("home", "never met", "i3")->contributions.empty());
}

TEST_F(ServingTest, SimilarItemsLeaveOutWhatIsHiddenAndLookFurther) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  for (uint32_t i = 11; i < kItems; ++i) {
    store_.Change("i" + std::to_string(i), {}, true);
  }
  const auto near = serving_->Similar("home", "i12", 10);
  ASSERT_TRUE(near.ok());
  ASSERT_EQ(near->items.size(), 10u);
  EXPECT_EQ(near->items[0].item, "i10");
  EXPECT_EQ(near->items[9].item, "i1");
  EXPECT_EQ(near->version, 1u);
  EXPECT_EQ(serving_->Similar("home", "never met", 3).status().code(), Code::kNotFound);
  EXPECT_EQ(serving_->Similar("home", "i1", 0).status().code(), Code::kInvalidArgument);
}

// Counts calls into the log's tables and its reader: what a request costs beyond its own unit's
// history.
TEST_F(ServingTest, TheWorkOfARequestDoesNotGrowWithTheLog) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  store_.AddEvent("u1", "watch", "i3");
  ASSERT_TRUE(Recommend(Ask("u1")).ok());
  const auto calls_of_one = [this] {
    const uint64_t before = store_.calls;
    EXPECT_TRUE(Recommend(Ask("u1")).ok());
    return store_.calls - before;
  };
  const uint64_t reads = store_.history_reads;
  const int scored_before = scored("blob:films1");
  const uint64_t small = calls_of_one();
  for (int i = 0; i < 5'000; ++i) {
    store_.AddEvent("other" + std::to_string(i % 500), "watch", "i" + std::to_string(i % kItems));
  }
  EXPECT_EQ(calls_of_one(), small);
  EXPECT_EQ(store_.history_reads - reads, 2u);
  EXPECT_EQ(scored("blob:films1") - scored_before, 2);
}

TEST_F(ServingTest, FiguresAreKeptByEndpointAndVersion) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  store_.AddEvent("u1", "watch", "i3");
  store_.AddEvent("u1", "watch", "i4");
  ASSERT_TRUE(Recommend(Ask("u1")).ok());
  ASSERT_TRUE(Recommend(Ask("nobody")).ok());
  EXPECT_EQ(metrics_
                .histogram("hoego_recommend_duration_seconds", "",
                           {{"endpoint", "home"}, {"model", "films"}, {"version", "1"}})
                .count(),
            2u);
  EXPECT_EQ(
      metrics_.counter("hoego_recommend_folded_items_total", "", {{"endpoint", "home"}}).value(),
      2u);
  EXPECT_FALSE(Recommend(Ask("u1", 0)).ok());
  EXPECT_EQ(metrics_
                .counter("hoego_recommend_errors_total", "",
                         {{"endpoint", "home"}, {"code", "invalid_argument"}})
                .value(),
            1u);
}

}  // namespace
}  // namespace hoego::serving
