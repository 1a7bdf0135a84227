#include "training/evaluate.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/text.h"
#include "kernels/topk.h"

namespace hoego::training {
namespace {

constexpr size_t kGrain = 8;  // units a chunk: enough to hide the hand-out, few enough to balance
constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();

enum Metric : size_t { kRecall, kPrecision, kNdcg, kMap, kMrr, kHitRate, kMetrics };
constexpr std::array<std::string_view, kMetrics> kMetricNames = {"recall", "precision", "ndcg",
                                                                 "map",    "mrr",       "hit_rate"};

using Row = std::span<const uint32_t>;

bool Holds(Row ascending, uint32_t item) {
  return std::binary_search(ascending.begin(), ascending.end(), item);
}

// What one list of k is worth; `hits` are ranks from 1 in ascending order, of at most k.
std::array<double, kMetrics> Measure(std::span<const uint32_t> hits, size_t relevant, int k) {
  std::array<double, kMetrics> m{};
  double gain = 0;
  double precisions = 0;
  for (size_t h = 0; h < hits.size(); ++h) {
    gain += 1 / std::log2(hits[h] + 1.0);
    precisions += static_cast<double>(h + 1) / hits[h];
  }
  const auto most = std::min(static_cast<size_t>(k), relevant);
  double ideal = 0;
  for (size_t r = 1; r <= most; ++r) {
    ideal += 1 / std::log2(static_cast<double>(r) + 1);
  }
  const auto n = static_cast<double>(hits.size());
  m[kRecall] = n / static_cast<double>(relevant);
  m[kPrecision] = n / k;
  m[kNdcg] = gain / ideal;
  m[kMap] = precisions / static_cast<double>(most);
  m[kMrr] = hits.empty() ? 0 : 1.0 / hits.front();
  m[kHitRate] = hits.empty() ? 0 : 1;
  return m;
}

double Gini(std::vector<uint32_t> counts) {
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<double>(counts.size());
  double weighted = 0;
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    weighted += (2.0 * static_cast<double>(i + 1) - n - 1) * counts[i];
    sum += counts[i];
  }
  return sum == 0 ? 0 : weighted / (n * sum);
}

// The sum in the order of units: the same digits for any number of threads.
double Mean(const std::vector<double>& values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

Status CheckInput(const EvaluateInput& in) {
  if (in.train.rows != in.relevant.rows || in.train.columns != in.relevant.columns) {
    return Status::InvalidArgument(
        fmt::format("evaluate: history is {} x {}, relevant items are {} x {}", in.train.rows,
                    in.train.columns, in.relevant.rows, in.relevant.columns));
  }
  if (in.train.columns != in.model.items()) {
    return Status::InvalidArgument(fmt::format("evaluate: the model knows {} items, the data {}",
                                               in.model.items(), in.train.columns));
  }
  if (in.cutoffs.empty() || *std::min_element(in.cutoffs.begin(), in.cutoffs.end()) < 1) {
    return Status::InvalidArgument("evaluate: expected at least one cutoff, each above 0");
  }
  return {};
}

// One evaluation under way. Constant after construction but for what each task writes at its own
// unit, the counts (atomic) and the first bad unit (atomic minimum).
class Ranking {
 public:
  Ranking(const EvaluateInput& in, size_t workers)
      : in_(in), cutoffs_(in.cutoffs), scratch_(workers) {
    std::sort(cutoffs_.begin(), cutoffs_.end());
    cutoffs_.erase(std::unique(cutoffs_.begin(), cutoffs_.end()), cutoffs_.end());
    FindUnits();
    FindInformation();
    for (size_t c = 0; c < cutoffs_.size(); ++c) {
      for (auto& metric : columns_.emplace_back()) {
        metric.resize(units_.size());
      }
      novelty_.emplace_back(units_.size(), 0.0);
      counts_.push_back(std::vector<std::atomic<uint32_t>>(in_.train.columns));
    }
  }

  size_t units() const { return units_.size(); }
  uint32_t bad_unit() const { return bad_unit_.load(); }

  void RankUnit(size_t at, size_t worker) {
    Scratch& s = scratch_[worker];
    const uint32_t unit = units_[at];
    const Row seen = in_.train.row_columns(unit);
    const auto weights = in_.train.row_values(unit);
    s.history.clear();
    for (size_t i = 0; i < seen.size(); ++i) {
      s.history.push_back({seen[i], weights[i]});
    }
    s.scores.resize(in_.train.columns);
    in_.model.Score(s.history, s.scores);
    if (std::any_of(s.scores.begin(), s.scores.end(), [](float x) { return std::isnan(x); })) {
      uint32_t first = bad_unit_.load();
      while (unit < first && !bad_unit_.compare_exchange_weak(first, unit)) {
      }
      return;
    }
    const auto list = kernels::TopK(s.scores, static_cast<size_t>(cutoffs_.back()),
                                    [&](uint32_t item) { return !Holds(seen, item); });
    Record(at, list, s.hits);
  }

  Evaluation Finish() {
    Evaluation out;
    out.units = std::move(units_);
    for (size_t c = 0; c < cutoffs_.size(); ++c) {
      const auto name = [&](std::string_view metric) {
        return fmt::format("{}@{}", metric, cutoffs_[c]);
      };
      for (size_t m = 0; m < kMetrics; ++m) {
        out.overall[name(kMetricNames[m])] = Mean(columns_[c][m]);
        out.per_unit[name(kMetricNames[m])] = std::move(columns_[c][m]);
      }
      std::vector<uint32_t> counts(counts_[c].size());
      std::transform(counts_[c].begin(), counts_[c].end(), counts.begin(),
                     [](const auto& n) { return n.load(); });
      const auto shown =
          counts.size() - static_cast<size_t>(std::count(counts.begin(), counts.end(), 0u));
      out.overall[name("coverage")] =
          static_cast<double>(shown) / static_cast<double>(counts.size());
      out.overall[name("novelty")] = Mean(novelty_[c]);
      out.overall[name("gini")] = Gini(std::move(counts));
    }
    return out;
  }

 private:
  struct Scratch {
    std::vector<models::Interaction> history;
    std::vector<float> scores;
    std::vector<uint32_t> hits;
  };

  bool IsRelevant(uint32_t unit, size_t k) const {
    return in_.relevant.row_values(unit)[k] > 0 &&
           !Holds(in_.train.row_columns(unit), in_.relevant.row_columns(unit)[k]);
  }

  void FindUnits() {
    for (uint32_t unit = 0; unit < in_.relevant.rows; ++unit) {
      uint32_t n = 0;
      for (size_t k = 0; k < in_.relevant.row_columns(unit).size(); ++k) {
        n += IsRelevant(unit, k) ? 1 : 0;
      }
      if (n > 0) {
        units_.push_back(unit);
        relevant_count_.push_back(n);
      }
    }
  }

  // How surprising each item is: -log2 of the share of units that know it.
  void FindInformation() {
    std::vector<uint32_t> known(in_.train.columns, 0);
    for (const uint32_t item : in_.train.cols) {
      ++known[item];
    }
    uint32_t with_history = 0;
    for (uint32_t unit = 0; unit < in_.train.rows; ++unit) {
      with_history += in_.train.row_columns(unit).empty() ? 0 : 1;
    }
    information_.reserve(known.size());
    for (const uint32_t n : known) {
      information_.push_back(
          -std::log2(std::max(n, 1u) / static_cast<double>(std::max(with_history, 1u))));
    }
  }

  void Record(size_t at, std::span<const kernels::Ranked> list, std::vector<uint32_t>& hits) {
    const uint32_t unit = units_[at];
    const Row relevant = in_.relevant.row_columns(unit);
    hits.clear();
    size_t rank = 0;
    double information = 0;
    for (size_t c = 0; c < cutoffs_.size(); ++c) {
      for (; rank < list.size() && rank < static_cast<size_t>(cutoffs_[c]); ++rank) {
        const uint32_t item = list[rank].index;
        information += information_[item];
        const auto it = std::lower_bound(relevant.begin(), relevant.end(), item);
        if (it != relevant.end() && *it == item &&
            IsRelevant(unit, static_cast<size_t>(it - relevant.begin()))) {
          hits.push_back(static_cast<uint32_t>(rank + 1));
        }
      }
      const auto values = Measure(hits, relevant_count_[at], cutoffs_[c]);
      for (size_t m = 0; m < kMetrics; ++m) {
        columns_[c][m][at] = values[m];
      }
      novelty_[c][at] = rank == 0 ? 0 : information / static_cast<double>(rank);
      for (size_t r = 0; r < rank; ++r) {
        counts_[c][list[r].index].fetch_add(1, std::memory_order_relaxed);
      }
    }
  }

  const EvaluateInput& in_;
  std::vector<int> cutoffs_;
  std::vector<uint32_t> units_;
  std::vector<uint32_t> relevant_count_;                            // of each unit
  std::vector<double> information_;                                 // of each item
  std::vector<std::array<std::vector<double>, kMetrics>> columns_;  // cutoff, metric, unit
  std::vector<std::vector<double>> novelty_;                        // cutoff, unit
  std::vector<std::vector<std::atomic<uint32_t>>> counts_;          // cutoff, item
  std::vector<Scratch> scratch_;                                    // of each worker
  std::atomic<uint32_t> bad_unit_{kNone};
};

}  // namespace

Result<MetricName> ParseMetricName(std::string_view name) {
  const size_t at = name.find('@');
  const auto cutoff = at == std::string_view::npos ? std::nullopt : ParseInt(name.substr(at + 1));
  const std::string metric(name.substr(0, at));
  if (std::find(kMetricNames.begin(), kMetricNames.end(), metric) == kMetricNames.end() ||
      !cutoff || *cutoff < 1 || *cutoff > 1'000'000) {
    return Status::InvalidArgument(
        fmt::format("metric \"{}\": expected one of {}, then @ and a list length, as in ndcg@20",
                    name, fmt::join(kMetricNames, ", ")));
  }
  return MetricName{metric, static_cast<int>(*cutoff)};
}

Result<Evaluation> Evaluate(const EvaluateInput& input, ThreadPool& pool,
                            const std::stop_token& stop) {
  const auto started = SystemClock::Instance().Monotonic();
  HOEGO_TRY(CheckInput(input));
  Ranking ranking(input, pool.size() + 1);
  if (ranking.units() == 0) {
    return Status::FailedPrecondition("evaluate: no unit has relevant items beyond her history");
  }
  pool.ParallelFor(
      ranking.units(), kGrain,
      [&](size_t begin, size_t end, size_t worker) {
        for (size_t at = begin; at < end; ++at) {
          ranking.RankUnit(at, worker);
        }
      },
      stop);
  if (stop.stop_requested()) {
    return Status::Cancelled("evaluate: asked to stop");
  }
  if (ranking.bad_unit() != kNone) {
    return Status::Internal(fmt::format("evaluate: {} gave a score that is not a number for row {}",
                                        input.model.manifest().algorithm, ranking.bad_unit()));
  }
  Evaluation out = ranking.Finish();
  out.seconds =
      std::chrono::duration<double>(SystemClock::Instance().Monotonic() - started).count();
  return out;
}

}  // namespace hoego::training
