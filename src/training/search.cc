#include "training/search.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "training/evaluate.h"

namespace hoego::training {
namespace {

constexpr uint64_t kMostCombinations = 1'000'000;

double SecondsSince(const Clock& clock, std::chrono::nanoseconds start) {
  return std::chrono::duration<double>(clock.Monotonic() - start).count();
}

Params At(const SearchSpec& spec, uint64_t place) {
  Params params;
  for (auto it = spec.grid.rbegin(); it != spec.grid.rend(); ++it) {
    params[it->first] = it->second[place % it->second.size()];
    place /= it->second.size();
  }
  return params;
}

std::string Describe(const Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value);
  }
  return text;
}

// Refuses what no fit could use, so that a wrong last value is not found after hours.
Result<uint64_t> CheckGrid(const Algorithm& algorithm, const Params& fixed,
                           const SearchSpec& spec) {
  HOEGO_TRY_ASSIGN(Settings settings, ParamsFor(algorithm, fixed));
  uint64_t combinations = 1;
  for (const auto& [name, values] : spec.grid) {
    if (fixed.count(name) > 0) {
      return Status::InvalidArgument(fmt::format("search: {} is both fixed and searched", name));
    }
    if (values.empty()) {
      return Status::InvalidArgument(fmt::format("search: {} has no values to try", name));
    }
    for (const std::string& value : values) {
      HOEGO_TRY(settings.Set(name, value)
                    .Within(fmt::format("search: parameter of {}", algorithm.name())));
    }
    combinations *= values.size();
    if (combinations > kMostCombinations) {
      return Status::InvalidArgument(fmt::format(
          "search: the grid has more than {} combinations; give fewer values", kMostCombinations));
    }
  }
  if (!(spec.max_seconds >= 0)) {
    return Status::InvalidArgument(
        fmt::format("search: seconds {}: expected 0 or more", spec.max_seconds));
  }
  return combinations;
}

std::vector<uint64_t> OrderOfTrials(const SearchSpec& spec, uint64_t combinations) {
  std::vector<uint64_t> places(combinations);
  std::iota(places.begin(), places.end(), uint64_t{0});
  if (spec.kind == SearchKind::kRandom) {
    Rng rng(spec.seed);
    rng.Shuffle(places);
  }
  if (spec.max_trials > 0 && spec.max_trials < places.size()) {
    places.resize(spec.max_trials);
  }
  return places;
}

// Shows a fit's progress as its share of the whole search. Its own metrics would mix with those of
// other trials.
class TrialObserver final : public Observer {
 public:
  TrialObserver(Observer& outer, size_t trial, size_t trials, std::string what)
      : outer_(outer), trial_(trial), trials_(trials), what_(std::move(what)) {}
  void Progress(double share, std::string_view) override {
    outer_.Progress(
        (static_cast<double>(trial_) + std::clamp(share, 0.0, 1.0)) / static_cast<double>(trials_),
        what_);
  }
  void Metric(std::string_view, double, int64_t) override {}

 private:
  Observer& outer_;
  const size_t trial_;
  const size_t trials_;
  const std::string what_;
};

struct TrialInput {
  const Algorithm& algorithm;
  const FitInput& fit;
  const kernels::Csr& validate;
  const Params& fixed;
  MetricName objective;
};

Status RunTrial(const TrialInput& in, ThreadPool& pool, Observer& observer,
                const std::stop_token& stop, Trial& trial) {
  Params all = in.fixed;
  all.insert(trial.params.begin(), trial.params.end());
  HOEGO_TRY_ASSIGN(const Settings settings, ParamsFor(in.algorithm, all));
  HOEGO_TRY_ASSIGN(const auto model, in.algorithm.Fit(in.fit, settings, pool, observer, stop));
  HOEGO_TRY_ASSIGN(
      Evaluation evaluation,
      Evaluate({*model, in.fit.train, in.validate, {in.objective.cutoff}}, pool, stop));
  trial.metrics = std::move(evaluation.overall);
  trial.objective =
      trial.metrics.at(fmt::format("{}@{}", in.objective.metric, in.objective.cutoff));
  return {};
}

// The first error when no trial has an objective.
Result<size_t> Best(const std::vector<Trial>& trials) {
  size_t best = trials.size();
  for (size_t i = 0; i < trials.size(); ++i) {
    if (!trials[i].error.empty()) {
      continue;
    }
    const auto rank = [&](size_t t) { return std::pair(-trials[t].objective, trials[t].place); };
    if (best == trials.size() || rank(i) < rank(best)) {
      best = i;
    }
  }
  if (best == trials.size()) {
    return Status::FailedPrecondition(
        fmt::format("search: none of {} trials could be fitted; the first, {}: {}", trials.size(),
                    Describe(trials.front().params), trials.front().error));
  }
  return best;
}

}  // namespace

Result<Settings> ParamsFor(const Algorithm& algorithm, const Params& params) {
  Settings settings(algorithm.params());
  for (const auto& [name, value] : params) {
    HOEGO_TRY(settings.Set(name, value).Within(fmt::format("parameter of {}", algorithm.name())));
  }
  return settings;
}

Result<SearchResult> Search(const Algorithm& algorithm, const FitInput& fit,
                            const kernels::Csr& validate, const Params& fixed,
                            const SearchSpec& spec, ThreadPool& pool, Observer& observer,
                            const std::stop_token& stop, const Clock& clock) {
  HOEGO_TRY_ASSIGN(const uint64_t combinations, CheckGrid(algorithm, fixed, spec));
  HOEGO_TRY_ASSIGN(MetricName objective, ParseMetricName(spec.objective));
  const TrialInput input{algorithm, fit, validate, fixed, std::move(objective)};
  const std::vector<uint64_t> places = OrderOfTrials(spec, combinations);
  const auto start = clock.Monotonic();
  SearchResult result;
  result.combinations = combinations;
  for (size_t t = 0; t < places.size(); ++t) {
    if (t > 0 && spec.max_seconds > 0 && SecondsSince(clock, start) >= spec.max_seconds) {
      result.out_of_time = true;
      break;
    }
    Trial trial;
    trial.place = places[t];
    trial.params = At(spec, places[t]);
    TrialObserver trial_observer(
        observer, t, places.size(),
        fmt::format("trial {} of {}: {}", t + 1, places.size(), Describe(trial.params)));
    trial_observer.Progress(0, "");
    const auto trial_start = clock.Monotonic();
    const Status status = RunTrial(input, pool, trial_observer, stop, trial);
    trial.seconds = SecondsSince(clock, trial_start);
    if (stop.stop_requested() || status.code() == Code::kCancelled) {
      return Status::Cancelled("search: asked to stop");
    }
    if (status.ok()) {
      observer.Metric("search/" + spec.objective, trial.objective, static_cast<int64_t>(t));
    } else {
      trial.error = status.ToString();
    }
    result.trials.push_back(std::move(trial));
  }
  HOEGO_TRY_ASSIGN(result.best, Best(result.trials));
  result.seconds = SecondsSince(clock, start);
  return result;
}

}  // namespace hoego::training
