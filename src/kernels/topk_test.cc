#include "kernels/topk.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/internal/test_levels.h"

namespace hoego::kernels {
namespace {

using internal::AtEveryLevel;

// The twin: filter, sort all, cut.
template <class Keep>
std::vector<Ranked> BySorting(const std::vector<float>& scores, size_t k, const Keep& keep) {
  std::vector<Ranked> all;
  for (uint32_t i = 0; i < scores.size(); ++i) {
    if (scores[i] > -std::numeric_limits<float>::infinity() && keep(i)) {
      all.push_back({i, scores[i]});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Ranked& a, const Ranked& b) { return a.score > b.score; });
  if (all.size() > k) {
    all.resize(k);
  }
  return all;
}

bool Same(const std::vector<Ranked>& a, const std::vector<Ranked>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Ranked& x, const Ranked& y) {
    return x.index == y.index && x.score == y.score;
  });
}

RC_GTEST_PROP(TopKTest, EqualsTheHeadOfAFullSortAtEveryLevelWithTiesNanAndInfinities, ()) {
  const auto n = *rc::gen::inRange<size_t>(0, 1500);
  const auto k = *rc::gen::inRange<size_t>(0, 200);
  const auto distinct = *rc::gen::inRange<uint64_t>(1, 2000);  // few values: many ties
  const auto drop = *rc::gen::inRange<uint32_t>(1, 6);
  Rng rng(*rc::gen::arbitrary<uint64_t>());
  std::vector<float> scores(n);
  for (float& s : scores) {
    s = static_cast<float>(rng.Below(distinct)) - static_cast<float>(distinct) / 2;
    if (rng.Chance(0.02)) {
      s = std::numeric_limits<float>::quiet_NaN();
    } else if (rng.Chance(0.02)) {
      s = rng.Chance(0.5) ? std::numeric_limits<float>::infinity()
                          : -std::numeric_limits<float>::infinity();
    }
  }
  const auto keep = [&](uint32_t i) { return i % drop == 0; };
  const auto expected = BySorting(scores, k, keep);
  AtEveryLevel([&](const std::string& level) {
    RC_LOG() << level;
    RC_ASSERT(Same(TopK(scores, k, keep), expected));
  });
}

TEST(TopKTest, AscendingScoresTheWorstOrderGiveTheLastOnes) {
  std::vector<float> scores(100'000);
  for (size_t i = 0; i < scores.size(); ++i) {
    scores[i] = static_cast<float>(i);
  }
  AtEveryLevel([&](const std::string& level) {
    const auto best = TopK(scores, 3);
    ASSERT_EQ(best.size(), 3U) << level;
    EXPECT_EQ(best[0].index, 99'999U);
    EXPECT_EQ(best[2].index, 99'997U);
  });
}

TEST(TopKTest, NothingComesOfNothing) {
  EXPECT_TRUE(TopK({}, 10).empty());
  EXPECT_TRUE(TopK(std::vector<float>{1, 2}, 0).empty());
  EXPECT_TRUE(TopK(std::vector<float>{1, 2}, 5, [](uint32_t) { return false; }).empty());
}

TEST(TopKTest, AnAbsurdKCostsNoMemoryOfItsOwn) {
  EXPECT_EQ(TopK(std::vector<float>{1, 3, 2}, size_t{1} << 40).size(), 3U);
}

TEST(TopKTest, ThePredicateIsAskedOnlyOfEntriesThatCouldEnter) {
  std::vector<float> scores(10'000, 0.0F);
  for (size_t i = 0; i < 10; ++i) {
    scores[i] = 1.0F;
  }
  size_t asked = 0;
  EXPECT_EQ(TopK(scores, 10, [&](uint32_t) { return ++asked > 0; }).size(), 10U);
  EXPECT_LE(asked, 10U + 64U + 256U);
}

}  // namespace
}  // namespace hoego::kernels
