#include "training/evaluate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "base/random.h"
#include "training/internal/fake_model.h"

namespace hoego::training {
namespace {

using internal::FakeModel;

constexpr float kNever = -std::numeric_limits<float>::infinity();

using Cells = std::vector<std::vector<std::pair<uint32_t, float>>>;  // of each row: column, value

kernels::Csr Matrix(uint32_t columns, const Cells& rows) {
  kernels::Csr m;
  m.rows = static_cast<uint32_t>(rows.size());
  m.columns = columns;
  m.begin.push_back(0);
  for (const auto& row : rows) {
    for (const auto& [column, value] : row) {
      m.cols.push_back(column);
      m.values.push_back(value);
    }
    m.begin.push_back(m.cols.size());
  }
  return m;
}

Cells ToCells(uint32_t rows, uint32_t columns,
              const std::function<float(uint32_t, uint32_t)>& value) {
  Cells cells(rows);
  for (uint32_t u = 0; u < rows; ++u) {
    for (uint32_t i = 0; i < columns; ++i) {
      if (value(u, i) != 0) {
        cells[u].emplace_back(i, value(u, i));
      }
    }
  }
  return cells;
}

// The weights of a history say whose it is: row + 1.
uint32_t UnitOf(std::span<const models::Interaction> history) {
  return history.empty() ? 0 : static_cast<uint32_t>(history.front().weight) - 1;
}

Evaluation Evaluated(const EvaluateInput& input, size_t threads = 1) {
  ThreadPool pool(threads);
  return Evaluate(input, pool, {}).value();
}

// ---- Numbers of others
// --------------------------------------------------------------------------------------------------

// 20 units, 60 items, arithmetic patterns; what the expected numbers came from (numpy 2,
// scikit-learn 1.7):
//   score = ((u*7919 + i*104729 + u*i*31) % 10007) / 10007
//   seen  = (u*13 + i*29) % 17 == 0 or i == u;  rel = (u*37 + i*61) % 11 == 0 and not seen;  s =
//   score, -1e9 where seen ndcg = mean(ndcg_score([rel], [s], k=k));  top = argsort(-s)[:k]; recall
//   = mean(rel[top].sum() / rel.sum()) mrr = mean(1 / (1 + argmax(rel[top])) or 0);  coverage =
//   mean(counts > 0);  novelty = mean(-log2(max(pop[top], 1) / 20)) gini = abs(x[:, None] - x[None,
//   :]).sum() / (2 * n * n * x.mean())   (the definition by mean differences)
TEST(EvaluateTest, AgreesWithScikitLearnAndNumpy) {
  const auto seen = [](uint32_t u, uint32_t i) {
    return (u * 13 + i * 29) % 17 == 0 || i == u % 60;
  };
  const auto train = Matrix(60, ToCells(20, 60, [&](uint32_t u, uint32_t i) {
                              return seen(u, i) ? static_cast<float>(u + 1) : 0.0F;
                            }));
  const auto relevant = Matrix(60, ToCells(20, 60, [&](uint32_t u, uint32_t i) {
                                 return (u * 37 + i * 61) % 11 == 0 && !seen(u, i) ? 1.0F : 0.0F;
                               }));
  const FakeModel model(60, [](std::span<const models::Interaction> history, uint32_t i) {
    const uint32_t u = UnitOf(history);
    return static_cast<float>((u * 7919 + i * 104729 + u * i * 31) % 10007) / 10007.0F;
  });
  const Evaluation e = Evaluated({model, train, relevant, {5, 10}});
  EXPECT_EQ(e.units.size(), 20u);
  const std::map<std::string, double> expected = {
      {"ndcg@5", 0.0702230388337477},
      {"recall@5", 0.0666666666666667},
      {"precision@5", 0.07},
      {"mrr@5", 0.16},
      {"coverage@5", 0.9},
      {"novelty@5", 3.92437921986573},
      {"gini@5", 0.318666666666667},
      {"ndcg@10", 0.129623445786902},
      {"recall@10", 0.178333333333333},
      {"precision@10", 0.095},
      {"mrr@10", 0.219166666666667},
      {"coverage@10", 1},
      {"novelty@10", 3.89352959485852},
      {"gini@10", 0.176666666666667},
  };
  for (const auto& [name, value] : expected) {
    ASSERT_TRUE(e.overall.count(name)) << name;
    EXPECT_NEAR(e.overall.at(name), value, 1e-12) << name;
  }
}

// ---- By hand
// -----------------------------------------------------------------------------------------------------------

// Ranking 0 1 2 3 4 5; item 1 was seen, so the list is 0 2 3 4 5. Relevant 2, 4, 5 and the seen 1,
// which does not count.
TEST(EvaluateTest, AgreesWithNumbersWorkedOutByHand) {
  const FakeModel model(6, [](auto, uint32_t i) { return -static_cast<float>(i); });
  const auto train = Matrix(6, {{{1, 1}}});
  const auto relevant = Matrix(6, {{{1, 1}, {2, 1}, {4, 1}, {5, 1}}});
  const Evaluation e = Evaluated({model, train, relevant, {4, 2}});
  EXPECT_DOUBLE_EQ(e.overall.at("recall@4"), 2.0 / 3);  // hits at ranks 2 and 4 of three relevant
  EXPECT_DOUBLE_EQ(e.overall.at("precision@4"), 0.5);
  EXPECT_DOUBLE_EQ(e.overall.at("map@4"), (1.0 / 2 + 2.0 / 4) / 3);
  EXPECT_DOUBLE_EQ(e.overall.at("mrr@4"), 0.5);
  EXPECT_DOUBLE_EQ(e.overall.at("hit_rate@4"), 1);
  EXPECT_DOUBLE_EQ(e.overall.at("ndcg@4"),
                   (1 / std::log2(3.0) + 1 / std::log2(5.0)) / (1 + 1 / std::log2(3.0) + 0.5));
  EXPECT_DOUBLE_EQ(e.overall.at("recall@2"), 1.0 / 3);
  EXPECT_DOUBLE_EQ(e.overall.at("map@2"), 0.5 / 2);  // ideal is min(k, R) = 2
  EXPECT_DOUBLE_EQ(e.overall.at("coverage@2"), 2.0 / 6);
}

TEST(EvaluateTest, TiesGoToTheLowerIndex) {
  const FakeModel model(5, [](auto, uint32_t) { return 1.0F; });
  const auto train = Matrix(5, {{}, {}});
  const auto relevant = Matrix(5, {{{0, 1}}, {{1, 1}}});
  const Evaluation e = Evaluated({model, train, relevant, {1}});
  EXPECT_EQ(e.per_unit.at("recall@1"), (std::vector<double>{1, 0}));
}

TEST(EvaluateTest, AnItemThatWasNeverTrainedIsNotRecommendedEvenToFillAList) {
  const FakeModel model(3, [](auto, uint32_t i) { return i == 2 ? kNever : 1.0F; });
  const auto train = Matrix(3, {{{0, 1}}});
  const auto relevant = Matrix(3, {{{2, 1}}});
  const Evaluation e = Evaluated({model, train, relevant, {3}});
  EXPECT_EQ(e.overall.at("hit_rate@3"), 0);
  EXPECT_DOUBLE_EQ(e.overall.at("coverage@3"), 1.0 / 3);
}

TEST(EvaluateTest, UnitsWithoutRelevantItemsAndDislikedItemsAreLeftOut) {
  const FakeModel model(3, [](auto, uint32_t i) { return -static_cast<float>(i); });
  const auto train = Matrix(3, {{}, {}, {}});
  const auto relevant = Matrix(3, {{{0, 1}}, {}, {{1, -1}}});
  const Evaluation e = Evaluated({model, train, relevant, {1}});
  EXPECT_EQ(e.units, std::vector<uint32_t>{0});
  EXPECT_EQ(e.overall.at("recall@1"), 1);
}

// ---- A slow twin, written from the definitions
// --------------------------------------------------------------------------------

struct Twin {
  std::map<std::string, std::vector<double>> per_unit;
  std::vector<uint32_t> units;
};

Twin BruteForce(const FakeModel& model, const Cells& train, const Cells& relevant, uint32_t items,
                int k) {
  Twin out;
  for (uint32_t u = 0; u < train.size(); ++u) {
    std::set<uint32_t> seen;
    std::vector<models::Interaction> history;
    for (const auto& [i, w] : train[u]) {
      seen.insert(i);
      history.push_back({i, w});
    }
    std::set<uint32_t> wanted;
    for (const auto& [i, w] : relevant[u]) {
      if (w > 0 && seen.count(i) == 0) {
        wanted.insert(i);
      }
    }
    if (wanted.empty()) {
      continue;
    }
    std::vector<float> scores(items);
    model.Score(history, scores);
    std::vector<uint32_t> order(items);
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    std::vector<uint32_t> list;
    for (const uint32_t i : order) {
      if (seen.count(i) == 0 && scores[i] != kNever && list.size() < static_cast<size_t>(k)) {
        list.push_back(i);
      }
    }
    double hits = 0, dcg = 0, idcg = 0, ap = 0, rr = 0;
    for (size_t r = 0; r < list.size(); ++r) {
      if (wanted.count(list[r]) > 0) {
        hits += 1;
        dcg += std::log(2.0) / std::log(static_cast<double>(r) + 2);
        ap += hits / static_cast<double>(r + 1);
        rr = rr == 0 ? 1 / static_cast<double>(r + 1) : rr;
      }
    }
    const double most = std::min<double>(k, static_cast<double>(wanted.size()));
    for (int r = 0; r < static_cast<int>(most); ++r) {
      idcg += std::log(2.0) / std::log(r + 2.0);
    }
    out.units.push_back(u);
    out.per_unit["recall"].push_back(hits / static_cast<double>(wanted.size()));
    out.per_unit["precision"].push_back(hits / k);
    out.per_unit["ndcg"].push_back(dcg / idcg);
    out.per_unit["map"].push_back(ap / most);
    out.per_unit["mrr"].push_back(rr);
    out.per_unit["hit_rate"].push_back(hits > 0 ? 1 : 0);
  }
  return out;
}

RC_GTEST_PROP(EvaluateProperty, EqualsASlowTwinOnRandomData, ()) {
  const auto units = *rc::gen::inRange<uint32_t>(1, 12);
  const auto items = *rc::gen::inRange<uint32_t>(2, 40);
  const auto seed = *rc::gen::inRange<uint64_t>(0, 1'000'000);
  const int k = *rc::gen::inRange(1, 25);
  Rng rng(seed);
  const auto random_cells = [&](double share, bool negative) {
    Cells cells(units);
    for (uint32_t u = 0; u < units; ++u) {
      for (uint32_t i = 0; i < items; ++i) {
        if (rng.Chance(share)) {
          cells[u].emplace_back(i, negative && rng.Chance(0.2) ? -1.0F : static_cast<float>(u + 1));
        }
      }
    }
    return cells;
  };
  const Cells train = random_cells(0.2, false);
  const Cells relevant = random_cells(0.3, true);
  const FakeModel model(items, [seed](std::span<const models::Interaction> history, uint32_t i) {
    const uint64_t h = Mix64(seed ^ Mix64(UnitOf(history) * 1000 + i));
    return h % 7 == 0 ? kNever : static_cast<float>(h % 11);  // ties are common
  });
  const Twin twin = BruteForce(model, train, relevant, items, k);
  const auto train_csr = Matrix(items, train);
  const auto relevant_csr = Matrix(items, relevant);
  ThreadPool pool(2);
  const auto e = Evaluate({model, train_csr, relevant_csr, {k}}, pool, {});
  if (twin.units.empty()) {
    RC_ASSERT(e.status().code() == Code::kFailedPrecondition);
    return;
  }
  RC_ASSERT(e->units == twin.units);
  for (const auto& [metric, values] : twin.per_unit) {
    const auto& ours = e->per_unit.at(metric + "@" + std::to_string(k));
    for (size_t n = 0; n < values.size(); ++n) {
      RC_ASSERT(std::abs(ours[n] - values[n]) < 1e-12);
    }
  }
}

TEST(EvaluateTest, GivesTheSameBitsForAnyNumberOfThreads) {
  Rng rng(5);
  Cells train(300);
  Cells relevant(300);
  for (uint32_t u = 0; u < 300; ++u) {
    for (uint32_t i = 0; i < 200; ++i) {
      if (rng.Chance(0.05)) {
        train[u].emplace_back(i, static_cast<float>(u + 1));
      } else if (rng.Chance(0.05)) {
        relevant[u].emplace_back(i, 1.0F);
      }
    }
  }
  const FakeModel model(200, [](std::span<const models::Interaction> history, uint32_t i) {
    return static_cast<float>(Mix64(UnitOf(history) * 1000 + i) % 1000);
  });
  const auto t = Matrix(200, train);
  const auto r = Matrix(200, relevant);
  const Evaluation one = Evaluated({model, t, r, {10, 20}}, 1);
  for (const size_t threads : {2, 5}) {
    const Evaluation many = Evaluated({model, t, r, {10, 20}}, threads);
    EXPECT_EQ(one.per_unit, many.per_unit);
    EXPECT_EQ(one.overall, many.overall);
  }
}

// ---- Refusals
// --------------------------------------------------------------------------------------------------------------

TEST(EvaluateTest, SaysWhatDoesNotFit) {
  const FakeModel model(3, [](auto, uint32_t) { return 0.0F; });
  const FakeModel broken(3, [](auto, uint32_t) { return std::nanf(""); });
  const auto train = Matrix(3, {{}});
  const auto relevant = Matrix(3, {{{0, 1}}});
  const auto wide = Matrix(4, {{{0, 1}}});
  const auto none = Matrix(3, {{}});
  ThreadPool pool(1);
  EXPECT_EQ(Evaluate({model, train, wide, {1}}, pool, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Evaluate({model, wide, wide, {1}}, pool, {}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(Evaluate({model, train, relevant, {}}, pool, {}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Evaluate({model, train, relevant, {0}}, pool, {}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(Evaluate({model, train, none, {1}}, pool, {}).status().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(Evaluate({broken, train, relevant, {1}}, pool, {}).status().code(), Code::kInternal);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Evaluate({model, train, relevant, {1}}, pool, stop.get_token()).status().code(),
            Code::kCancelled);
}

TEST(EvaluateTest, TakesMetricNamesApart) {
  EXPECT_EQ(ParseMetricName("ndcg@20")->metric, "ndcg");
  EXPECT_EQ(ParseMetricName("hit_rate@5")->cutoff, 5);
  for (const char* bad :
       {"", "ndcg", "ndcg@", "ndcg@0", "ndcg@-1", "ndcg@1.5", "coverage@10", "@10"}) {
    EXPECT_EQ(ParseMetricName(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace hoego::training
