#include "training/internal/fit_common.h"

#include <algorithm>
#include <cmath>

#include "kernels/simd.h"

namespace hoego::training::internal {

Status CheckInput(const FitInput& input) {
  const kernels::Csr& train = input.train;
  if (train.columns != input.items.size()) {
    return Status::InvalidArgument(fmt::format("train has {} columns, but {} item ids were given",
                                               train.columns, input.items.size()));
  }
  if (train.begin.size() != size_t{train.rows} + 1 || train.begin.front() != 0 ||
      train.begin.back() != train.cols.size() || train.values.size() != train.cols.size() ||
      !std::is_sorted(train.begin.begin(), train.begin.end())) {
    return Status::InvalidArgument(
        "train is no row-compressed matrix: row starts, columns and values do not fit");
  }
  for (size_t k = 0; k < train.cols.size(); ++k) {
    if (train.cols[k] >= train.columns || !std::isfinite(train.values[k])) {
      return Status::InvalidArgument(fmt::format("train entry {}: column {} of {}, weight {}", k,
                                                 train.cols[k], train.columns,
                                                 static_cast<double>(train.values[k])));
    }
  }
  if (input.times_ms != nullptr && input.times_ms->size() != train.cols.size()) {
    return Status::InvalidArgument(
        fmt::format("{} times for {} entries", input.times_ms->size(), train.cols.size()));
  }
  return {};
}

models::Manifest MakeManifest(std::string_view algorithm, const FitInput& input,
                              const Settings& params, const ThreadPool& pool) {
  models::Manifest manifest;
  manifest.algorithm = algorithm;
  manifest.items = input.items;
  manifest.params_json = ParamsJson(params);
  manifest.dataset_digest = input.dataset_digest;
  manifest.code_version = input.code_version;
  manifest.seed = input.seed;
  manifest.threads = static_cast<uint32_t>(Workers(pool));
  manifest.simd = kernels::SimdLevelName(kernels::ActiveSimdLevel());
  return manifest;
}

std::string ParamsJson(const Settings& params) {
  JsonWriter w;
  w.BeginObject();
  for (const Setting& setting : params.table()) {
    switch (setting.type) {
      case SettingType::kBool:
        w.Field(setting.name, params.Bool(setting.name));
        break;
      case SettingType::kInt:
      case SettingType::kDuration:
      case SettingType::kBytes:
        w.Field(setting.name, params.Int(setting.name));
        break;
      case SettingType::kDouble:
        w.Field(setting.name, params.Double(setting.name));
        break;
      case SettingType::kString:
      case SettingType::kChoice:
        w.Field(setting.name, params.String(setting.name));
        break;
    }
  }
  w.EndObject();
  return w.Take();
}

std::vector<uint32_t> UnmetItems(const kernels::Csr& train) {
  std::vector<bool> met(train.columns, false);
  for (size_t k = 0; k < train.cols.size(); ++k) {
    if (train.values[k] > 0) {
      met[train.cols[k]] = true;
    }
  }
  std::vector<uint32_t> unmet;
  for (uint32_t i = 0; i < train.columns; ++i) {
    if (!met[i]) {
      unmet.push_back(i);
    }
  }
  return unmet;
}

Status CancelledFit(std::string_view algorithm) {
  return Status::Cancelled(fmt::format("{}: training was asked to stop", algorithm));
}

}  // namespace hoego::training::internal
