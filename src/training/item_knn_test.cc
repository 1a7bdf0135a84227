#include "training/item_knn.h"

#include <gtest/gtest.h>

#include <array>

#include "models/item_knn.h"
#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

using internal::FitWith;
using internal::ItemNames;

constexpr size_t kItems = 6;
using Dense = std::array<std::array<double, kItems>, kItems>;

// Seven units, six items, counts.
kernels::Csr Counts() {
  return internal::CsrOf(kItems, {{{0, 1}, {1, 2}, {4, 3}},
                                  {{1, 1}, {2, 1}, {5, 1}},
                                  {{0, 2}, {3, 4}, {4, 1}},
                                  {{0, 1}, {1, 1}, {2, 1}},
                                  {{2, 5}, {4, 1}, {5, 1}},
                                  {{0, 3}, {2, 1}},
                                  {{1, 2}, {3, 1}, {4, 1}}});
}

// What PyPI `implicit` 0.7.3 computes for Counts(): CosineRecommender, TFIDFRecommender and
// BM25Recommender(K1=1.2, B=.75) with K=10, the diagonal set to 0.
constexpr Dense kCosine = {{{0, 0.244948974, 0.195180015, 0.500979433, 0.372677996, 0},
                            {0.244948974, 0, 0.119522861, 0.153392998, 0.730296743, 0.223606798},
                            {0.195180015, 0.119522861, 0, 0, 0.272772363, 0.801783726},
                            {0.500979433, 0.153392998, 0, 0, 0.350070021, 0},
                            {0.372677996, 0.730296743, 0.272772363, 0.350070021, 0, 0.204124145},
                            {0, 0.223606798, 0.801783726, 0, 0.204124145, 0}}};
constexpr Dense kTfidf = {{{0, 0.27583588, 0.538570999, 0.354006053, 0.359476317, 0},
                           {0.27583588, 0, 0.259206193, 0.25819889, 0.643950551, 0.288675135},
                           {0.538570999, 0.259206193, 0, 0, 0.289801334, 0.726429782},
                           {0.354006053, 0.25819889, 0, 0, 0.547722558, 0},
                           {0.359476317, 0.643950551, 0.289801334, 0.547722558, 0, 0.288675135},
                           {0, 0.288675135, 0.726429782, 0, 0.288675135, 0}}};
constexpr Dense kBm25 = {{{0, 0.349290853, 0.743484929, 0.366264039, 0.439767938, 0},
                          {0.349290853, 0, 0.274789392, 0.233617324, 0.562242689, 0.218332663},
                          {0.743484929, 0.274789392, 0, 0, 0.26876223, 0.565665829},
                          {0.366264039, 0.233617324, 0, 0, 0.445983712, 0},
                          {0.439767938, 0.562242689, 0.26876223, 0.445983712, 0, 0.218332663},
                          {0, 0.218332663, 0.565665829, 0, 0.218332663, 0}}};

Dense RowsOf(const models::Model& model) {
  const auto& rows = dynamic_cast<const models::ItemKnnModel&>(model).rows();
  Dense dense{};
  for (size_t i = 0; i < kItems; ++i) {
    for (uint64_t k = rows.begin[i]; k < rows.begin[i + 1]; ++k) {
      dense[i][rows.neighbours[k]] = static_cast<double>(rows.similarities[k]);
    }
  }
  return dense;
}

Dense Fit(const internal::Overrides& overrides) {
  const kernels::Csr counts = Counts();
  const auto names = ItemNames(kItems);
  const auto model = FitWith("item_knn", overrides, FitInput{counts, names});
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  return RowsOf(**model);
}

void ExpectNear(const Dense& got, const Dense& expected) {
  for (size_t i = 0; i < kItems; ++i) {
    for (size_t j = 0; j < kItems; ++j) {
      EXPECT_NEAR(got[i][j], expected[i][j], 1e-6) << i << "," << j;
    }
  }
}

TEST(ItemKnnTest, SimilaritiesEqualThoseOfImplicit) {
  ExpectNear(Fit({"similarity=cosine", "shrink=0"}), kCosine);
  ExpectNear(Fit({"similarity=tfidf", "shrink=0"}), kTfidf);
  ExpectNear(Fit({"similarity=bm25", "shrink=0", "k1=1.2", "b=0.75"}), kBm25);
}

TEST(ItemKnnTest, ShrinkDiscountsByTheNumberOfCommonUnits) {
  const Dense plain = Fit({"shrink=0"});
  const Dense shrunk = Fit({"shrink=4"});
  EXPECT_NEAR(shrunk[1][4], plain[1][4] * 2 / 6, 1e-6);  // units 0 and 6 met both
  EXPECT_NEAR(shrunk[3][0], plain[3][0] * 1 / 5, 1e-6);  // unit 2 alone
}

TEST(ItemKnnTest, OnlyTheBestNeighboursAreKeptBestFirst) {
  const kernels::Csr counts = Counts();
  const auto names = ItemNames(kItems);
  const auto model = FitWith("item_knn", {"neighbours=2", "shrink=0"}, FitInput{counts, names});
  ASSERT_TRUE(model.ok());
  const auto similar = (*model)->Similar(1, 10);
  ASSERT_TRUE(similar.ok());
  ASSERT_EQ(similar->size(), 2U);
  EXPECT_EQ((*similar)[0].item, 4U);
  EXPECT_EQ((*similar)[1].item, 0U);
}

TEST(ItemKnnTest, AScoreIsTheWeightedSumOfSimilarities) {
  const kernels::Csr counts = Counts();
  const auto names = ItemNames(kItems);
  const auto model = FitWith("item_knn", {"shrink=0"}, FitInput{counts, names});
  ASSERT_TRUE(model.ok());
  const auto scores = internal::ScoresOf(**model, {{1, 2.0F}, {2, 1.0F}, {3, -0.5F}});
  for (size_t j = 0; j < kItems; ++j) {
    EXPECT_NEAR(static_cast<double>(scores[j]),
                2 * kCosine[1][j] + kCosine[2][j] - 0.5 * kCosine[3][j], 1e-6);
  }
}

}  // namespace
}  // namespace hoego::training
