// What no evaluation may show: knowledge of the future. Every algorithm, the same questions.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numeric>
#include <thread>

#include "base/random.h"
#include "base/thread_pool.h"
#include "datasets/from_files.h"
#include "datasets/public_data.h"
#include "training/algorithm.h"
#include "training/evaluate.h"

namespace hoego::training {
namespace {

using datasets::Part;
using models::Interaction;

constexpr float kNever = -std::numeric_limits<float>::infinity();

std::vector<Interaction> HistoryOf(const kernels::Csr& m, uint32_t unit) {
  std::vector<Interaction> history;
  for (size_t k = 0; k < m.row_columns(unit).size(); ++k) {
    history.push_back({m.row_columns(unit)[k], m.row_values(unit)[k]});
  }
  return history;
}

std::vector<float> ScoresOf(const models::Model& model, const std::vector<Interaction>& history) {
  std::vector<float> scores(model.items());
  model.Score(history, scores);
  return scores;
}

bool BitEqual(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

// Units with tastes: unit u likes items whose number is near 7u; popular items besides.
datasets::Dataset Tastes(uint32_t units, uint32_t items) {
  Rng rng(31);
  std::vector<datasets::Pair> pairs;
  for (uint32_t u = 0; u < units; ++u) {
    for (int n = 0; n < 30; ++n) {
      const uint64_t item =
          rng.Chance(0.3) ? rng.Below(items / 10) : (7 * u + rng.Below(items / 5)) % items;
      pairs.push_back({u, "i" + std::to_string(item), 1, 1000 * n});
    }
  }
  return datasets::FromPairs(pairs);
}

class LeakCanaryTest : public ::testing::TestWithParam<std::string> {
 protected:
  // Fitted on the training and validation parts of a split per unit by time.
  void FitOn(datasets::Dataset dataset) {
    dataset_ = std::move(dataset);
    const auto split =
        datasets::MakeSplit(dataset_, {datasets::SplitBy::kPerUnitTime, 0.1, 0.1, 1}).value();
    ASSERT_TRUE(datasets::CheckLeaks(dataset_, split).ok());
    fitted_ = datasets::ToTimedCsr(dataset_, split, {Part::kTrain, Part::kValidate});
    test_ = datasets::ToCsr(dataset_, split, {Part::kTest});
    const Algorithm* algorithm = FindAlgorithm(GetParam());
    ASSERT_NE(algorithm, nullptr);
    const FitInput input{
        .train = fitted_.matrix, .items = dataset_.items, .times_ms = &fitted_.times_ms};
    SilentObserver observer;
    Settings params(algorithm->params());
    if (GetParam() == "als") {
      ASSERT_TRUE(params.Set("factors", "16").ok());
    }
    auto model = algorithm->Fit(input, params, pool_, observer, {});
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    model_ = std::move(model).value();
  }

  // Test items are replaced by as many drawn uniformly from all the unit has not seen. Whatever a
  // model ranks, each place of its list then hits with chance R / N, so recall@k has mean k / N
  // and, being hypergeometric, variance k/N (1 - k/N) (N - R) / (N - 1) / R.   N: items not seen,
  // R: relevant
  void ExpectChanceOnUniformItems(int k) {
    Rng rng(77);
    kernels::Csr uniform = test_;
    double expected = 0;
    double variance = 0;
    double units = 0;
    for (uint32_t u = 0; u < test_.rows; ++u) {
      const size_t wanted = test_.row_columns(u).size();
      if (wanted == 0) {
        continue;
      }
      const auto seen = fitted_.matrix.row_columns(u);
      std::vector<uint32_t> unseen;
      for (uint32_t i = 0; i < test_.columns; ++i) {
        if (!std::binary_search(seen.begin(), seen.end(), i)) {
          unseen.push_back(i);
        }
      }
      rng.Shuffle(unseen);
      std::sort(unseen.begin(), unseen.begin() + static_cast<ptrdiff_t>(wanted));
      std::copy_n(unseen.begin(), wanted,
                  uniform.cols.begin() + static_cast<ptrdiff_t>(test_.begin[u]));
      const auto n = static_cast<double>(unseen.size());
      const auto r = static_cast<double>(wanted);
      expected += k / n;
      variance += k / n * (1 - k / n) * (n - r) / (n - 1) / r;
      ++units;
    }
    const Evaluation e = Evaluate({*model_, fitted_.matrix, uniform, {k}}, pool_, {}).value();
    ASSERT_EQ(static_cast<double>(e.units.size()), units);
    EXPECT_NEAR(e.overall.at(fmt::format("recall@{}", k)), expected / units,
                4 * std::sqrt(variance) / units);
  }

  ThreadPool pool_{1};
  datasets::Dataset dataset_;
  datasets::TimedCsr fitted_;
  kernels::Csr test_;
  std::shared_ptr<const models::Model> model_;
};

TEST_P(LeakCanaryTest, AnItemThatExistsOnlyInTestIsNeverRecommended) {
  datasets::Dataset plain = Tastes(200, 150);
  std::vector<datasets::Pair> pairs;
  for (const datasets::Sample& s : plain.samples) {
    pairs.push_back({plain.unit_keys[s.unit], plain.items[s.item], s.weight, s.time_ms});
  }
  for (uint32_t u = 0; u < 200; ++u) {  // the last thing everybody does
    pairs.push_back({u, "canary", 1, 1'000'000});
  }
  FitOn(datasets::FromPairs(pairs));
  const auto canary = static_cast<uint32_t>(
      std::find(dataset_.items.begin(), dataset_.items.end(), "canary") - dataset_.items.begin());
  uint32_t in_test = 0;
  for (uint32_t u = 0; u < test_.rows; ++u) {
    const auto wanted = test_.row_columns(u);
    in_test += std::binary_search(wanted.begin(), wanted.end(), canary) ? 1 : 0;
    EXPECT_EQ(ScoresOf(*model_, HistoryOf(fitted_.matrix, u))[canary], kNever);
  }
  EXPECT_EQ(in_test, 200u);
  // Also for someone without a history, and beside it in a list as long as the catalogue: the
  // canary alone is never hit.
  EXPECT_EQ(ScoresOf(*model_, {})[canary], kNever);
  kernels::Csr only = test_;
  for (uint64_t k = 0; k < only.cols.size(); ++k) {
    only.values[k] = only.cols[k] == canary ? 1.0F : 0.0F;
  }
  const auto all = static_cast<int>(dataset_.items.size());
  EXPECT_EQ(Evaluate({*model_, fitted_.matrix, only, {all}}, pool_, {})
                ->overall.at(fmt::format("recall@{}", all)),
            0);
}

TEST_P(LeakCanaryTest, UniformTestItemsAreHitByChanceAlone) {
  FitOn(Tastes(400, 300));
  for (const int k : {1, 10, 20, 50}) {
    ExpectChanceOnUniformItems(k);
  }
  const Evaluation real = Evaluate({*model_, fitted_.matrix, test_, {10}}, pool_, {}).value();
  EXPECT_GT(real.overall.at("recall@10"), 2.0 * 10 / 300) << "while the real ones are not";
}

TEST_P(LeakCanaryTest, UniformTestItemsAreHitByChanceAloneOnMovieLens) {
  const std::string path = datasets::PublicData("movielens-100k/u.data.xz");
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << datasets::kHowToGetIt;
  }
  const datasets::Dataset all = datasets::FromRatings(path).value();
  std::vector<datasets::Pair> some;  // of 200 people: enough to tell, quick under a sanitizer
  for (const datasets::Sample& x : all.samples) {
    if (all.unit_keys[x.unit] <= 200) {
      some.push_back({all.unit_keys[x.unit], all.items[x.item], x.weight, x.time_ms});
    }
  }
  FitOn(datasets::FromPairs(some));
  ExpectChanceOnUniformItems(10);
  ExpectChanceOnUniformItems(20);
}

TEST_P(LeakCanaryTest, AnEventInTheHistoryChangesTheAnswerAndItsAbsenceRestoresEveryBit) {
  FitOn(Tastes(200, 150));
  const auto folder =
      ::testing::TempDir() + "hoego_canary_" + GetParam() + std::to_string(::getpid());
  ASSERT_TRUE(model_->Save(folder).ok());
  const auto loaded = models::LoadModel(folder).value();
  std::filesystem::remove_all(folder);
  for (uint32_t u = 0; u < fitted_.matrix.rows; u += 9) {
    const auto history = HistoryOf(fitted_.matrix, u);
    auto with = history;
    uint32_t fresh = 0;
    while (std::any_of(with.begin(), with.end(),
                       [&](const Interaction& x) { return x.item == fresh; })) {
      ++fresh;
    }
    with.push_back({fresh, 1});
    const auto before = ScoresOf(*model_, history);
    const auto after = ScoresOf(*model_, with);
    EXPECT_TRUE(BitEqual(ScoresOf(*model_, history), before));
    EXPECT_TRUE(BitEqual(ScoresOf(*model_, with), after));
    EXPECT_TRUE(BitEqual(ScoresOf(*loaded, history), before)) << "also after a restart";
    EXPECT_TRUE(BitEqual(ScoresOf(*loaded, with), after));
    EXPECT_EQ(BitEqual(before, after), GetParam() == "popularity")
        << "one new event counts at once";
  }
}

TEST_P(LeakCanaryTest, AnswersOfManyThreadsAtOnceAreTheSameBits) {
  FitOn(Tastes(200, 150));
  std::vector<std::vector<float>> alone;
  for (uint32_t u = 0; u < fitted_.matrix.rows; ++u) {
    alone.push_back(ScoresOf(*model_, HistoryOf(fitted_.matrix, u)));
  }
  std::atomic<int> different{0};
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (uint32_t n = 0; n < fitted_.matrix.rows; ++n) {
          const uint32_t u = (n + 50 * t) % fitted_.matrix.rows;
          different += BitEqual(ScoresOf(*model_, HistoryOf(fitted_.matrix, u)), alone[u]) ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(different, 0);
}

INSTANTIATE_TEST_SUITE_P(Every, LeakCanaryTest, ::testing::ValuesIn(AlgorithmNames()),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace hoego::training
