// Ranking quality on small seeded data must stay where it is: a change of a formula shows here even
// where all contracts hold. The numbers are what this code gave when its formulas had been checked
// against numpy and `implicit`. Chance gives .05.
#include <gtest/gtest.h>

#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

struct Golden {
  std::string label;
  std::string algorithm;
  internal::Overrides overrides;
  double recall;
};

TEST(GoldenTest, RecallAt10OfEveryAlgorithmOnGroupedData) {
  const auto data = internal::MakeGroups(600, 200, 8, 24, 2022);
  const auto names = internal::ItemNames(200);
  const std::vector<Golden> expected = {
      {"popularity", "popularity", {}, 0.136},
      {"cosine", "item_knn", {"neighbours=50"}, 0.634},
      {"bm25", "item_knn", {"similarity=bm25", "neighbours=50"}, 0.627},
      {"tfidf", "item_knn", {"similarity=tfidf", "neighbours=50"}, 0.635},
      {"ease", "ease", {"l2=50"}, 0.622},
      {"als", "als", {"factors=16", "regularization=0.01"}, 0.543},
      {"als cg", "als", {"factors=16", "regularization=0.01", "solver=cg"}, 0.552},
  };
  for (const Golden& golden : expected) {
    const auto model =
        internal::FitWith(golden.algorithm, golden.overrides, FitInput{data.train, names});
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    EXPECT_NEAR(internal::RecallAt(10, **model, data.train, data.hidden), golden.recall, 0.01)
        << golden.label;
  }
}

}  // namespace
}  // namespace hoego::training
