// What each algorithm is worth on MovieLens-100K, against numbers that numpy gave from the papers'
// formulas alone: tests/golden/recommenders.py prints them, and says how the data is split.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "datasets/dataset.h"
#include "datasets/from_files.h"
#include "datasets/public_data.h"
#include "training/evaluate.h"
#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

class OracleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = datasets::PublicData("movielens-100k/u.data.xz");
    if (!std::filesystem::exists(path)) {
      GTEST_SKIP() << path << datasets::kHowToGetIt;
    }
    const auto read = datasets::FromRatings(path);
    ASSERT_TRUE(read.ok()) << read.status().ToString();
    items_ = read->items;
    const auto split = datasets::MakeSplit(*read, {.validate = 0, .test = 0.2});
    ASSERT_TRUE(split.ok()) << split.status().ToString();
    known_ = datasets::ToCsr(*read, *split, {datasets::Part::kTrain});
    hidden_ = datasets::ToCsr(*read, *split, {datasets::Part::kTest});
  }

  std::map<std::string, double> Measure(const std::string& algorithm,
                                        const internal::Overrides& overrides, uint64_t seed = 1) {
    FitInput input{known_, items_};
    input.seed = seed;
    const auto model = internal::FitWith(algorithm, overrides, input);
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    ThreadPool pool(1);
    return model.ok() ? Evaluate({**model, known_, hidden_, {10, 20}}, pool, {})->overall
                      : std::map<std::string, double>();
  }
  // As printed, so exact but for the last digit and films that tie.
  void Expect(const std::map<std::string, double>& got, double recall, double ndcg,
              double precision) {
    EXPECT_NEAR(got.at("recall@20"), recall, 2e-4);
    EXPECT_NEAR(got.at("ndcg@20"), ndcg, 2e-4);
    EXPECT_NEAR(got.at("precision@10"), precision, 2e-4);
  }

  std::vector<std::string> items_;
  kernels::Csr known_;
  kernels::Csr hidden_;
};

TEST_F(OracleTest, Popularity) {
  Expect(Measure("popularity", {}), 0.1057, 0.1238, 0.1069);
}

TEST_F(OracleTest, CosineWithAllNeighbours) {
  Expect(Measure("item_knn", {"similarity=cosine", "neighbours=1682", "shrink=0"}), 0.1971, 0.2087,
         0.1662);
}

TEST_F(OracleTest, Ease) {
  Expect(Measure("ease", {"l2=100"}), 0.2122, 0.2227, 0.1733);
  Expect(Measure("ease", {"l2=500"}), 0.2121, 0.2204, 0.1717);
}

// Its start is random: both sides are means over seeds. Of numpy's five the standard deviations are
// .0023, .0009 and .0013; three times the error of the difference of two means of five is allowed.
TEST_F(OracleTest, AlternatingLeastSquares) {
  for (const char* solver : {"solver=cholesky", "solver=cg"}) {
    double recall = 0;
    double ndcg = 0;
    double precision = 0;
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      const auto got = Measure("als",
                               {"factors=32", "alpha0=0.1", "regularization=0.003", "iterations=15",
                                "loss=false", solver},
                               seed);
      recall += got.at("recall@20") / 5;
      ndcg += got.at("ndcg@20") / 5;
      precision += got.at("precision@10") / 5;
    }
    EXPECT_NEAR(recall, 0.2024, 3 * 0.0023 * std::sqrt(2.0 / 5)) << solver;
    EXPECT_NEAR(ndcg, 0.1986, 3 * 0.0009 * std::sqrt(2.0 / 5)) << solver;
    EXPECT_NEAR(precision, 0.1492, 3 * 0.0013 * std::sqrt(2.0 / 5)) << solver;
  }
}

}  // namespace
}  // namespace hoego::training
