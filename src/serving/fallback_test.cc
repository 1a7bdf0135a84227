#include <gtest/gtest.h>

#include "serving/internal/serving_fixture.h"

namespace hoego::serving {
namespace {

using std::chrono::milliseconds;
using testing::ServingTest;

constexpr const char* kWithPopular =
    R"({"model":"films@champion","fallback":["popular"],"deadline_ms":20})";

TEST_F(ServingTest, AVersionOnItsWayIsReplacedByTheOneThatAnsweredLast) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  EXPECT_FALSE(Recommend(Ask("u1"))->fallback);
  Break("blob:films2", Status::DataLoss("wrong digest"));
  registry_.Move("films", "champion", 2);
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->version, 1u);
  EXPECT_TRUE(answer->fallback);
  EXPECT_EQ(answer->fallback_reason, "films/2 is not loaded");
  EXPECT_EQ(fallbacks("not_loaded"), 1u);
}

TEST_F(ServingTest, TheFallbackListIsWalkedInOrder) {
  registry_.AddVersion(testing::Version("books", 3));
  store_.AddEvent("someone", "watch", "i8");
  PutHome(R"({"model":"films@nobody","fallback":["books/3","popular"],"deadline_ms":60000})");
  Break("blob:books3", Status::NotFound("gone"));
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->model, "popular");
  EXPECT_EQ(answer->version, 0u);
  EXPECT_TRUE(answer->fallback);
  EXPECT_EQ(Ids(*answer), (std::vector<std::string>{"i8"}));
  EXPECT_EQ(answer->fallback_reason, "no alias of films");
}

TEST_F(ServingTest, AUnitNobodyKnowsGetsTheFallbackWhenTheModelScoresAllAlike) {
  registry_.AddVersion(testing::Version("films", 7));
  ASSERT_TRUE(Prepare(7).ok());  // (i * 7) mod 7: nothing to tell items apart but a history
  registry_.Move("films", "champion", 7);
  for (const char* item : {"i4", "i4", "i2"}) {
    store_.AddEvent("someone", "watch", item);
  }
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  PutHome(R"({"model":"films@champion","fallback":["popular"],"deadline_ms":60000})");
  auto answer = Recommend(Ask("new", 2));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(answer->model, "popular");
  EXPECT_TRUE(answer->fallback);
  EXPECT_EQ(answer->fallback_reason, "films/7 knows nothing of this unit");
  EXPECT_EQ(Ids(*answer), (std::vector<std::string>{"i4", "i2"}));
  EXPECT_EQ(fallbacks("unknown_unit"), 1u);
  // With fewer items to offer than the model it is no help.
  answer = Recommend(Ask("new", 3));
  EXPECT_EQ(answer->version, 7u);
  EXPECT_FALSE(answer->fallback);
  EXPECT_EQ(Ids(*answer).size(), 3u);
  // One event, and the model knows more than nothing.
  store_.AddEvent("new", "watch", "i9");
  answer = Recommend(Ask("new", 2));
  EXPECT_EQ(answer->version, 7u);
  EXPECT_FALSE(answer->fallback);
}

TEST_F(ServingTest, WithoutAnyoneWhoCanAnswerTheReasonIsTold) {
  PutHome(R"({"model":"films@nobody","deadline_ms":60000})");
  const auto answer = Recommend(Ask("u1"));
  EXPECT_EQ(answer.status().code(), Code::kNotFound);
  EXPECT_EQ(answer.status().message(), "no alias of films");
}

TEST_F(ServingTest, PopularNeedsNoModelAndFollowsTheRules) {
  PutHome(R"({"model":"popular"})");
  for (const char* item : {"i4", "i4", "i4", "i2", "i2", "i9"}) {
    store_.AddEvent("someone", "watch", item);
  }
  store_.AddEvent("u1", "watch", "i2");
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok()) << answer.status().ToString();
  EXPECT_EQ(Ids(*answer), (std::vector<std::string>{"i4", "i9"}));
  EXPECT_FALSE(answer->fallback);
  EXPECT_FLOAT_EQ(answer->items[0].score, 3.0f);
  const auto why = serving_->Explain("home", "u1", "i4");
  EXPECT_NEAR(why->score, 3.0, 1e-6);
  EXPECT_EQ(why->rest, why->score);
}

TEST_F(ServingTest, AModelThatMissesTheDeadlineIsReplaced) {
  store_.AddEvent("someone", "watch", "i8");
  PutHome(kWithPopular);
  ASSERT_TRUE(Prepare(1).ok());
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  OnScore("blob:films1", [this] { clock_.Advance(milliseconds(21)); });
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->model, "popular");
  EXPECT_TRUE(answer->fallback);
  EXPECT_EQ(fallbacks("deadline"), 1u);
  OnScore("blob:films1", nullptr);
  EXPECT_EQ(Recommend(Ask("u1"))->model, "films") << "one slow answer does not condemn a model";
}

TEST_F(ServingTest, AModelKnownToBeTooSlowIsNotAskedUntilItsTurnComesAgain) {
  store_.AddEvent("someone", "watch", "i8");
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  OnScore("blob:films1", [this] { clock_.Advance(milliseconds(40)); });
  ASSERT_TRUE(Prepare(1).ok());  // its warm-up shows what it takes
  PutHome(kWithPopular);
  const int asked = scored("blob:films1");
  EXPECT_EQ(Recommend(Ask("u1"))->model, "popular");
  EXPECT_EQ(scored("blob:films1"), asked) << "the estimate forbade it";
  // Turned away 11 times its estimate fell below 20 ms: 40 * (15/16)^11 = 19.7.
  OnScore("blob:films1", nullptr);
  int turned_away = 1;
  while (Recommend(Ask("u1"))->model == "popular") {
    ASSERT_LT(++turned_away, 20);
  }
  EXPECT_EQ(turned_away, 11);
}

TEST_F(ServingTest, ARequestsDeadlineMayOnlyShortenTheEndpoints) {
  store_.AddEvent("someone", "watch", "i8");
  PutHome(kWithPopular);
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  OnScore("blob:films1", [this] { clock_.Advance(milliseconds(10)); });
  ASSERT_TRUE(Prepare(1).ok());
  auto request = Ask("u1");
  EXPECT_EQ(Recommend(request)->model, "films");
  request.deadline = milliseconds(5);
  EXPECT_EQ(Recommend(request)->model, "popular");
  OnScore("blob:films1", [this] { clock_.Advance(milliseconds(21)); });
  request.deadline = milliseconds(1000);
  EXPECT_EQ(Recommend(request)->model, "popular");
}

TEST_F(ServingTest, TimeSpentBeforeTheRequestCameHereCounts) {
  store_.AddEvent("someone", "watch", "i8");
  PutHome(kWithPopular);
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  ASSERT_TRUE(Prepare(1).ok());
  auto request = Ask("u1");
  request.arrived = clock_.Monotonic();
  clock_.Advance(milliseconds(21));
  EXPECT_EQ(Recommend(request)->model, "popular");
}

TEST_F(ServingTest, WithNothingToFallBackToAnAnswerComesLateRatherThanNotAtAll) {
  PutHome(R"({"model":"films@champion","deadline_ms":20})");
  OnScore("blob:films1", [this] { clock_.Advance(milliseconds(40)); });
  ASSERT_TRUE(Prepare(1).ok());
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->version, 1u);
  EXPECT_FALSE(answer->fallback);
  EXPECT_EQ(metrics_.counter("hoego_recommend_late_total", "", {{"endpoint", "home"}}).value(), 1u);
}

TEST_F(ServingTest, AModelWhoseScoresStopBeingNumbersIsReplaced) {
  store_.AddEvent("someone", "watch", "i8");
  PutHome(R"({"model":"films@champion","fallback":["popular"],"deadline_ms":60000})");
  ASSERT_TRUE(popular_->WaitUntil(store_.fake_log.end()));
  ASSERT_TRUE(Prepare(1).ok());
  Spoil("blob:films1");
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->model, "popular");
  EXPECT_EQ(answer->fallback_reason, "films/1 gave scores that are not finite");
  EXPECT_EQ(fallbacks("failed"), 1u);
}

TEST_F(ServingTest, EndpointsAndArmsKeepTheirVersionsLoaded) {
  PutHome();
  const auto loaded = [this](uint32_t version) {
    return models_->Acquire("films", version) != nullptr;
  };
  while (!loaded(1)) {  // the endpoint names it
    std::this_thread::yield();
  }
  EXPECT_FALSE(loaded(2));
  serving_->SetArms({"films/2"});
  while (!loaded(2)) {
    std::this_thread::yield();
  }
  registry_.Move("films", "champion", 2);
  serving_->SetArms({});
  for (const auto& status : models_->statuses()) {
    EXPECT_EQ(status.referenced, status.version == 2);
  }
}

}  // namespace
}  // namespace hoego::serving
