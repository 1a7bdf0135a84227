#include "training/internal/als_trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/random.h"
#include "kernels/blas_dense.h"
#include "kernels/dense.h"
#include "training/internal/fit_common.h"

namespace hoego::training::internal {
namespace {

// Rows a task: small, because a few rows hold most of the events.
constexpr size_t kRowsPerTask = 16;
constexpr uint64_t kNone = ~uint64_t{0};

// Every row has its own generator, so that rows can be drawn in any order and by any thread.
void FillNormal(std::span<float> factors, size_t stride, size_t real, double stdev, uint64_t seed,
                ThreadPool& pool) {
  pool.ParallelFor(factors.size() / stride, 256, [&](size_t begin, size_t end, size_t /*worker*/) {
    for (size_t r = begin; r < end; ++r) {
      Rng rng(Mix64(seed) ^ Mix64(r + 1));
      for (size_t j = 0; j < real; ++j) {
        factors[r * stride + j] = static_cast<float>(stdev * rng.Normal());
      }
    }
  });
}

}  // namespace

AlsTrainer::AlsTrainer(const kernels::Csr& by_unit, const AlsOptions& options, ThreadPool& pool)
    : by_unit_(by_unit),
      by_item_(kernels::Transpose(by_unit)),
      options_(options),
      pool_(pool),
      stride_(kernels::PaddedLength(options.factors)),
      units_(size_t{by_unit.rows} * stride_, 0.0F),
      items_(size_t{by_unit.columns} * stride_, 0.0F),
      solvers_(Workers(pool)) {
  // Units start at zero: the first half-step solves for them, and conjugate gradients start there.
  FillNormal(items_, stride_, options.factors,
             options.init_stdev / std::sqrt(static_cast<double>(options.factors)), options.seed,
             pool);
}

kernels::AlignedFloats AlsTrainer::Gram(std::span<const float> factors) {
  const size_t d = stride_;
  const size_t rows = factors.size() / d;
  // At most 32 blocks, so that the partial sums stay small; a block is walked in pieces that fit
  // L1.
  const size_t block = std::max<size_t>(512, (rows + 31) / 32);
  const size_t piece = std::max<size_t>(16, 8192 / d);
  std::vector<kernels::AlignedFloats> partial((rows + block - 1) / block);
  pool_.ParallelFor(rows, block, [&](size_t begin, size_t end, size_t /*worker*/) {
    kernels::AlignedFloats& sum = partial[begin / block];
    sum.assign(d * d, 0.0F);
    for (size_t r = begin; r < end; r += piece) {
      kernels::AddGramUpper(factors.subspan(r * d, std::min(piece, end - r) * d), d, sum);
    }
  });
  kernels::AlignedFloats gram(d * d, 0.0F);
  for (const kernels::AlignedFloats& sum : partial) {
    kernels::Axpy(1.0F, sum, gram);
  }
  kernels::MirrorUpper(gram, d);
  return gram;
}

// Every row times the transposed basis, whose rows are the new axes.
void AlsTrainer::Turn(std::span<float> factors, std::span<const float> basis) {
  const size_t d = stride_;
  constexpr size_t kBlock = 256;
  pool_.ParallelFor(factors.size() / d, kBlock, [&](size_t begin, size_t end, size_t /*worker*/) {
    const std::span<float> rows = factors.subspan(begin * d, (end - begin) * d);
    const kernels::AlignedFloats before(rows.begin(), rows.end());
    kernels::GemmTransposed(before, basis, end - begin, d, d, rows);
  });
}

Result<std::vector<float>> AlsTrainer::Diagonalise(std::span<float> fixed, std::span<float> other) {
  const size_t real = options_.factors;
  const kernels::AlignedFloats gram = Gram(fixed);
  std::vector<float> vectors(real * real);
  for (size_t i = 0; i < real; ++i) {
    std::copy_n(gram.data() + i * stride_, real, vectors.data() + i * real);
  }
  std::vector<float> spectrum(real);
  HOEGO_TRY(kernels::DecomposeSymmetric(vectors, spectrum));
  for (float& value : spectrum) {
    value = std::max(value, 0.0F);  // a Gram matrix has none below; rounding may
  }
  kernels::AlignedFloats basis(stride_ * stride_, 0.0F);
  for (size_t i = 0; i < real; ++i) {
    std::copy_n(vectors.data() + i * real, real, basis.data() + i * stride_);
  }
  Turn(fixed, basis);
  Turn(other, basis);
  return spectrum;
}

Status AlsTrainer::HalfStep(const kernels::Csr& rows, std::span<float> fixed, uint32_t fixed_count,
                            std::span<float> solved, std::string_view what,
                            const std::stop_token& stop) {
  HOEGO_TRY_ASSIGN(const std::vector<float> spectrum, Diagonalise(fixed, solved));
  const models::AlsSide side =
      models::MakeAlsSide(fixed, fixed_count, stride_, spectrum, options_.objective);
  std::atomic<uint64_t> failed{kNone};
  const auto body = [&](size_t begin, size_t end, size_t worker) {
    models::AlsRowSolver& solver = solvers_[worker];
    for (size_t r = begin; r < end; ++r) {
      const uint32_t row = static_cast<uint32_t>(r);
      const std::span<float> x = solved.subspan(r * stride_, stride_);
      if (options_.cg_steps > 0) {
        solver.SolveCg(side, rows.row_columns(row), rows.row_values(row), options_.cg_steps, x);
      } else if (!solver.SolveExact(side, rows.row_columns(row), rows.row_values(row), x)) {
        failed.store(r);
      }
    }
  };
  pool_.ParallelFor(rows.rows, kRowsPerTask, body, stop);
  if (failed.load() != kNone) {
    return Status::FailedPrecondition(
        fmt::format("als: the system of {} {} is not positive definite in single precision; raise "
                    "regularization or alpha0, or lower "
                    "the weights",
                    what, failed.load()));
  }
  return {};
}

Status AlsTrainer::UnitHalfStep(const std::stop_token& stop) {
  return HalfStep(by_unit_, items_, by_unit_.columns, units_, "unit row", stop);
}

Status AlsTrainer::ItemHalfStep(const std::stop_token& stop) {
  return HalfStep(by_item_, units_, by_unit_.rows, items_, "item column", stop);
}

double AlsTrainer::SeenLoss() {
  constexpr size_t kBlock = 256;
  std::vector<double> partial((by_unit_.rows + kBlock - 1) / kBlock, 0.0);
  pool_.ParallelFor(by_unit_.rows, kBlock, [&](size_t begin, size_t end, size_t /*worker*/) {
    double sum = 0;
    for (size_t u = begin; u < end; ++u) {
      const std::span<const float> x = unit_factors().subspan(u * stride_, stride_);
      const auto items = by_unit_.row_columns(static_cast<uint32_t>(u));
      const auto weights = by_unit_.row_values(static_cast<uint32_t>(u));
      for (size_t k = 0; k < items.size(); ++k) {
        const double score = static_cast<double>(
            kernels::Dot(x, item_factors().subspan(items[k] * stride_, stride_)));
        const double target = weights[k] > 0 ? 1.0 : 0.0;
        sum += std::fabs(static_cast<double>(weights[k])) * (target - score) * (target - score);
      }
    }
    partial[begin / kBlock] = sum;
  });
  double sum = 0;
  for (const double p : partial) {
    sum += p;
  }
  return sum;
}

double AlsTrainer::RidgeLoss(const kernels::Csr& rows, std::span<const float> factors,
                             uint32_t other_count) const {
  const models::AlsSide sized = {{}, other_count, stride_, options_.objective, {}};
  double sum = 0;
  for (uint32_t r = 0; r < rows.rows; ++r) {
    const std::span<const float> x = factors.subspan(r * stride_, stride_);
    sum += static_cast<double>(sized.Ridge(rows.row_columns(r).size())) *
           static_cast<double>(kernels::Dot(x, x));
  }
  return sum;
}

double AlsTrainer::Loss() {
  // Σ over all pairs of (x·y)² is the inner product of the two Gram matrices.
  const kernels::AlignedFloats xx = Gram(units_);
  const kernels::AlignedFloats yy = Gram(items_);
  double all = 0;
  for (size_t i = 0; i < xx.size(); ++i) {
    all += static_cast<double>(xx[i]) * static_cast<double>(yy[i]);
  }
  return SeenLoss() + options_.objective.alpha0 * all +
         RidgeLoss(by_unit_, units_, by_unit_.columns) + RidgeLoss(by_item_, items_, by_unit_.rows);
}

}  // namespace hoego::training::internal
