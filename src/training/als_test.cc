#include "training/als.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/dense.h"
#include "kernels/simd.h"
#include "models/als.h"
#include "training/internal/als_trainer.h"
#include "training/internal/test_data.h"

namespace hoego::training {
namespace {

using internal::AlsOptions;
using internal::AlsTrainer;
using internal::HistoryOf;
using internal::ItemNames;

// Gaussian elimination with partial pivoting in double precision: the twin of the solver.
std::vector<double> SolveDense(std::vector<std::vector<double>> a, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t p = 0; p < n; ++p) {
    size_t best = p;
    for (size_t i = p; i < n; ++i) {
      best = std::fabs(a[i][p]) > std::fabs(a[best][p]) ? i : best;
    }
    std::swap(a[p], a[best]);
    std::swap(b[p], b[best]);
    for (size_t i = p + 1; i < n; ++i) {
      const double factor = a[i][p] / a[p][p];
      for (size_t j = p; j < n; ++j) {
        a[i][j] -= factor * a[p][j];
      }
      b[i] -= factor * b[p];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t j = i + 1; j < n; ++j) {
      b[i] -= a[i][j] * b[j];
    }
    b[i] /= a[i][i];
  }
  return b;
}

// The minimiser of a unit's part of the loss, straight from its definition in models/als_system.h.
std::vector<double> TwinOfFoldIn(const models::AlsModel& model, const models::AlsObjective& o,
                                 const std::vector<models::Interaction>& history) {
  const size_t d = model.factors();
  std::vector<std::vector<double>> a(d, std::vector<double>(d, 0.0));
  std::vector<double> b(d, 0.0);
  for (uint32_t i = 0; i < model.items(); ++i) {
    const auto y = model.item_vector(i);
    for (size_t r = 0; r < d; ++r) {
      for (size_t c = 0; c < d; ++c) {
        a[r][c] += o.alpha0 * static_cast<double>(y[r]) * static_cast<double>(y[c]);
      }
    }
  }
  for (const models::Interaction& e : history) {
    const auto y = model.item_vector(e.item);
    for (size_t r = 0; r < d; ++r) {
      for (size_t c = 0; c < d; ++c) {
        a[r][c] += std::fabs(static_cast<double>(e.weight)) * static_cast<double>(y[r]) *
                   static_cast<double>(y[c]);
      }
      b[r] += std::max(0.0, static_cast<double>(e.weight)) * static_cast<double>(y[r]);
    }
  }
  const double size =
      static_cast<double>(history.size()) + o.alpha0 * static_cast<double>(model.items());
  for (size_t r = 0; r < d; ++r) {
    a[r][r] += o.regularization * std::pow(size, o.nu);
  }
  return SolveDense(a, b);
}

kernels::Csr WeightedGroups(uint64_t seed) {
  kernels::Csr train = internal::MakeGroups(150, 70, 4, 14, seed).train;
  Rng rng(seed);
  for (float& w : train.values) {
    w = rng.Chance(0.1) ? -1.0F : static_cast<float>(0.5 + 2 * rng.Uniform());
  }
  return train;
}

TEST(AlsTest, FoldInIsTheMinimiserOfTheUnitsPartOfTheLoss) {
  const kernels::Csr train = WeightedGroups(1);
  const auto names = ItemNames(train.columns);
  const models::AlsObjective objective = {0.2, 0.01, 0.8};
  for (const std::string factors : {"1", "7", "16", "40"}) {
    const auto fitted = internal::FitWith(
        "als",
        {"factors=" + factors, "iterations=4", "alpha0=0.2", "regularization=0.01", "nu=0.8"},
        FitInput{train, names});
    ASSERT_TRUE(fitted.ok()) << fitted.status().ToString();
    const auto& model = dynamic_cast<const models::AlsModel&>(**fitted);
    for (uint32_t u = 0; u < train.rows; u += 29) {
      const auto history = HistoryOf(train, u);
      const auto x = model.UnitVector(history);
      const auto twin = TwinOfFoldIn(model, objective, history);
      for (size_t j = 0; j < x.size(); ++j) {
        EXPECT_NEAR(static_cast<double>(x[j]), twin[j], 2e-4)
            << "factors " << factors << " unit " << u;
      }
    }
  }
}

TEST(AlsTest, TheUnitHalfStepOfTrainingEqualsTheModelsFoldInTo1e5) {
  const kernels::Csr train = WeightedGroups(2);
  ThreadPool pool(1);
  AlsOptions options;
  options.factors = 24;
  AlsTrainer trainer(train, options, pool);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(trainer.UnitHalfStep({}).ok());
    ASSERT_TRUE(trainer.ItemHalfStep({}).ok());
  }
  const auto spectrum = trainer.SettleItems();
  ASSERT_TRUE(spectrum.ok());
  std::vector<float> items;
  for (uint32_t i = 0; i < train.columns; ++i) {
    const auto row = trainer.item_factors().subspan(i * trainer.stride(), options.factors);
    items.insert(items.end(), row.begin(), row.end());
  }
  models::Manifest manifest;
  manifest.items = ItemNames(train.columns);
  const auto model = models::AlsModel::Create(manifest, items, *spectrum, options.objective, {});
  ASSERT_TRUE(model.ok());
  ASSERT_TRUE(trainer.UnitHalfStep({}).ok());  // units for these items
  for (uint32_t u = 0; u < train.rows; ++u) {
    const auto scores = internal::ScoresOf(**model, HistoryOf(train, u));
    const auto x = trainer.unit_factors().subspan(u * trainer.stride(), trainer.stride());
    for (uint32_t i = 0; i < train.columns; ++i) {
      const auto y = trainer.item_factors().subspan(i * trainer.stride(), trainer.stride());
      ASSERT_NEAR(scores[i], kernels::Dot(x, y), 1e-5F) << "unit " << u << " item " << i;
    }
  }
}

RC_GTEST_PROP(AlsPropertyTest, TheLossNeverRisesWithExactSolves, ()) {
  const auto seed = *rc::gen::inRange<uint64_t>(0, 1'000'000);
  const kernels::Csr train = WeightedGroups(seed);
  ThreadPool pool(1);
  AlsOptions options;
  options.factors = *rc::gen::inRange<size_t>(1, 40);
  options.objective.alpha0 = *rc::gen::element(0.01, 0.1, 1.0);
  options.objective.regularization = *rc::gen::element(0.001, 0.01, 0.1);
  options.objective.nu = *rc::gen::element(0.0, 0.5, 1.0);
  options.seed = seed;
  AlsTrainer trainer(train, options, pool);
  double last = trainer.Loss();
  for (int half = 0; half < 8; ++half) {
    RC_ASSERT((half % 2 == 0 ? trainer.UnitHalfStep({}) : trainer.ItemHalfStep({})).ok());
    const double loss = trainer.Loss();
    RC_LOG() << "half step " << half << ": " << last << " -> " << loss;
    RC_ASSERT(loss <= last * (1 + 1e-5));
    last = loss;
  }
}

TEST(AlsTest, TheReportedLossIsItsDefinition) {
  const kernels::Csr train = WeightedGroups(3);
  ThreadPool pool(1);
  AlsOptions options;
  options.factors = 5;
  options.objective = {0.3, 0.02, 0.5};
  AlsTrainer trainer(train, options, pool);
  ASSERT_TRUE(trainer.UnitHalfStep({}).ok());
  const kernels::Csr by_item = kernels::Transpose(train);
  double expected = 0;
  const size_t stride = trainer.stride();
  const auto score = [&](uint32_t u, uint32_t i) {
    double s = 0;
    for (size_t j = 0; j < stride; ++j) {
      s += static_cast<double>(trainer.unit_factors()[u * stride + j]) *
           static_cast<double>(trainer.item_factors()[i * stride + j]);
    }
    return s;
  };
  const auto ridge = [&](const kernels::Csr& rows, uint32_t r, uint32_t others,
                         std::span<const float> factors) {
    double square = 0;
    for (size_t j = 0; j < stride; ++j) {
      square += std::pow(static_cast<double>(factors[r * stride + j]), 2);
    }
    return 0.02 * std::sqrt(static_cast<double>(rows.row_columns(r).size()) + 0.3 * others) *
           square;
  };
  for (uint32_t u = 0; u < train.rows; ++u) {
    for (uint32_t i = 0; i < train.columns; ++i) {
      expected += 0.3 * score(u, i) * score(u, i);
    }
    for (size_t k = 0; k < train.row_columns(u).size(); ++k) {
      const double w = static_cast<double>(train.row_values(u)[k]);
      expected +=
          std::fabs(w) * std::pow((w > 0 ? 1.0 : 0.0) - score(u, train.row_columns(u)[k]), 2);
    }
    expected += ridge(train, u, train.columns, trainer.unit_factors());
  }
  for (uint32_t i = 0; i < train.columns; ++i) {
    expected += ridge(by_item, i, train.rows, trainer.item_factors());
  }
  EXPECT_NEAR(trainer.Loss() / expected, 1, 1e-5);
}

// A long row passes the block that conjugate gradients gather at once, and the blocks of the Gram
// sum.
TEST(AlsTest, ConjugateGradientsConvergeToTheExactSolutionAlsoForLongRows) {
  constexpr uint32_t kItemCount = 20'000;
  constexpr size_t kStride = 16;
  Rng rng(4);
  kernels::AlignedFloats factors(kItemCount * kStride, 0.0F);
  for (size_t i = 0; i < kItemCount; ++i) {
    for (size_t j = 0; j < 11; ++j) {
      factors[i * kStride + j] = static_cast<float>(rng.Normal());
    }
  }
  // Any spectrum makes a system; that of these factors is about this one.
  const models::AlsSide side = models::MakeAlsSide(factors, kItemCount, kStride,
                                                   std::vector<float>(11, 2e4F), {0.1, 0.01, 1});
  for (const size_t events : {0U, 1U, 5U, 300U, 17'000U}) {
    std::vector<uint32_t> index;
    std::vector<float> weights;
    for (size_t k = 0; k < events; ++k) {
      index.push_back(static_cast<uint32_t>(k));
      weights.push_back(rng.Chance(0.2) ? -0.5F : static_cast<float>(rng.Uniform() + 0.5));
    }
    models::AlsRowSolver solver;
    std::vector<float> exact(kStride, 7.0F);
    std::vector<float> cg(kStride, 0.0F);
    ASSERT_TRUE(solver.SolveLong(side, index, weights, exact));
    solver.SolveCg(side, index, weights, 40, cg);
    double scale = 1e-3;
    for (const float v : exact) {
      scale = std::max(scale, std::fabs(static_cast<double>(v)));
    }
    for (size_t j = 0; j < kStride; ++j) {
      EXPECT_NEAR(static_cast<double>(cg[j]), static_cast<double>(exact[j]), 1e-4 * scale)
          << events << " events";
      EXPECT_TRUE(j < 11 || exact[j] == 0.0F) << "padding stays zero";
    }
  }
}

TEST(AlsTest, TheShortAndTheLongFormOfASystemHaveTheSameSolution) {
  constexpr size_t kStride = 48;
  Rng rng(8);
  kernels::AlignedFloats factors(200 * kStride, 0.0F);
  for (size_t i = 0; i < 200; ++i) {
    for (size_t j = 0; j < 41; ++j) {
      factors[i * kStride + j] =
          static_cast<float>(rng.Normal() / std::sqrt(static_cast<double>(j + 1)));
    }
  }
  std::vector<float> spectrum;
  for (size_t j = 0; j < 41; ++j) {
    spectrum.push_back(200.0F / static_cast<float>(j + 1));
  }
  const models::AlsSide side = models::MakeAlsSide(factors, 200, kStride, spectrum, {0.1, 0.01, 1});
  for (size_t events = 0; events < 100; events += 7) {
    std::vector<uint32_t> index;
    std::vector<float> weights;
    for (uint32_t k = 0; k < events; ++k) {
      index.push_back(k * 2);
      weights.push_back(k % 5 == 4 ? -0.5F : static_cast<float>(rng.Uniform() + 0.5));
    }
    models::AlsRowSolver solver;
    std::vector<float> in_short(kStride, 7.0F);
    std::vector<float> in_long(kStride, -7.0F);
    ASSERT_TRUE(solver.SolveShort(side, index, weights, in_short));
    ASSERT_TRUE(solver.SolveLong(side, index, weights, in_long));
    for (size_t j = 0; j < kStride; ++j) {
      EXPECT_NEAR(in_short[j], in_long[j], 1e-5F) << events << " events";
    }
  }
}

TEST(AlsTest, BothSolversReachTheSameLoss) {
  const kernels::Csr train = WeightedGroups(5);
  ThreadPool pool(1);
  double loss[2] = {0, 0};
  for (const int steps : {0, 3}) {
    AlsOptions options;
    options.factors = 8;
    options.cg_steps = steps;
    AlsTrainer trainer(train, options, pool);
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(trainer.UnitHalfStep({}).ok());
      ASSERT_TRUE(trainer.ItemHalfStep({}).ok());
    }
    loss[steps == 0 ? 0 : 1] = trainer.Loss();
  }
  EXPECT_NEAR(loss[1] / loss[0], 1, 0.01);
}

TEST(AlsTest, EverySimdLevelFindsTheSameScoresToSinglePrecision) {
  const kernels::Csr train = WeightedGroups(6);
  std::vector<std::vector<float>> found;
  const std::string before(kernels::SimdLevelName(kernels::ActiveSimdLevel()));
  for (const kernels::SimdLevel level : kernels::SupportedSimdLevels()) {
    ASSERT_TRUE(kernels::SetSimdLevel(kernels::SimdLevelName(level)).ok());
    for (const int steps : {0, 12}) {
      ThreadPool pool(1);
      AlsOptions options;
      options.factors = 20;
      options.cg_steps = steps;
      AlsTrainer trainer(train, options, pool);
      ASSERT_TRUE(trainer.UnitHalfStep({}).ok());
      std::vector<float>& scores = found.emplace_back(train.columns);
      kernels::ScoreAll(trainer.unit_factors().first(trainer.stride()), trainer.item_factors(),
                        trainer.stride(), scores);
    }
  }
  ASSERT_TRUE(kernels::SetSimdLevel(before).ok());
  for (size_t v = 1; v < found.size(); ++v) {
    for (size_t j = 0; j < found[0].size(); ++j) {
      ASSERT_NEAR(found[v][j], found[0][j], 1e-4F) << "variant " << v;
    }
  }
}

TEST(AlsTest, WeightsBeyondSinglePrecisionAreRefusedWithTheRow) {
  kernels::Csr train = internal::CheckerBoard(6);
  train.values[0] = 3e38F;
  const auto names = ItemNames(6);
  const auto model =
      internal::FitWith("als", {"factors=4", "init_stdev=100"}, FitInput{train, names});
  EXPECT_EQ(model.status().code(), Code::kFailedPrecondition);
  EXPECT_NE(model.status().message().find("unit row"), std::string_view::npos)
      << model.status().ToString();
}

}  // namespace
}  // namespace hoego::training
