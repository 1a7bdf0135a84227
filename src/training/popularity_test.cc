#include "training/popularity.h"

#include <gtest/gtest.h>

#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

using internal::CsrOf;
using internal::FitWith;
using internal::ItemNames;
using internal::ScoresOf;

constexpr int64_t kDay = 86'400'000;

TEST(PopularityTest, WithoutAHalfLifePositiveWeightsAreAdded) {
  const kernels::Csr train = CsrOf(3, {{{0, 1}, {1, 2}}, {{0, 1}, {1, -7}, {2, 0.5F}}});
  const auto names = ItemNames(3);
  const auto model = FitWith("popularity", {}, FitInput{train, names});
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(ScoresOf(**model, {}), (std::vector<float>{2, 2, 0.5F}));
}

TEST(PopularityTest, AnEventOneHalfLifeOldCountsHalfAndOneOfTheFutureCountsWhole) {
  const kernels::Csr train = CsrOf(4, {{{0, 1}, {1, 1}, {2, 4}, {3, 1}}});
  const auto names = ItemNames(4);
  const std::vector<int64_t> times = {100 * kDay, 93 * kDay, 86 * kDay, 101 * kDay};
  const FitInput input{train, names, &times, 100 * kDay};
  const auto model = FitWith("popularity", {"half_life=7d"}, input);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_EQ(ScoresOf(**model, {}), (std::vector<float>{1, 0.5F, 1, 1}));
}

TEST(PopularityTest, AHalfLifeWithoutTimesIsRefused) {
  const kernels::Csr train = CsrOf(1, {{{0, 1}}});
  const auto names = ItemNames(1);
  const auto model = FitWith("popularity", {"half_life=1d"}, FitInput{train, names});
  EXPECT_EQ(model.status().code(), Code::kInvalidArgument);
  EXPECT_NE(model.status().message().find("times"), std::string_view::npos);
}

}  // namespace
}  // namespace hoego::training
