#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/csr.h"
#include "models/model.h"

namespace hoego::training {

// Full ranking: for each unit with relevant items, all items but those of her history (`train` row)
// are ranked by the model given that history. Ties are broken by item index; items scored -infinity
// (never trained) are not recommended at all, so a list may be shorter than k. Units without
// relevant items are left out.
//
// Relevant: cells of `relevant` above 0 that are not in her history. With R of them and hits at
// ranks r of the first k:
//   recall@k      hits / R
//   precision@k   hits / k
//   hit_rate@k    1 with a hit, else 0
//   mrr@k         1 / rank of the first hit, or 0
//   ndcg@k        sum of 1/log2(r+1), divided by that of the ideal list of min(k, R) hits
//                 (Jarvelin and Kekalainen 2002, binary gains)
//   map@k         sum of precision@r over the hits, divided by min(k, R)
// Other libraries divide recall by min(k, R) or map by R: compare variants before numbers.
//
// Of all recommended lists together (overall only):
//   coverage@k    items in at least one list / all items
//   novelty@k     mean over units of the mean of -log2(share of units with a history that know the
//                 item) (Vargas and Castells 2011; an item nobody knows counts as known to one)
//   gini@k        Gini index of how often each item is recommended: 0 all equally, towards 1 few
//                 items take all
struct EvaluateInput {
  const models::Model& model;
  const kernels::Csr& train;     // units x items: history given to the model, not ranked
  const kernels::Csr& relevant;  // units x items: what she did later
  std::vector<int> cutoffs = {10, 20};
};

// Values per unit, so that two models can be compared unit by unit. units.size() rows.
struct Evaluation {
  std::vector<uint32_t> units;                          // rows evaluated
  std::map<std::string, std::vector<double>> per_unit;  // "ndcg@10", "recall@10", "map@10", …
  std::map<std::string, double> overall;  // means of those; "coverage@10", "novelty@10", "gini@10"
  double seconds = 0;
};
// Threads: uses the whole pool; must not be called from one of its tasks. The same digits whatever
// the number of threads. InvalidArgument when shapes do not fit, FailedPrecondition when no unit
// has relevant items, Internal for a NaN score, Cancelled when asked to stop.
Result<Evaluation> Evaluate(const EvaluateInput& input, ThreadPool& pool,
                            const std::stop_token& stop);

// "ndcg@20" taken apart. InvalidArgument for a metric that Evaluate does not give per unit.
struct MetricName {
  std::string metric;
  int cutoff = 0;
};
Result<MetricName> ParseMetricName(std::string_view name);

struct Interval {
  double low = 0;
  double high = 0;
};
// Percentile bootstrap over units of the mean (Efron 1979); quantiles interpolate linearly.
// Reproducible by seed. NaN for no values. Cost: values x replicates draws.
Interval BootstrapMean(const std::vector<double>& values, double confidence, int replicates,
                       uint64_t seed);

// a − b, unit by unit.
struct PairedTest {
  double difference = 0;
  Interval interval;  // bootstrap
  double t = 0;
  double p_t = 1;  // paired t, two-sided
  double p_wilcoxon =
      1;  // signed rank, zeros dropped, normal approximation with tie correction (Wilcoxon 1945)
  uint64_t n = 0;
};
// InvalidArgument for lengths that differ or fewer than two units. All differences equal: p_t is 1
// when they are 0, else 0.
Result<PairedTest> ComparePaired(const std::vector<double>& a, const std::vector<double>& b,
                                 double confidence, int replicates, uint64_t seed);

}  // namespace hoego::training
