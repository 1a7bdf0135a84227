#include "training/als.h"

#include <algorithm>
#include <cmath>

#include "models/als.h"
#include "training/internal/als_trainer.h"
#include "training/internal/fit_common.h"

namespace hoego::training {
namespace {

internal::AlsOptions ReadOptions(const FitInput& input, const Settings& params) {
  internal::AlsOptions options;
  options.factors = static_cast<size_t>(params.Int("factors"));
  options.objective = {params.Double("alpha0"), params.Double("regularization"),
                       params.Double("nu")};
  options.init_stdev = params.Double("init_stdev");
  options.seed = input.seed;
  options.cg_steps = params.String("solver") == "cg" ? static_cast<int>(params.Int("cg_steps")) : 0;
  return options;
}

Result<std::shared_ptr<const models::Model>> MakeModel(internal::AlsTrainer& trainer,
                                                       models::Manifest manifest,
                                                       const internal::AlsOptions& options,
                                                       std::vector<uint32_t> unmet) {
  HOEGO_TRY_ASSIGN(const std::vector<float> spectrum, trainer.SettleItems());
  const size_t d = options.factors;
  std::vector<float> items(manifest.items.size() * d);
  for (size_t i = 0; i < manifest.items.size(); ++i) {
    std::copy_n(trainer.item_factors().data() + i * trainer.stride(), d, items.data() + i * d);
  }
  HOEGO_TRY_ASSIGN(auto model, models::AlsModel::Create(std::move(manifest), items, spectrum,
                                                        options.objective, std::move(unmet)));
  return std::shared_ptr<const models::Model>(std::move(model));
}

}  // namespace

const std::vector<Setting>& Als::params() const {
  static const std::vector<Setting> table = {
      {"factors", SettingType::kInt, "64",
       "length of the vectors; larger: finer, time grows with its square", 1, 2048},
      {"iterations", SettingType::kInt, "15", "over units and items; larger: closer to the optimum",
       1, 1000},
      {"alpha0", SettingType::kDouble, "0.1",
       "weight of a pair that was not seen; a seen one has its own on top", 0, 1e6},
      {"regularization", SettingType::kDouble, "0.003",
       "pull of all vectors to zero; larger: more cautious", 1e-9, 1e9},
      {"nu", SettingType::kDouble, "1",
       "how regularization grows with a row's events: 0 not at all, 1 in step", 0, 2},
      {"init_stdev", SettingType::kDouble, "0.1",
       "of the first item vectors, divided by the root of factors", 1e-9, 1e3},
      {"solver",
       SettingType::kChoice,
       "cholesky",
       "exact, or a few steps towards it",
       0,
       0,
       {"cholesky", "cg"}},
      {"cg_steps", SettingType::kInt, "3", "of solver=cg: larger: closer to exact, slower", 1, 100},
      {"loss", SettingType::kBool, "true", "report the training loss after each iteration"},
  };
  return table;
}

Plan Als::MakePlan(const FitInput& input, const Settings& params) const {
  const double d = static_cast<double>(params.Int("factors"));
  const double z = static_cast<double>(input.train.nonzeros());
  const double rows =
      static_cast<double>(input.train.rows) + static_cast<double>(input.train.columns);
  const double steps = static_cast<double>(params.Int("cg_steps")) + 1;
  const double iteration = params.String("solver") == "cg"
                               ? 8 * steps * z * d + rows * steps * 2 * d * d
                               : 2 * z * d * d + rows * (d * d * d / 3 + 2 * d * d);
  return {iteration * static_cast<double>(params.Int("iterations")),
          static_cast<uint64_t>(rows * d * 4 + z * 8 + 64 * d * d * 4)};
}

Result<std::shared_ptr<const models::Model>> Als::Fit(const FitInput& input, const Settings& params,
                                                      ThreadPool& pool, Observer& observer,
                                                      const std::stop_token& stop) const {
  HOEGO_TRY(internal::CheckInput(input));
  const internal::AlsOptions options = ReadOptions(input, params);
  internal::AlsTrainer trainer(input.train, options, pool);
  const int64_t iterations = params.Int("iterations");
  for (int64_t i = 0; i < iterations; ++i) {
    HOEGO_TRY(trainer.UnitHalfStep(stop));
    if (!stop.stop_requested()) {
      HOEGO_TRY(trainer.ItemHalfStep(stop));
    }
    if (stop.stop_requested()) {
      return internal::CancelledFit(name());
    }
    observer.Progress(static_cast<double>(i + 1) / static_cast<double>(iterations), "iterations");
    if (params.Bool("loss")) {
      observer.Metric("loss", trainer.Loss(), i + 1);
    }
  }
  return MakeModel(trainer, internal::MakeManifest(name(), input, params, pool), options,
                   internal::UnmetItems(input.train));
}

}  // namespace hoego::training
