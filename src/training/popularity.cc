#include "training/popularity.h"

#include <algorithm>
#include <cmath>

#include "models/popularity.h"
#include "training/internal/fit_common.h"

namespace hoego::training {

const std::vector<Setting>& Popularity::params() const {
  static const std::vector<Setting> table = {
      {"half_life", SettingType::kDuration, "0ms",
       "after this time an event counts half; longer: slower to forget; 0: all count the same", 0,
       1e13},
  };
  return table;
}

Plan Popularity::MakePlan(const FitInput& input, const Settings& /*params*/) const {
  return {static_cast<double>(input.train.nonzeros()) * 2, uint64_t{input.train.columns} * 12};
}

Result<std::shared_ptr<const models::Model>> Popularity::Fit(const FitInput& input,
                                                             const Settings& params,
                                                             ThreadPool& pool, Observer& observer,
                                                             const std::stop_token& stop) const {
  HOEGO_TRY(internal::CheckInput(input));
  const double half_life = static_cast<double>(params.Int("half_life"));
  if (half_life > 0 && input.times_ms == nullptr) {
    return Status::InvalidArgument(
        "popularity: half_life needs the times of events, which this data does not have");
  }
  if (stop.stop_requested()) {
    return internal::CancelledFit(name());
  }
  std::vector<double> sums(input.train.columns, 0.0);
  for (size_t k = 0; k < input.train.cols.size(); ++k) {
    const double weight = static_cast<double>(input.train.values[k]);
    if (weight > 0) {
      // An event later than now (a clock that runs ahead) counts as one of now.
      const double age =
          half_life > 0
              ? static_cast<double>(std::max<int64_t>(0, input.now_ms - (*input.times_ms)[k]))
              : 0;
      sums[input.train.cols[k]] += half_life > 0 ? weight * std::exp2(-age / half_life) : weight;
    }
  }
  observer.Progress(1, "counted");
  std::vector<float> scores(sums.begin(), sums.end());
  HOEGO_TRY_ASSIGN(auto model, models::PopularityModel::Create(
                                   internal::MakeManifest(name(), input, params, pool),
                                   std::move(scores), internal::UnmetItems(input.train)));
  return std::shared_ptr<const models::Model>(std::move(model));
}

}  // namespace hoego::training
