#include "training/ease.h"

#include <gtest/gtest.h>

#include <array>

#include "models/ease.h"
#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

using internal::FitWith;
using internal::ItemNames;

constexpr size_t kItems = 6;

kernels::Csr Counts() {
  return internal::CsrOf(kItems, {{{0, 1}, {1, 2}, {4, 3}},
                                  {{1, 1}, {2, 1}, {5, 1}},
                                  {{0, 2}, {3, 4}, {4, 1}},
                                  {{0, 1}, {1, 1}, {2, 1}},
                                  {{2, 5}, {4, 1}, {5, 1}},
                                  {{0, 3}, {2, 1}},
                                  {{1, 2}, {3, 1}, {4, 1}}});
}

// numpy: P = inv(M'M + 2·I); B = -P / diag(P); diagonal 0.
constexpr std::array<std::array<double, kItems>, kItems> kExpected = {
    {{0, 0.0578443612, 0.254094249, 0.432819892, 0.0760307149, -0.0668418747},
     {0.0996773037, 0, -0.225297941, -0.147998756, 0.605810788, 0.0865766734},
     {0.166777647, -0.0858153499, 0, -0.132830817, 0.137760559, 0.209739975},
     {0.376888798, -0.074787468, -0.1762227, 0, 0.167375405, 0.029450882},
     {0.127951647, 0.591641401, 0.35321464, 0.323476273, 0, -0.0395970215},
     {-0.307073708, 0.230812675, 1.46802083, 0.155376846, -0.108093536, 0}}};

std::shared_ptr<const models::EaseModel> Fit(const internal::Overrides& overrides) {
  const kernels::Csr counts = Counts();
  const auto names = ItemNames(kItems);
  const auto model = FitWith("ease", overrides, FitInput{counts, names});
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return std::dynamic_pointer_cast<const models::EaseModel>(*model);
}

TEST(EaseTest, WeightsEqualTheClosedFormInNumpyInBothPrecisions) {
  for (const auto& [precision, tolerance] :
       {std::pair("double", 1e-7), std::pair("single", 2e-5)}) {
    const auto model = Fit({"l2=2", std::string("precision=") + precision});
    for (size_t i = 0; i < kItems; ++i) {
      for (size_t j = 0; j < kItems; ++j) {
        EXPECT_NEAR(static_cast<double>(model->weights()[i * kItems + j]), kExpected[i][j],
                    tolerance)
            << precision;
      }
    }
  }
}

TEST(EaseTest, AScoreIsTheHistoryTimesTheWeights) {
  const auto model = Fit({"l2=2"});
  const auto scores = internal::ScoresOf(*model, {{4, 2.0F}, {0, -1.0F}});
  for (size_t j = 0; j < kItems; ++j) {
    EXPECT_NEAR(static_cast<double>(scores[j]), 2 * kExpected[4][j] - kExpected[0][j], 1e-6);
  }
}

TEST(EaseTest, SimilarReadsTheColumnWhichIsWhatOthersAddToTheItem) {
  const auto similar = Fit({"l2=2"})->Similar(2, 2);
  ASSERT_TRUE(similar.ok());
  ASSERT_EQ(similar->size(), 2U);
  EXPECT_EQ((*similar)[0].item, 5U);  // 1.468, while item 2 adds only .21 to item 5
  EXPECT_EQ((*similar)[1].item, 4U);
}

}  // namespace
}  // namespace hoego::training
