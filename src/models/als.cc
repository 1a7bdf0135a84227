#include "models/als.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "kernels/dense.h"
#include "models/internal/history.h"

namespace hoego::models {
namespace {

Status CheckObjective(const AlsObjective& objective) {
  const bool fine = std::isfinite(objective.alpha0) && objective.alpha0 >= 0 &&
                    std::isfinite(objective.regularization) && objective.regularization > 0 &&
                    std::isfinite(objective.nu);
  if (!fine) {
    return Status::InvalidArgument(
        fmt::format("als: alpha0 {} must be >= 0, regularization {} > 0, nu {} finite",
                    objective.alpha0, objective.regularization, objective.nu));
  }
  return {};
}

// This thread's solver: its buffers are kept between requests.
AlsRowSolver& ThreadSolver() {
  thread_local AlsRowSolver solver;
  return solver;
}

}  // namespace

AlsModel::AlsModel(Manifest manifest, std::vector<uint32_t> unmet, std::string extra_json)
    : StoredModel(std::move(manifest), std::move(extra_json), std::move(unmet)) {}

Result<std::shared_ptr<const AlsModel>> AlsModel::Create(
    Manifest manifest, std::span<const float> item_factors, std::span<const float> spectrum,
    const AlsObjective& objective, std::vector<uint32_t> unmet, std::string extra_json) {
  const size_t n = manifest.items.size();
  const size_t factors = spectrum.size();
  if (factors == 0 || item_factors.size() != n * factors) {
    return Status::InvalidArgument(fmt::format(
        "als: {} item factors do not fit {} items of {} factors", item_factors.size(), n, factors));
  }
  HOEGO_TRY(CheckObjective(objective));
  HOEGO_TRY(internal::CheckUnmet(unmet, n));
  HOEGO_TRY(internal::CheckFinite(item_factors, "item factors"));
  HOEGO_TRY(internal::CheckFinite(spectrum, "spectrum"));
  if (std::any_of(spectrum.begin(), spectrum.end(), [](float v) { return v < 0; })) {
    return Status::InvalidArgument("als: the spectrum holds a negative value");
  }
  std::shared_ptr<AlsModel> model(
      new AlsModel(std::move(manifest), std::move(unmet), std::move(extra_json)));
  const size_t stride = kernels::PaddedLength(factors);
  model->factors_ = factors;
  model->stride_ = stride;
  model->item_factors_.assign(n * stride, 0.0F);
  for (size_t i = 0; i < n; ++i) {
    const std::span<const float> row = item_factors.subspan(i * factors, factors);
    std::copy(row.begin(), row.end(),
              model->item_factors_.begin() + static_cast<std::ptrdiff_t>(i * stride));
    model->norms_.push_back(std::sqrt(kernels::Dot(row, row)));
  }
  model->side_ =
      MakeAlsSide(model->item_factors_, static_cast<uint32_t>(n), stride, spectrum, objective);
  return std::shared_ptr<const AlsModel>(std::move(model));
}

Result<std::shared_ptr<const Model>> AlsModel::Load(const internal::ModelReader& reader) {
  HOEGO_TRY_ASSIGN(const auto shape, reader.Shape("spectrum"));
  HOEGO_TRY_ASSIGN(const auto spectrum, reader.Read<float>("spectrum", shape));
  HOEGO_TRY_ASSIGN(const auto item_factors,
                   reader.Read<float>("item_factors", {reader.items(), spectrum.size()}));
  HOEGO_TRY_ASSIGN(const auto objective, reader.Read<double>("objective", {3}));
  HOEGO_TRY_ASSIGN(auto unmet, internal::ReadUnmet(reader));
  HOEGO_TRY_ASSIGN(auto model, Create(reader.manifest(), item_factors, spectrum,
                                      {objective[0], objective[1], objective[2]}, std::move(unmet),
                                      reader.extra_json()));
  return std::shared_ptr<const Model>(std::move(model));
}

void AlsModel::Score(std::span<const Interaction> history, std::span<float> scores) const {
  HOEGO_CHECK(scores.size() == items());
  thread_local kernels::AlignedFloats unit;
  unit.resize(stride_);
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  ThreadSolver().SolveExact(side_, sorted.items, sorted.weights, unit);
  kernels::ScoreAll(unit, item_factors_, stride_, scores);
  ExcludeUnmet(scores);
}

std::vector<float> AlsModel::UnitVector(std::span<const Interaction> history) const {
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  std::vector<float> unit(stride_);
  ThreadSolver().SolveExact(side_, sorted.items, sorted.weights, unit);
  unit.resize(factors_);
  return unit;
}

Result<std::vector<Scored>> AlsModel::Similar(uint32_t item, size_t n) const {
  HOEGO_TRY(CheckItem(item));
  std::vector<float> cosines(items());
  kernels::ScoreAll(item_vector(item), item_factors_, stride_, cosines);
  for (size_t i = 0; i < cosines.size(); ++i) {
    const float product = norms_[item] * norms_[i];
    cosines[i] = product > 0 ? cosines[i] / product : 0.0F;
  }
  ExcludeUnmet(cosines);
  return internal::ToScored(
      kernels::TopK(cosines, n, [&](uint32_t other) { return other != item; }));
}

Result<Explanation> AlsModel::Explain(std::span<const Interaction> history, uint32_t item) const {
  HOEGO_TRY(CheckItem(item));
  const internal::SortedHistory sorted = internal::SortHistory(history, items());
  AlsRowSolver& solver = ThreadSolver();
  std::vector<float> unit(stride_);
  Explanation why;
  if (!solver.SolveLong(side_, sorted.items, sorted.weights, unit)) {
    return why;
  }
  const auto vector_of = [&](uint32_t i) {
    return std::span<const float>(item_factors_).subspan(i * stride_, stride_);
  };
  why.score = static_cast<double>(kernels::Dot(unit, vector_of(item)));
  why.rest = why.score;
  std::vector<float> seen_by_item(vector_of(item).begin(), vector_of(item).end());
  solver.SolveAgain(seen_by_item);  // A⁻¹ y_i, A symmetric
  for (size_t h = 0; h < sorted.items.size(); ++h) {
    if (sorted.weights[h] > 0) {
      const float likeness = kernels::Dot(seen_by_item, vector_of(sorted.items[h]));
      why.contributions.push_back({sorted.items[h], static_cast<double>(sorted.weights[h]) *
                                                        static_cast<double>(likeness)});
      why.rest -= why.contributions.back().value;
    }
  }
  internal::SortContributions(why.contributions);
  return why;
}

Status AlsModel::Save(const std::string& folder) const {
  std::vector<float> packed;
  packed.reserve(items() * factors_);
  for (uint32_t i = 0; i < items(); ++i) {
    const std::span<const float> row = item_vector(i);
    packed.insert(packed.end(), row.begin(), row.end());
  }
  const std::span<const float> spectrum = std::span<const float>(side_.spectrum).first(factors_);
  const AlsObjective& o = side_.objective;
  const std::array<double, 3> objective = {o.alpha0, o.regularization, o.nu};
  return WriteWith(folder, {internal::MakeArray<float>("item_factors", packed, {items(), factors_}),
                            internal::MakeArray<float>("spectrum", spectrum, {factors_}),
                            internal::MakeArray<double>("objective", objective, {3})});
}

uint64_t AlsModel::resident_bytes() const {
  return shared_bytes() +
         (item_factors_.capacity() + norms_.capacity() + side_.spectrum.capacity()) * sizeof(float);
}

}  // namespace hoego::models
