#include "serving/popularity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "serving/internal/fake_log.h"

namespace hoego::serving {
namespace {

using std::chrono::hours;
using testing::FakeLog;

class PopularityTest : public ::testing::Test {
 protected:
  void Start() {
    popularity_ = std::make_unique<Popularity>(log_, clock_, metrics_, Popularity::Options{});
    ASSERT_TRUE(popularity_->WaitUntil(log_.end()));
  }
  std::vector<float> Scores() {
    std::vector<float> scores(popularity_->size());
    popularity_->Score(scores);
    return scores;
  }
  void Add(uint32_t item, hours ago) {
    const Time now = clock_.Now();
    log_.Add(events::ItemKey(item), now - ago, now - ago);
  }

  FakeLog log_;
  FakeClock clock_{FromUnixMillis(1'700'000'000'000)};
  Metrics metrics_;
  std::unique_ptr<Popularity> popularity_;
};

TEST_F(PopularityTest, AnEventCountsHalfAfterAWeek) {
  Add(0, hours(24 * 7));
  Add(1, hours(0));
  Add(1, hours(24 * 14));
  Add(3, hours(24 * 7));
  Start();
  const auto scores = Scores();
  ASSERT_EQ(scores.size(), 4u);
  EXPECT_NEAR(scores[0], 0.5, 1e-6);
  EXPECT_NEAR(scores[1], 1.25, 1e-6);
  EXPECT_EQ(scores[2], 0);
  EXPECT_NEAR(scores[3], 0.5, 1e-6);
}

TEST_F(PopularityTest, NewEventsCountAtOnceAndOldOnesOutsideTheWindowNever) {
  Add(0, hours(24 * 31));
  Start();
  EXPECT_EQ(popularity_->size(), 0u);
  Add(2, hours(0));
  ASSERT_TRUE(popularity_->WaitUntil(log_.end()));
  EXPECT_NEAR(Scores()[2], 1, 1e-6);
}

TEST_F(PopularityTest, AClockAheadMakesNoEventCountForMore) {
  log_.Add(events::ItemKey(0), clock_.Now() + hours(24 * 365), clock_.Now());
  Start();
  EXPECT_NEAR(Scores()[0], 1, 1e-6);
}

// The twin: add 2^(-age/half life) over all events, from scratch.
TEST_F(PopularityTest, YearsOfEventsGiveWhatAddingFromScratchGives) {
  Start();
  Rng rng(7);
  std::vector<std::pair<uint32_t, Time>> events;
  for (int week = 0; week < 200; ++week) {
    for (int i = 0; i < 20; ++i) {
      const auto item = static_cast<uint32_t>(rng.Below(30));
      events.emplace_back(item, clock_.Now());
      log_.Add(events::ItemKey(item), clock_.Now(), clock_.Now());
    }
    clock_.Advance(hours(24 * 7));
  }
  ASSERT_TRUE(popularity_->WaitUntil(log_.end()));
  std::vector<double> expected(30);
  for (const auto& [item, at] : events) {
    const double weeks =
        std::chrono::duration<double, std::ratio<604800>>(clock_.Now() - at).count();
    expected[item] += std::exp2(-weeks);
  }
  const auto scores = Scores();
  ASSERT_EQ(scores.size(), 30u);
  for (size_t i = 0; i < 30; ++i) {
    EXPECT_NEAR(scores[i], expected[i], 1e-5 * (1 + expected[i]));
  }
}

TEST_F(PopularityTest, ItemsOfSeveralChunksAreCounted) {
  Add(200'000, hours(0));
  Add(5, hours(0));
  Start();
  const auto scores = Scores();
  ASSERT_EQ(scores.size(), 200'001u);
  EXPECT_NEAR(scores[200'000], 1, 1e-6);
  EXPECT_NEAR(scores[5], 1, 1e-6);
  EXPECT_EQ(scores[100'000], 0);
}

TEST_F(PopularityTest, WhoWaitsIsToldThatItStopped) {
  Start();
  popularity_.reset();
}

}  // namespace
}  // namespace hoego::serving
