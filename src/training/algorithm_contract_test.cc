// One suite that every algorithm passes, whatever it is inside.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "kernels/topk.h"
#include "training/algorithm.h"
#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

using internal::CheckerBoard;
using internal::CsrOf;
using internal::FitWith;
using internal::HistoryOf;
using internal::ItemNames;
using internal::Overrides;
using internal::ScoresOf;
using models::Interaction;

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Case {
  std::string label;
  std::string algorithm;
  Overrides overrides;
  bool personal = true;        // the history changes the scores
  bool knows_negative = true;  // a negative weight is not the same as no event
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.label;
}

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"popularity", "popularity", {}, false, false},
      {"knn_cosine", "item_knn", {"neighbours=30"}},
      {"knn_bm25", "item_knn", {"similarity=bm25", "neighbours=30", "shrink=0"}},
      {"knn_tfidf", "item_knn", {"similarity=tfidf", "neighbours=30"}},
      {"ease", "ease", {"l2=5"}},
      {"ease_single", "ease", {"l2=20", "precision=single"}},
      {"als_cholesky", "als", {"factors=6", "iterations=10"}},
      {"als_cg", "als", {"factors=6", "iterations=10", "solver=cg"}},
  };
  return cases;
}

class AlgorithmContractTest : public ::testing::TestWithParam<Case> {
 protected:
  Result<std::shared_ptr<const models::Model>> Fit(const kernels::Csr& train, uint64_t seed = 1,
                                                   size_t threads = 1,
                                                   const std::stop_token& stop = {}) {
    names_ = ItemNames(train.columns);
    FitInput input{train, names_, nullptr, 0, seed, "digest", "code"};
    return FitWith(GetParam().algorithm, GetParam().overrides, input, threads, stop);
  }

  std::shared_ptr<const models::Model> MustFit(const kernels::Csr& train, uint64_t seed = 1,
                                               size_t threads = 1) {
    auto model = Fit(train, seed, threads);
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return model.ok() ? *model : nullptr;
  }

  std::vector<std::string> names_;
};

std::string TempFolder(const std::string& name) {
  const std::string folder = testing::TempDir() + "hoego_contract_" + name;
  std::filesystem::remove_all(folder);
  return folder;
}

TEST_P(AlgorithmContractTest, ACheckerBoardIsRecovered) {
  if (!GetParam().personal) {
    return;
  }
  const kernels::Csr board = CheckerBoard(50);
  const auto model = MustFit(board);
  ASSERT_NE(model, nullptr);
  for (uint32_t u = 0; u < board.rows; ++u) {
    const std::vector<float> scores = ScoresOf(*model, HistoryOf(board, u));
    const auto seen = board.row_columns(u);
    const auto best = kernels::TopK(
        scores, 3, [&](uint32_t i) { return !std::binary_search(seen.begin(), seen.end(), i); });
    ASSERT_FALSE(best.empty());
    EXPECT_EQ(best[0].index, u) << "unit " << u;
    if (best.size() > 1) {
      EXPECT_GT(best[0].score, best[1].score + 0.1F * std::fabs(best[0].score)) << "unit " << u;
    }
  }
}

TEST_P(AlgorithmContractTest, TheSameSeedGivesTheSameBitsForAnyNumberOfThreads) {
  const auto data = internal::MakeGroups(200, 90, 4, 12, 3);
  const auto first = MustFit(data.train, 7, 1);
  const auto again = MustFit(data.train, 7, 1);
  const auto wide = MustFit(data.train, 7, 3);
  for (uint32_t u = 0; u < data.train.rows; u += 17) {
    const auto history = HistoryOf(data.train, u);
    EXPECT_EQ(ScoresOf(*first, history), ScoresOf(*again, history));
    EXPECT_EQ(ScoresOf(*first, history), ScoresOf(*wide, history));
  }
}

TEST_P(AlgorithmContractTest, AModelReadBackScoresTheSameBits) {
  const auto data = internal::MakeGroups(120, 60, 3, 10, 4);
  const auto model = MustFit(data.train, 18'446'744'073'709'551'615ULL);
  const std::string folder = TempFolder(GetParam().label);
  ASSERT_TRUE(model->Save(folder).ok());
  const auto loaded = models::LoadModel(folder);
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  for (uint32_t u = 0; u < data.train.rows; u += 7) {
    const auto history = HistoryOf(data.train, u);
    EXPECT_EQ(ScoresOf(*model, history), ScoresOf(**loaded, history));
  }
  const models::Manifest& a = model->manifest();
  const models::Manifest& b = (*loaded)->manifest();
  EXPECT_EQ(b.algorithm, GetParam().algorithm);
  EXPECT_EQ(a.items, b.items);
  EXPECT_EQ(a.params_json, b.params_json);
  EXPECT_EQ(b.seed, 18'446'744'073'709'551'615ULL);
  EXPECT_EQ(b.dataset_digest, "digest");
  EXPECT_EQ(b.code_version, "code");
  EXPECT_EQ(a.threads, b.threads);
  EXPECT_EQ(a.simd, b.simd);
  EXPECT_GT((*loaded)->resident_bytes(), 60U * 4U);
  std::filesystem::remove_all(folder);
}

TEST_P(AlgorithmContractTest, ANewEventChangesTheAnswerAndBothAnswersAreReproducedBitForBit) {
  const auto data = internal::MakeGroups(120, 60, 3, 10, 5);
  const auto model = MustFit(data.train);
  const auto without = HistoryOf(data.train, 4);
  auto with = without;
  uint32_t fresh = 0;
  while (std::any_of(without.begin(), without.end(),
                     [&](const Interaction& e) { return e.item == fresh; })) {
    ++fresh;
  }
  with.push_back({fresh, 1.0F});
  const auto scores_without = ScoresOf(*model, without);
  const auto scores_with = ScoresOf(*model, with);
  EXPECT_EQ(scores_without != scores_with, GetParam().personal);
  EXPECT_EQ(ScoresOf(*model, without), scores_without);
  EXPECT_EQ(ScoresOf(*model, with), scores_with);
}

TEST_P(AlgorithmContractTest, TheOrderOfTheHistoryDoesNotChangeABit) {
  const auto data = internal::MakeGroups(120, 60, 3, 15, 6);
  const auto model = MustFit(data.train);
  auto history = HistoryOf(data.train, 9);
  const auto scores = ScoresOf(*model, history);
  Rng rng(1);
  for (int i = 0; i < 5; ++i) {
    rng.Shuffle(history);
    EXPECT_EQ(ScoresOf(*model, history), scores);
  }
}

TEST_P(AlgorithmContractTest, ContributionsAndRestSumToTheScore) {
  const auto data = internal::MakeGroups(120, 60, 3, 15, 7);
  const auto model = MustFit(data.train);
  for (uint32_t u = 0; u < 120; u += 11) {
    auto history = HistoryOf(data.train, u);
    history[0].weight = 2.5F;
    history[1].weight = -1.0F;
    const auto scores = ScoresOf(*model, history);
    std::set<uint32_t> known;
    for (const Interaction& e : history) {
      known.insert(e.item);
    }
    for (uint32_t i = 0; i < model->items(); i += 5) {
      const auto why = model->Explain(history, i);
      if (scores[i] == kNever) {
        EXPECT_EQ(why.status().code(), Code::kFailedPrecondition);
        continue;
      }
      ASSERT_TRUE(why.ok()) << why.status().ToString();
      double sum = why->rest;
      double last = std::numeric_limits<double>::infinity();
      for (const auto& c : why->contributions) {
        sum += c.value;
        EXPECT_TRUE(known.contains(c.item));
        EXPECT_LE(std::fabs(c.value), last);
        last = std::fabs(c.value);
      }
      EXPECT_NEAR(sum, why->score, 1e-9);
      EXPECT_NEAR(why->score, static_cast<double>(scores[i]), 1e-4);
      if (GetParam().personal) {
        EXPECT_NEAR(why->rest, 0, 1e-4);
      }
    }
  }
  EXPECT_EQ(model->Explain({}, model->items()).status().code(), Code::kOutOfRange);
}

TEST_P(AlgorithmContractTest, SimilarItemsComeBestFirstWithoutTheItemItself) {
  const auto data = internal::MakeGroups(300, 60, 3, 15, 8);
  const auto model = MustFit(data.train);
  EXPECT_EQ(model->Similar(model->items(), 5).status().code(), Code::kOutOfRange);
  if (!GetParam().personal) {
    EXPECT_EQ(model->Similar(0, 5).status().code(), Code::kFailedPrecondition);
    return;
  }
  size_t same_group = 0;
  size_t asked = 0;
  for (uint32_t i = 0; i < 30; ++i) {
    const auto similar = model->Similar(i, 5);
    ASSERT_TRUE(similar.ok()) << similar.status().ToString();
    EXPECT_LE(similar->size(), 5U);
    for (size_t k = 0; k < similar->size(); ++k) {
      EXPECT_NE((*similar)[k].item, i);
      EXPECT_TRUE(k == 0 || (*similar)[k - 1].score >= (*similar)[k].score);
      same_group += (*similar)[k].item % 3 == i % 3 ? 1 : 0;
      ++asked;
    }
  }
  EXPECT_GT(same_group * 10, asked * 6) << "of " << asked;  // by chance: a third
}

TEST_P(AlgorithmContractTest, AStopAskedForCancelsTheFit) {
  const auto data = internal::MakeGroups(120, 60, 3, 10, 9);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Fit(data.train, 1, 1, stop.get_token()).status().code(), Code::kCancelled);
}

TEST_P(AlgorithmContractTest, AnItemThatTrainingNeverMetIsNeverPreferred) {
  auto data = internal::MakeGroups(120, 60, 3, 10, 10);
  data.train.columns = 64;  // four more that nobody met
  const auto model = MustFit(data.train);
  for (uint32_t u = 0; u < 120; u += 13) {
    const auto history = HistoryOf(data.train, u);
    const auto scores = ScoresOf(*model, history);
    for (uint32_t i = 60; i < 64; ++i) {
      EXPECT_EQ(scores[i], kNever);
    }
    for (const auto& ranked : kernels::TopK(scores, 1000)) {
      EXPECT_LT(ranked.index, 60U);
    }
  }
  EXPECT_EQ(model->Explain(HistoryOf(data.train, 0), 61).status().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(model->Similar(61, 3).status().code(), Code::kFailedPrecondition);
  if (GetParam().personal) {
    const auto similar = model->Similar(0, 1000);
    ASSERT_TRUE(similar.ok());
    for (const auto& s : *similar) {
      EXPECT_LT(s.item, 60U);
    }
  }
  // Its event in a history is allowed and helps nobody to be better than finite.
  for (const float s : ScoresOf(*model, {{61, 1.0F}, {0, 1.0F}})) {
    EXPECT_FALSE(std::isnan(s));
  }
}

// The canary: targets drawn uniformly from the unseen items hold nothing that a model could know.
// Who hits them more often than chance has looked at them.
TEST_P(AlgorithmContractTest, RandomTargetsAreHitAsOftenAsChanceAllows) {
  constexpr uint32_t kItems = 80;
  constexpr size_t k = 10;
  const auto data = internal::MakeGroups(800, kItems, 4, 12, 14);
  const auto model = MustFit(data.train);
  Rng rng(99);
  double hits = 0;
  double expected = 0;
  double variance = 0;
  for (uint32_t u = 0; u < data.train.rows; ++u) {
    const auto seen = data.train.row_columns(u);
    const auto unseen = [&](uint32_t i) {
      return !std::binary_search(seen.begin(), seen.end(), i);
    };
    uint32_t target = static_cast<uint32_t>(rng.Below(kItems));
    while (!unseen(target)) {
      target = static_cast<uint32_t>(rng.Below(kItems));
    }
    for (const auto& best : kernels::TopK(ScoresOf(*model, HistoryOf(data.train, u)), k, unseen)) {
      hits += best.index == target ? 1 : 0;
    }
    const double chance = static_cast<double>(k) / static_cast<double>(kItems - seen.size());
    expected += chance;
    variance += chance * (1 - chance);
  }
  EXPECT_NEAR(hits, expected, 4 * std::sqrt(variance));
}

TEST_P(AlgorithmContractTest, AnEmptyHistoryAndOneOfEverythingGiveFiniteScores) {
  const auto data = internal::MakeGroups(120, 60, 3, 20, 11);
  const auto model = MustFit(data.train);
  std::vector<Interaction> everything;
  for (uint32_t i = 0; i < model->items(); ++i) {
    everything.push_back({i, 1.0F});
  }
  for (const auto& history : {std::vector<Interaction>{}, everything}) {
    const auto scores = ScoresOf(*model, history);
    for (size_t i = 0; i < scores.size(); ++i) {
      EXPECT_TRUE(std::isfinite(scores[i]) || scores[i] == kNever) << i;
    }
  }
}

TEST_P(AlgorithmContractTest, AnEventOfWeightZeroIsNoEvent) {
  const auto data = internal::MakeGroups(120, 60, 3, 10, 12);
  const auto model = MustFit(data.train);
  auto history = HistoryOf(data.train, 3);
  const auto scores = ScoresOf(*model, history);
  history.push_back({59, 0.0F});
  EXPECT_EQ(ScoresOf(*model, history), scores);
}

TEST_P(AlgorithmContractTest, AHeavierEventCountsMore) {
  if (!GetParam().personal) {
    return;
  }
  const kernels::Csr board = CheckerBoard(20);
  const auto model = MustFit(board);
  // How much better the even camp does than the odd one, over the items not in the history.
  const auto lead_of_even = [&](const std::vector<Interaction>& history) {
    const auto scores = ScoresOf(*model, history);
    float lead = 0;
    for (size_t i = 2; i < scores.size(); ++i) {
      lead += i % 2 == 0 ? scores[i] : -scores[i];
    }
    return lead;
  };
  EXPECT_GT(lead_of_even({{0, 3.0F}, {1, 1.0F}}), lead_of_even({{0, 1.0F}, {1, 3.0F}}));
}

TEST_P(AlgorithmContractTest, ANegativeEventPullsDownOrIsIgnoredAsTheModelSays) {
  const kernels::Csr board = CheckerBoard(20);
  const auto model = MustFit(board);
  const auto liked = ScoresOf(*model, {{0, 1.0F}});
  const auto both = ScoresOf(*model, {{0, 1.0F}, {2, -1.0F}});
  if (GetParam().knows_negative) {
    EXPECT_LT(both[4], liked[4]);
  } else {
    EXPECT_EQ(both, liked);
  }
}

TEST_P(AlgorithmContractTest, NegativeTrainingWeightsNeverMakeAnItemKnown) {
  const kernels::Csr train =
      CsrOf(4, {{{0, 1}, {1, 1}, {2, -1}}, {{0, 1}, {1, 1}}, {{1, 2}, {3, 1}, {2, -2}}});
  const auto model = MustFit(train);
  ASSERT_NE(model, nullptr);
  const auto scores = ScoresOf(*model, HistoryOf(train, 1));
  EXPECT_EQ(scores[2], kNever);
  EXPECT_TRUE(std::isfinite(scores[3]));
}

TEST_P(AlgorithmContractTest, OneItemAndOneUnitAreEnoughAndNothingIsTooLittle) {
  const kernels::Csr single = CsrOf(1, {{{0, 1.0F}}});
  const auto model = MustFit(single);
  ASSERT_NE(model, nullptr);
  EXPECT_TRUE(std::isfinite(ScoresOf(*model, {{0, 1.0F}})[0]));
  const kernels::Csr empty_row = CsrOf(3, {{}, {{0, 1}, {1, 1}}, {{1, 1}}});
  ASSERT_NE(MustFit(empty_row), nullptr);
  const kernels::Csr none = CsrOf(2, {{}});
  const auto silent = MustFit(none);
  ASSERT_NE(silent, nullptr);
  EXPECT_EQ(ScoresOf(*silent, {}), std::vector<float>(2, kNever));
}

TEST_P(AlgorithmContractTest, MalformedInputIsRefusedWithWhatWasWrong) {
  kernels::Csr bad = CheckerBoard(6);
  bad.values[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(Fit(bad).status().code(), Code::kInvalidArgument);
  bad = CheckerBoard(6);
  bad.cols[0] = 6;
  EXPECT_EQ(Fit(bad).status().code(), Code::kInvalidArgument);
  bad = CheckerBoard(6);
  bad.begin.pop_back();
  EXPECT_EQ(Fit(bad).status().code(), Code::kInvalidArgument);
  const kernels::Csr board = CheckerBoard(6);
  const std::vector<std::string> few = ItemNames(5);
  EXPECT_EQ(FitWith(GetParam().algorithm, {}, FitInput{board, few}).status().code(),
            Code::kInvalidArgument);
}

TEST_P(AlgorithmContractTest, ProgressRisesToOneAndThePlanNamesACost) {
  class Recorder final : public Observer {
   public:
    void Progress(double share, std::string_view /*what*/) override { shares.push_back(share); }
    void Metric(std::string_view name, double value, int64_t /*step*/) override {
      EXPECT_FALSE(name.empty());
      EXPECT_TRUE(std::isfinite(value));
    }
    std::vector<double> shares;
  };
  const auto data = internal::MakeGroups(60, 30, 3, 8, 13);
  const auto names = ItemNames(30);
  const Algorithm* algorithm = FindAlgorithm(GetParam().algorithm);
  Settings params(algorithm->params());
  for (const std::string& assignment : GetParam().overrides) {
    ASSERT_TRUE(params.SetAssignment(assignment).ok()) << assignment;
  }
  const FitInput input{data.train, names};
  const Plan plan = algorithm->MakePlan(input, params);
  EXPECT_GT(plan.flops, 0);
  EXPECT_GT(plan.bytes, 0U);
  EXPECT_FALSE(plan.Describe().empty());
  ThreadPool pool(1);
  Recorder recorder;
  ASSERT_TRUE(algorithm->Fit(input, params, pool, recorder, {}).ok());
  ASSERT_FALSE(recorder.shares.empty());
  EXPECT_TRUE(std::is_sorted(recorder.shares.begin(), recorder.shares.end()));
  EXPECT_EQ(recorder.shares.back(), 1.0);
}

TEST_P(AlgorithmContractTest, AnUnknownParameterIsRefusedWithTheNearestName) {
  const Algorithm* algorithm = FindAlgorithm(GetParam().algorithm);
  Settings params(algorithm->params());
  const std::string known(algorithm->params().front().name);
  const Status status = params.Set(known + "s", "1");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find(known), std::string_view::npos);
}

INSTANTIATE_TEST_SUITE_P(All, AlgorithmContractTest, testing::ValuesIn(Cases()),
                         [](const auto& param_info) { return param_info.param.label; });

TEST(AlgorithmRegistryTest, EveryListedNameIsFoundAndAnUnknownOneIsNot) {
  EXPECT_EQ(AlgorithmNames(), (std::vector<std::string>{"popularity", "item_knn", "ease", "als"}));
  for (const std::string& name : AlgorithmNames()) {
    ASSERT_NE(FindAlgorithm(name), nullptr);
    EXPECT_EQ(FindAlgorithm(name)->name(), name);
  }
  EXPECT_EQ(FindAlgorithm("alss"), nullptr);
}

}  // namespace
}  // namespace hoego::training
