#include "training/ease.h"

#include <algorithm>

#include "kernels/blas_dense.h"
#include "models/ease.h"
#include "training/internal/fit_common.h"

namespace hoego::training {
namespace {

// Upper triangle of X'X + l2·I. Row i gathers the rows of the units that met item i: no two threads
// write one row, and each sum runs over the units in ascending order.
template <class T>
void FillGram(const kernels::Csr& train, const kernels::Csr& by_item, double l2, std::span<T> gram,
              ThreadPool& pool, const std::stop_token& stop) {
  const size_t n = train.columns;
  const auto body = [&](size_t begin, size_t end, size_t /*worker*/) {
    for (size_t i = begin; i < end; ++i) {
      T* row = gram.data() + i * n;
      row[i] = static_cast<T>(l2);
      const auto units = by_item.row_columns(static_cast<uint32_t>(i));
      const auto weights = by_item.row_values(static_cast<uint32_t>(i));
      for (size_t k = 0; k < units.size(); ++k) {
        const auto items = train.row_columns(units[k]);
        const auto values = train.row_values(units[k]);
        const auto from = std::lower_bound(items.begin(), items.end(), static_cast<uint32_t>(i));
        for (size_t j = static_cast<size_t>(from - items.begin()); j < items.size(); ++j) {
          row[items[j]] += static_cast<T>(weights[k]) * static_cast<T>(values[j]);
        }
      }
    }
  };
  pool.ParallelFor(n, 16, body, stop);
}

// B = −P / diag(P) by columns, from the upper triangle of P.
template <class T>
std::vector<float> WeightsFromInverse(std::span<const T> p, size_t n, ThreadPool& pool) {
  std::vector<float> b(n * n);
  const auto body = [&](size_t begin, size_t end, size_t /*worker*/) {
    for (size_t i = begin; i < end; ++i) {
      for (size_t j = 0; j < n; ++j) {
        const T pij = i <= j ? p[i * n + j] : p[j * n + i];
        b[i * n + j] = i == j ? 0.0F : static_cast<float>(-pij / p[j * n + j]);
      }
    }
  };
  pool.ParallelFor(n, 16, body);
  return b;
}

template <class T>
Result<std::vector<float>> Solve(const kernels::Csr& train, double l2, ThreadPool& pool,
                                 Observer& observer, const std::stop_token& stop) {
  const size_t n = train.columns;
  std::vector<T> gram(n * n, T{0});
  FillGram<T>(train, kernels::Transpose(train), l2, gram, pool, stop);
  if (stop.stop_requested()) {
    return internal::CancelledFit("ease");
  }
  observer.Progress(0.2, "counted pairs");
  const Status inverted = kernels::InvertSpdUpper(gram, n);
  if (!inverted.ok()) {
    return inverted.Within("ease: raise l2");
  }
  if (stop.stop_requested()) {
    return internal::CancelledFit("ease");
  }
  observer.Progress(0.9, "inverted");
  return WeightsFromInverse<T>(gram, n, pool);
}

}  // namespace

const std::vector<Setting>& Ease::params() const {
  static const std::vector<Setting> table = {
      {"l2", SettingType::kDouble, "200",
       "added to the diagonal; larger: more cautious, popular items gain", 1e-6, 1e9},
      {"precision",
       SettingType::kChoice,
       "double",
       "of the inverse; single halves memory and time and is enough for l2 above 10",
       0,
       0,
       {"double", "single"}},
  };
  return table;
}

Plan Ease::MakePlan(const FitInput& input, const Settings& params) const {
  const double n = static_cast<double>(input.train.columns);
  double pairs = 0;
  for (uint32_t u = 0; u < input.train.rows; ++u) {
    const double events = static_cast<double>(input.train.row_columns(u).size());
    pairs += events * events;
  }
  const double bytes = n * n * (params.String("precision") == "double" ? 12 : 8);
  return {pairs + n * n * n, static_cast<uint64_t>(bytes) + input.train.nonzeros() * 8};
}

Result<std::shared_ptr<const models::Model>> Ease::Fit(const FitInput& input,
                                                       const Settings& params, ThreadPool& pool,
                                                       Observer& observer,
                                                       const std::stop_token& stop) const {
  HOEGO_TRY(internal::CheckInput(input));
  const double l2 = params.Double("l2");
  const bool twice = params.String("precision") == "double";
  HOEGO_TRY_ASSIGN(auto weights, twice ? Solve<double>(input.train, l2, pool, observer, stop)
                                       : Solve<float>(input.train, l2, pool, observer, stop));
  HOEGO_TRY_ASSIGN(
      auto model, models::EaseModel::Create(internal::MakeManifest(name(), input, params, pool),
                                            std::move(weights), internal::UnmetItems(input.train)));
  observer.Progress(1, "done");
  return std::shared_ptr<const models::Model>(std::move(model));
}

}  // namespace hoego::training
