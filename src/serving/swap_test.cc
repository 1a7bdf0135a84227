#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "serving/internal/serving_fixture.h"

namespace hoego::serving {
namespace {

using testing::ServingTest;

class SwapTest : public ServingTest {
 protected:
  SwapTest() : ServingTest(3) {
    for (uint32_t v = 1; v <= 9; ++v) {
      registry_.AddVersion(testing::Version("films", v));
    }
  }
};

// Moves are numbered; move m puts version 1 + m mod 9 in charge. A request notes the last move that
// had ended before it began and the last that had begun when it ended: its version must belong to
// one of these or of those between.
TEST_F(SwapTest, WhileVersionsMoveEveryRequestIsAnsweredByOneThatWasCurrentMeanwhile) {
  const auto version_of = [](uint32_t move) { return 1 + move % 9; };
  PutHome();
  ASSERT_TRUE(Prepare(version_of(0)).ok());
  registry_.Move("films", "champion", version_of(0));
  serving_->RefreshReferences();
  std::atomic<uint32_t> begun{0};
  std::atomic<uint32_t> ended{0};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> answered{0};
  std::atomic<uint64_t> failed{0};
  std::atomic<uint64_t> stale{0};
  std::atomic<uint64_t> fell_back{0};
  std::vector<std::jthread> callers;
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&, t] {
      const std::string unit = "u" + std::to_string(t);
      while (!stop) {
        const uint32_t first = ended;
        serving_->Recommend(Ask(unit), [&](Result<RecommendAnswer> answer) {
          const uint32_t last = begun;
          failed += answer.ok() ? 0 : 1;
          bool was_current = false;
          for (uint32_t m = first; answer.ok() && m <= last; ++m) {
            was_current = was_current || answer->version == version_of(m);
          }
          stale += was_current ? 0 : 1;
          fell_back += answer.ok() && answer->fallback ? 1 : 0;
          ++answered;
        });
      }
    });
  }
  for (uint32_t move = 1; move <= 50; ++move) {
    ASSERT_TRUE(Prepare(version_of(move)).ok());
    begun = move;
    registry_.Move("films", "champion", version_of(move));
    serving_->RefreshReferences();
    ended = move;
    const uint64_t until = answered + 20;
    while (answered < until) {
      std::this_thread::yield();
    }
  }
  stop = true;
  callers.clear();
  EXPECT_EQ(failed, 0u);
  EXPECT_EQ(stale, 0u);
  EXPECT_EQ(fell_back, 0u);
  EXPECT_GE(answered, 1000u);
}

// The alias moved and the old version left after a request had asked the registry.
TEST_F(SwapTest, AVersionThatLeftBetweenTwoLooksIsAskedForAgain) {
  PutHome();
  ASSERT_TRUE(Prepare(2).ok());
  registry_.Move("films", "champion", 9);  // 9 is not loaded (any more)
  Break("blob:films9", Status::NotFound("gone"));
  registry_.after_resolve = [this] { registry_.Move("films", "champion", 2); };
  const auto answer = Recommend(Ask("u1"));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->version, 2u);
  EXPECT_FALSE(answer->fallback);
}

TEST_F(SwapTest, EventsAndAnswersAtTheSameTimeAreNeverStale) {
  PutHome();
  ASSERT_TRUE(Prepare(1).ok());
  std::atomic<uint64_t> stale{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const std::string unit = "u" + std::to_string(t);
        for (uint32_t i = 0; i + 1 < kItems; ++i) {
          const std::string item =
              "i" + std::to_string((i * 7 + static_cast<uint32_t>(t)) % kItems);
          store_.AddEvent(unit, "watch", item);
          serving_->Recommend(Ask(unit, kItems), [&](Result<RecommendAnswer> answer) {
            const auto ids = Ids(*answer);
            stale += static_cast<uint64_t>(std::count(ids.begin(), ids.end(), item));
            EXPECT_EQ(ids.size(), kItems - 1 - i);
          });
        }
      });
    }
  }
  EXPECT_EQ(stale, 0u);
}

}  // namespace
}  // namespace hoego::serving
