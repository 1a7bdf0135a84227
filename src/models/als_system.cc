#include "models/als_system.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "kernels/dense.h"
#include "kernels/spd.h"

namespace hoego::models {
namespace {

// The Gram kernel reads its rows once a tile: they should stay in L1 with the tile.
constexpr size_t kGramBlockFloats = 6 * 1024;
// The conjugate gradients read their rows once a step: they should stay in L2.
constexpr size_t kCgBlockFloats = 256 * 1024;

size_t RowsOf(size_t floats, size_t stride) {
  return std::max<size_t>(32, floats / stride);
}

}  // namespace

float AlsSide::Ridge(size_t events) const {
  const double size = static_cast<double>(events) + objective.alpha0 * static_cast<double>(count);
  return static_cast<float>(objective.regularization * std::pow(size, objective.nu));
}

AlsSide MakeAlsSide(std::span<const float> factors, uint32_t count, size_t stride,
                    std::span<const float> spectrum, const AlsObjective& objective) {
  HOEGO_CHECK(factors.size() == count * stride && spectrum.size() <= stride);
  AlsSide side;
  side.factors = factors;
  side.count = count;
  side.stride = stride;
  side.objective = objective;
  side.spectrum.assign(spectrum.begin(), spectrum.end());
  side.spectrum.resize(stride, 0.0F);
  return side;
}

void AlsRowSolver::PrepareWeights(std::span<const float> weights) {
  all_ones_ = true;
  total_ = 0;
  const size_t n = weights.size();
  magnitude_.resize(n);
  minus_magnitude_.resize(n);
  positive_.resize(n);
  root_.resize(n);
  root_positive_.resize(n);
  for (size_t k = 0; k < n; ++k) {
    const float w = weights[k];
    const float magnitude = std::fabs(w);
    const float root = std::sqrt(magnitude);
    all_ones_ = all_ones_ && w == 1.0F;
    total_ += magnitude;
    magnitude_[k] = magnitude;
    minus_magnitude_[k] = -magnitude;
    positive_[k] = w > 0 ? w : 0.0F;
    root_[k] = root;
    root_positive_[k] = w > 0 ? root : 0.0F;
  }
}

void AlsRowSolver::PrepareDiagonal(const AlsSide& side, size_t events) {
  diagonal_.resize(side.stride);
  const float alpha0 = static_cast<float>(side.objective.alpha0);
  const float ridge = side.Ridge(events);
  for (size_t i = 0; i < side.stride; ++i) {
    diagonal_[i] = alpha0 * side.spectrum[i] + ridge;
  }
}

bool AlsRowSolver::SolveExact(const AlsSide& side, std::span<const uint32_t> index,
                              std::span<const float> weights, std::span<float> x) {
  return kernels::PaddedLength(index.size()) < side.stride ? SolveShort(side, index, weights, x)
                                                           : SolveLong(side, index, weights, x);
}

bool AlsRowSolver::SolveLong(const AlsSide& side, std::span<const uint32_t> index,
                             std::span<const float> weights, std::span<float> x) {
  const size_t d = side.stride;
  PrepareWeights(weights);
  PrepareDiagonal(side, index.size());
  matrix_.assign(d * d, 0.0F);
  inverse_diagonal_.resize(d);
  for (size_t i = 0; i < d; ++i) {
    matrix_[i * d + i] = diagonal_[i];
  }
  std::fill(x.begin(), x.end(), 0.0F);
  const size_t block = RowsOf(kGramBlockFloats, d);
  rows_.resize(std::max(rows_.size(), block * d));
  for (size_t k = 0; k < index.size(); k += block) {
    const size_t n = std::min(block, index.size() - k);
    const std::span<float> rows(rows_.data(), n * d);
    // With rows √w·y both sums take the same gathered copy: Σ (√w·y)(√w·y)' and Σ √w·(√w·y).
    const auto scale =
        all_ones_ ? std::span<const float>() : std::span<const float>(root_).subspan(k, n);
    kernels::GatherRows(side.factors, d, index.subspan(k, n), scale, d, rows);
    kernels::AddGramUpper(rows, d, matrix_);
    kernels::AddRows(rows, d, std::span<const float>(root_positive_).subspan(k, n), x);
  }
  if (!kernels::FactorUpper(matrix_, d, inverse_diagonal_)) {
    std::fill(x.begin(), x.end(), 0.0F);
    return false;
  }
  kernels::SolveUpper(matrix_, d, inverse_diagonal_, x);
  return true;
}

bool AlsRowSolver::SolveShort(const AlsSide& side, std::span<const uint32_t> index,
                              std::span<const float> weights, std::span<float> x) {
  const size_t d = side.stride;
  const size_t n = kernels::PaddedLength(index.size());
  std::fill(x.begin(), x.end(), 0.0F);
  if (index.empty()) {
    return true;
  }
  PrepareWeights(weights);
  PrepareDiagonal(side, index.size());
  scale_.resize(d);
  for (size_t i = 0; i < d; ++i) {
    if (!(diagonal_[i] > 0)) {
      return false;
    }
    scale_[i] = 1.0F / std::sqrt(diagonal_[i]);
  }
  rows_.resize(std::max(rows_.size(), d * n));
  const std::span<float> transposed(rows_.data(), d * n);  // Z'
  kernels::GatherTransposed(side.factors, d, index, root_, scale_, n, transposed);
  matrix_.assign(n * n, 0.0F);
  inverse_diagonal_.resize(n);
  for (size_t k = 0; k < n; ++k) {
    matrix_[k * n + k] = 1;
  }
  kernels::AddGramUpper(transposed, n, matrix_);
  if (!kernels::FactorUpper(matrix_, n, inverse_diagonal_)) {
    return false;
  }
  short_.assign(n, 0.0F);
  std::copy(root_positive_.begin(), root_positive_.end(), short_.begin());
  kernels::SolveUpper(matrix_, n, inverse_diagonal_, short_);
  kernels::ScoreAll(short_, transposed, n, x);
  for (size_t i = 0; i < d; ++i) {
    x[i] *= scale_[i];
  }
  return true;
}

void AlsRowSolver::SolveAgain(std::span<float> b) const {
  kernels::SolveUpper(matrix_, inverse_diagonal_.size(), inverse_diagonal_, b);
}

void AlsRowSolver::AddProduct(const AlsSide& side, std::span<const uint32_t> index,
                              std::span<const float> offsets, std::span<const float> w,
                              std::span<const float> p, std::span<float> out,
                              bool rows_are_gathered) {
  const size_t d = side.stride;
  const size_t block = RowsOf(kCgBlockFloats, d);
  for (size_t k = 0; k < index.size(); k += block) {
    const size_t n = std::min(block, index.size() - k);
    const std::span<float> rows(rows_.data(), n * d);
    if (!rows_are_gathered) {
      kernels::GatherRows(side.factors, d, index.subspan(k, n), {}, d, rows);
    }
    kernels::AddNormalProduct(rows, offsets.empty() ? offsets : offsets.subspan(k, n),
                              w.subspan(k, n), p, out);
  }
}

void AlsRowSolver::SolveCg(const AlsSide& side, std::span<const uint32_t> index,
                           std::span<const float> weights, int steps, std::span<float> x) {
  const size_t d = side.stride;
  PrepareWeights(weights);
  PrepareDiagonal(side, index.size());
  const size_t block = RowsOf(kCgBlockFloats, d);
  rows_.resize(std::max(rows_.size(), std::min(block, index.size()) * d));
  const bool gathered = index.size() <= block;
  residual_.assign(d, 0.0F);
  direction_.resize(d);
  product_.resize(d);
  scale_.resize(d);
  // r = b − A·x, and M⁻¹.
  AddProduct(side, index, positive_, minus_magnitude_, x, residual_, false);
  const float share = total_ / static_cast<float>(std::max<uint32_t>(side.count, 1));
  float rho = 0;
  for (size_t i = 0; i < d; ++i) {
    residual_[i] -= diagonal_[i] * x[i];
    scale_[i] = 1.0F / (diagonal_[i] + share * side.spectrum[i]);
    direction_[i] = scale_[i] * residual_[i];
  }
  rho = kernels::Dot(residual_, direction_);
  for (int step = 0; step < steps && rho > 1e-20F; ++step) {
    for (size_t i = 0; i < d; ++i) {
      product_[i] = diagonal_[i] * direction_[i];
    }
    AddProduct(side, index, {}, magnitude_, direction_, product_, gathered);
    const float alpha = rho / kernels::Dot(direction_, product_);
    kernels::Axpy(alpha, direction_, x);
    if (step + 1 == steps) {
      return;
    }
    kernels::Axpy(-alpha, product_, residual_);
    for (size_t i = 0; i < d; ++i) {
      product_[i] = scale_[i] * residual_[i];
    }
    const float next = kernels::Dot(residual_, product_);
    const float beta = next / rho;
    for (size_t i = 0; i < d; ++i) {
      direction_[i] = product_[i] + beta * direction_[i];
    }
    rho = next;
  }
}

}  // namespace hoego::models
